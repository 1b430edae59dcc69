"""The figures of throughput.py as a Markdown page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scamdetect.train.cells import counted, estimate
from scamdetect.train.pages import table


def page(record: Mapping[str, Any]) -> list[str]:
    """Return the lines of the page."""
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    load = record["load_average"]
    lines = [
        "# Throughput",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']} "
        f"({record['doctor'].get('processor', 'features unknown')}). {versions}. Medians of "
        f"{record['rounds']} rounds in one process, the conditions in turn; load average "
        f"{load['before'][0]:.1f} before, {load['after'][0]:.1f} after. What each condition is: "
        "`benchmarks/throughput.py`; what each workload is: `benchmarks/throughput_workloads.py`. "
        f"Recall and false alarms [95 % interval] are at the threshold that 1 % of "
        f"{record['calibrate_texts']:,} honest calibrate messages reach, copies counted once; all "
        "messages are by the writers from whom the model and the peers learnt.",
    ]
    if record["skipped"]:
        skipped = "; ".join(f"{name} ({why})" for name, why in record["skipped"].items())
        lines += ["", f"Not measured: {skipped}."]
    for workload, figures in record["workloads"].items():
        described = ", ".join(f"{name} {figure}" for name, figure in figures.items())
        if (cleared := record["cleared"].get(workload)) is not None:
            described += f", cleared without the encoder {cleared:.1%}"
        lines += ["", f"## {workload.capitalize()}", "", f"{described}.", ""]
        lines += _rates([one for one in record["throughput"] if one["workload"] == workload])
    return [
        *lines,
        "",
        "## One message a call",
        "",
        *table(
            ["condition", "n", "p50 ms", "p99 ms"],
            [
                [one["condition"], f"{one['n']:,}", f"{one['p50_ms']:.1f}", f"{one['p99_ms']:.1f}"]
                for one in record["latency"]
            ],
        ),
        "",
        "## Fresh processes",
        "",
        *_processes(record),
    ]


def _rates(rows: list[dict[str, Any]]) -> list[str]:
    baselines = list(rows[0]["ratios"])
    header = ["condition", "texts", "texts/s", "lowest to highest"]
    return table(
        [*header, *(f"x {name}" for name in baselines), "recall", "false alarms"],
        [
            [
                one["condition"],
                f"{one['texts']:,}",
                f"{one['median']:,.0f}",
                f"{min(one['per_second']):,.0f} to {max(one['per_second']):,.0f}",
                *(f"{ratio:.2f}" for ratio in one["ratios"].values()),
                *(counted(estimate(one[name])) for name in ("recall", "false_alarms")),
            ]
            for one in rows
        ],
    )


def _processes(record: Mapping[str, Any]) -> list[str]:
    stages = record["cold_start_seconds"]
    cold = ", ".join(
        f"{name} {found['median']:.2f} s" for name, found in stages.items() if name != "total"
    )
    total = stages["total"]
    memory = ", ".join(
        f"{one['MB']:.0f} MB for {one['rows']:,} rows" for one in record["peak_memory"]
    )
    return [
        f"Cold start to the first answer {total['median']:.2f} s [{total['lowest']:.2f}, "
        f"{total['highest']:.2f}]: {cold}. Peak memory of a stream above the bare interpreter: "
        f"{memory or 'not measured'}. Bundle {record['bundle_MB']} MB.",
    ]
