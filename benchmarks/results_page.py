"""Write the README's table and the pages of results from the figures of the shipped bundle.

    python benchmarks/results_page.py [--write]

Every number comes from a JSON file in ``benchmarks/results``; the page names the script of each.
Without ``--write`` all are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.statistics import Estimate
from scamdetect.train.cells import change, counted, decimal, estimate, percent, points
from scamdetect.train.data.scores import file_stem
from scamdetect.train.pages import between_markers, table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
README, PAGE = ROOT / "README.md", ROOT / "docs" / "results.md"
GROUPS_PAGE = PAGE.with_name("results_by_group.md")
START, END = "<!-- results: benchmarks/results_page.py -->", "<!-- /results -->"
OTHER_MODEL = "fraud_r1_base"  # lures by deepseek-r1, which wrote no training row
SPEED_ON = "chat"  # the workload of the speed in the README
FEWEST_OF_A_TYPE = 60
Record = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """The records of the shipped bundle; ``names`` are it, the one before, and TF-IDF."""

    pools: Record
    final: Record
    everyday: Record
    untrained: Record
    evasion: Record
    opened: Record  # the test sources
    parity: Record
    throughput: Record
    names: tuple[str, ...]

    @property
    def ours(self) -> str:
        """The id of the shipped bundle."""
        return self.names[0]

    @property
    def detectors(self) -> list[Record]:
        """What the pools say of each of ``names``."""
        return [self.pools["detectors"][name] for name in self.names]

    def pool(self, name: str) -> list[Record]:
        """Return the figures of one pool, of each of ``names``."""
        return [next(p for p in one["pools"] if p["name"] == name) for one in self.detectors]


def load() -> Figures:
    """Read the results of the shipped bundle."""
    bundle = Bundle.load(None)
    stem = file_stem(bundle.model_id)
    pools = _read("pools-check")
    return Figures(
        pools=pools,
        final=_read(f"final-{stem}"),
        everyday=_read(f"everyday-{stem}"),
        untrained=_read(f"untrained-{stem}"),
        evasion=_read("evasion-scamdetect-small"),
        opened=_read("evaluate-scamdetect-small-final"),
        parity=bundle.training["parity_int8_fp32"][0],
        throughput=_read("throughput"),
        names=tuple(pools["detectors"])[:3],
    )


def _read(stem: str) -> Record:
    found: Record = json.loads((RESULTS / f"{stem}.json").read_text(encoding="utf-8"))
    return found


def front(found: Figures) -> list[str]:
    """Return the lines of the README: what to expect of the bundle as shipped, in one table."""
    lures, baseline = (_lures(one)["value"] for one in found.opened["detectors"][:2])
    return [
        *table(["messages", "n", "flagged, as shipped"], _front_rows(found)),
        "",
        "It misses about half of the scams that people receive. On scams by a language model that "
        f"wrote no training message, a simple TF-IDF baseline finds more ({baseline:.0%}, this "
        f"model {lures:.0%}, both at 1 % false alarms on calibrate rows). 95 % intervals in "
        f"brackets; {found.ours}. Everything else: [results](docs/results.md).",
    ]


def _front_rows(found: Figures) -> Iterator[list[str]]:
    at = found.detectors[0]["shipped"]["balanced"]
    lures = _source(found.opened["detectors"][0], OTHER_MODEL)["flag"]["recall"]
    shares = {
        "scams that people reported or received": at["real"],
        "everyday scams, written by a model that also wrote training messages": (
            found.everyday["flag_recall"]
        ),
        "scams by deepseek-r1, a model without training messages": lures,
        "honest notices (bank, delivery, tax)": at["blocks"]["notices"],
        "honest messages, all": at["honest"],
    }
    for title, figure in shares.items():
        yield [title, _n(figure), percent(estimate(figure))]
    speeds = {
        one["condition"]: one["median"]
        for one in found.throughput["throughput"]
        if one["workload"] == SPEED_ON
    }
    peer = next(speed for name, speed in speeds.items() if name.startswith("transformers pipeline"))
    yield [
        "**speed** on two CPU cores, chat messages a second",
        f"{found.throughput['workloads'][SPEED_ON]['texts']:,}",
        f"{speeds['scamdetect']:,.0f} (`transformers` pipeline, same weights: {peer:,.0f})",
    ]


def real_messages(found: Figures) -> list[str]:
    """Return the table of the bundle, the one before and TF-IDF at one threshold rule."""
    return table(["messages", "rows", *found.names], _real_rows(found))


def _real_rows(found: Figures) -> Iterator[list[str]]:
    titles = {
        "transfer": "**scams from sources without training rows**",
        "in_source": "**scams that people reported, in 50 languages**",
        "everyday": "everyday scams, same writer",
        "authored": "scams written to scenario cards, same writer",
    }
    for pool, title in titles.items():
        of = found.pool(pool)
        yield [title, f"{of[0]['n_scam']:,}", *_percents([one["mean"] for one in of])]
    twins = [one["twins"]["over_threshold"] for one in found.detectors]
    yield ["honest reports next to them", _n(twins[0]), *_percents(twins)]
    words = {"notices": "honest notices", "talk": "honest talk", "money": "honest talk of money"}
    for block, title in words.items():
        over = [one["over_threshold"][block] for one in found.detectors]
        yield [title, _n(over[0]), *_percents(over)]
    lures = [_lures(one) for one in found.opened["detectors"][:2]]
    ours, baseline = _percents(lures)
    title = "lures by deepseek-r1, at the calibrate rows' 1 %"
    yield [title, _n(lures[0]), ours, "-", baseline]


def _n(figure: Any) -> str:  # noqa: ANN401
    known = estimate(figure)
    return "-" if known is None else f"{known.n:,}"


def _percents(figures: list[Any]) -> list[str]:
    return [percent(estimate(one)) for one in figures]


def _lures(detector: Record) -> Any:  # noqa: ANN401
    return _source(detector, OTHER_MODEL)["transferred"]["1%"]["recall"]


def _source(detector: Record, name: str) -> Record:
    return next(one for one in detector["sources"] if one["source"] == name)


def page(found: Figures) -> list[str]:
    """Return the lines of docs/results.md."""
    return [
        "# Results",
        "",
        f"All figures are of the shipped bundle, `{found.ours}`, through the public API. Recall "
        "is the share of scams found. R@1% is recall at the threshold that 1 % of the honest "
        "messages reach. 95 % intervals in brackets come from resampled groups of near-copies. "
        "*Same writer* marks messages by the language model that also wrote training messages: "
        "they show what the model learned, not what it will meet. "
        "[Results by group](results_by_group.md) has sources, languages, types of scam and "
        "disguises. `benchmarks/results_page.py` writes both pages.",
        "",
        "## Targets, met and missed",
        "",
        *table(["what", "target", "measured", ""], list(bars(found))),
        "",
        "## Real messages",
        "",
        f"`benchmarks/pools.py --half check`, {found.pools['date']}, commit "
        f"{found.pools['commit']}. One threshold is set so that 1 % of a weighted mix of honest "
        "messages reach it: notices 50 %, talk 30 %, talk of money 20 %. Each figure is the mean "
        "of the source mean and the language mean. `check` is the half of the dev rows that no "
        "choice has seen.",
        "",
        *real_messages(found),
        "",
        "## At the thresholds that ship",
        "",
        "`balanced` is the default flag (0.5 % false alarms on the calibrate rows), `sweep` "
        "allows 2 %. Real scams are those of the first two lines above, by their shares in the "
        "selection score.",
        "",
        *_shipped(found),
        "",
        "## Everyday messages, same writer",
        "",
        *_own(found.everyday, "The final part, opened once for this bundle."),
        "",
        "## Messages written to scenario cards, same writer",
        "",
        *_own(found.final, "The final part, opened once for this bundle."),
        "",
        "## More",
        "",
        "- [Results by group](results_by_group.md)",
        "- [The pools](../benchmarks/results/pools-check.md), "
        "[on the half for searches](../benchmarks/results/pools-select.md)",
        "- [Every left-out source, gates, calibration, kinds]"
        "(../benchmarks/results/evaluate-scamdetect-small.md)",
        "- [Conversations](../benchmarks/results/conversations-scamdetect-small.md), "
        "[disguises](../benchmarks/results/evasion-scamdetect-small.md), "
        "[speed](../benchmarks/results/throughput.md)",
        "- [The benchmark](benchmark.md): any detector on AI-written scam text",
        "- [The long tables of the model card]"
        "(../benchmarks/results/details-scamdetect-small.md): languages, kinds, thresholds",
        "- [What was tried](LOG.md), including what failed",
    ]


def groups_page(found: Figures) -> list[str]:
    """Return the lines of docs/results_by_group.md."""
    return [
        "# Results by group",
        "",
        f"The shipped bundle, `{found.ours}`, by source, language, type of scam and disguise. "
        "[Results](results.md) explains the terms and has the figures for all messages. "
        "Small groups have wide intervals: read these before the figure.",
        "",
        "## Sources that train nothing",
        "",
        *table(
            ["source", *found.names], _side_by_side([p["sources"] for p in found.pool("transfer")])
        ),
        "",
        "## Reports by language",
        "",
        *table(["language or region", *found.names], _side_by_side(_languages(found))),
        "",
        "## Sources opened for releases only",
        "",
        f"`python -m scamdetect.evaluate BUNDLE --final`, {found.opened['date']}. R@1% uses the "
        "honest rows of the source; T@1% is one threshold for all sources, set on the calibrate "
        "rows.",
        "",
        *_opened(found),
        "",
        "## Languages that nothing trains, same writer",
        "",
        f"AUC {decimal(estimate(found.untrained['auc']))}, R@5% "
        f"{percent(estimate(found.untrained['recall_at']['5%']))}, R@1% "
        f"{percent(estimate(found.untrained['recall_at']['1%']))}, on {found.untrained['n_scam']} "
        f"scams and {found.untrained['n_legit']} honest rows in Ukrainian, Hebrew, Marathi, "
        "Czech and Romanian (`benchmarks/final.py`).",
        "",
        "## Everyday messages by type, same writer",
        "",
        *_types(found),
        "",
        "## Disguises",
        "",
        "`benchmarks/evasion.py`, the dev part of the scenario-card messages, at the flag "
        "threshold. *Kept* is the share of the flagged scams that are still flagged in disguise; "
        "the last column has honest messages flagged before and after.",
        "",
        *_evasions(found),
    ]


def bars(found: Figures) -> Iterator[list[str]]:
    """Yield each bar of the release: what, the bar, what was measured, and whether it is met."""
    ours = found.detectors[0]
    pools = {one["name"]: estimate(one["mean"]) for one in ours["pools"]}
    at = ours["shipped"]["balanced"]
    notices = estimate(at["blocks"]["notices"])
    yield _bar("transfer, R@1%", pools["transfer"], at_least=0.60)
    yield _bar("reports, R@1%", pools["in_source"], at_least=0.72)
    yield _bar(
        "honest reports at that threshold", estimate(ours["twins"]["over_threshold"]), at_most=0.08
    )
    yield _bar("balanced: real scams flagged", estimate(at["real"]), at_least=0.55)
    yield _bar("balanced: honest messages flagged", estimate(at["honest"]), at_most=0.007)
    yield _bar("balanced: honest notices flagged", notices, at_most=0.01)
    yield _bar("everyday final, R@1%", estimate(found.everyday["recall_at"]["1%"]), at_least=0.93)
    yield _bar("everyday final: honest flagged", estimate(found.everyday["flag_fpr"]), at_most=0.01)
    if before := found.final.get("before"):
        moved = estimate(before["change"])
        met = moved is not None and moved.low > -0.03
        yield [
            "cards final: change of R@1%, lower bound",
            "> -3 points",
            f"{points(moved)} points",
            _met(met),
        ]
    awareness = _cell(found.final, "slice", "awareness")
    if awareness:
        yield _bar("awareness messages flagged", estimate(awareness["flag_fpr"]), at_most=0.04)
    flips = found.parity["flag_flips"] / found.parity["n"]
    low, high = found.parity["flip_share"]
    whole = Estimate(flips, low, high, found.parity["n"])
    yield _bar("flags that int8 changes", whole, at_most=0.002)
    yield _bar("untrained languages, AUC", estimate(found.untrained["auc"]), at_least=0.97)
    five = estimate(found.untrained["recall_at"]["5%"])
    yield _bar("untrained languages, R@5%", five, at_least=0.90)


def _bar(
    name: str, figure: Estimate | None, at_least: float | None = None, at_most: float | None = None
) -> list[str]:
    bar = f"at least {at_least:g}" if at_least is not None else f"at most {at_most:.1%}"
    if figure is None:
        return [name, bar, "-", "not measured"]
    met = figure.value >= at_least if at_least is not None else figure.value <= (at_most or 0)
    shown = decimal(figure) if name.endswith("AUC") else counted(figure)
    return [name, bar, shown, _met(met)]


def _met(met: bool) -> str:
    return "met" if met else "**missed**"


def _languages(found: Figures) -> list[Record]:
    """Return the pooled recall on reports by language, of each of the names."""
    return [
        {lang.replace("_", " "): one["pooled"] for lang, one in pool["languages"].items()}
        for pool in found.pool("in_source")
    ]


def _side_by_side(figures: list[Record]) -> list[list[str]]:
    """Return a line a key of the first record, with the figure of each record."""
    return [[name, *(counted(estimate(one[name])) for one in figures)] for name in figures[0]]


def _shipped(found: Figures) -> list[str]:
    body = []
    for name, one in zip(found.names, found.detectors, strict=True):
        for preset, at in one["shipped"].items():
            shown = [at["real"], at["honest"], *at["blocks"].values(), at["twins"]]
            body.append([f"{name}, {preset} ({at['threshold']:.3f})", *_percents(shown)])
    head = ["bundle, threshold", "real scams", "honest, weighted", "notices", "talk", "money"]
    return table([*head, "honest reports"], body)


def _own(record: Record, about: str) -> list[str]:
    """Return the figures of a final part, with those of the release before on the same rows."""
    before = record.get("before")
    columns = [(record["model_id"], record)]
    columns += [(before["model_id"], before["figures"])] if before else []
    rows = [
        [
            name,
            *(percent(estimate(one["recall_at"][rate])) for rate in ("1%", "5%")),
            decimal(estimate(one["auc"])),
            *(percent(estimate(one[key])) for key in ("flag_recall", "flag_fpr")),
        ]
        for name, one in columns
    ]
    lines = [
        f"{about} {record['n_scam']:,} scam and {record['n_legit']:,} honest messages in "
        f"{record['n_languages']} languages, {record['date']}, commit {record['commit']} "
        "(`benchmarks/final.py`).",
        "",
        *table(["bundle", "R@1%", "R@5%", "AUC", "scams flagged", "honest flagged"], rows),
    ]
    if before:
        moved = points(estimate(before["change"]))
        lines += ["", f"Change of R@1% on the same draws: {moved} points."]
    return lines


def _types(found: Figures) -> list[str]:
    cells = [one for one in found.everyday["cells"] if one["by"] == "type" and one["n_scam"]]
    cells.sort(key=lambda one: one["recall_at_pooled"]["value"])
    enough = [one for one in cells if one["n_scam"] >= FEWEST_OF_A_TYPE]
    body = [
        [one["name"], f"{one['n_scam']}", *_percents([one["recall_at_pooled"], one["flag_recall"]])]
        for one in cells
    ]
    families = [one for one in found.everyday["cells"] if one["by"] == "family"]
    over = [one for one in families if one["flag_fpr"] and one["flag_fpr"]["value"] > 0.01]
    over.sort(key=lambda one: -one["flag_fpr"]["value"])
    named = ", ".join(f"{one['name']} {percent(estimate(one['flag_fpr']))}" for one in over[:8])
    few = f"{len(enough)} {'has' if len(enough) == 1 else 'have'}"
    return [
        f"By type of scam, lowest first. Of {len(cells)} types, {few} at least "
        f"{FEWEST_OF_A_TYPE} rows; read the others as examples only.",
        "",
        *table(["type", "scams", "R@1%", "flagged"], body),
        "",
        f"Of {len(families)} honest families, {len(over)} have more than 1 % flagged"
        f"{f': {named}' if named else ''}.",
    ]


def _opened(found: Figures) -> list[str]:
    shipped, baseline = found.opened["detectors"][:2]
    others = {one["source"]: one for one in baseline["sources"]}
    body = []
    for one in shipped["sources"]:
        moved = one["transferred"]["1%"]
        body.append([
            one["source"], f"{one['n_scam']:,} / {one['n_legit']:,}",
            percent(estimate(one["recall_at"]["1%"])),
            percent(estimate(others[one["source"]]["recall_at"]["1%"])),
            percent(estimate(moved["recall"])), percent(estimate(moved["fpr"])),
            percent(estimate(one["flag"]["recall"])), percent(estimate(one["flag"]["fpr"])),
        ])  # fmt: skip
    head = ["source", "scam / honest", "R@1%", "TF-IDF", "T@1%: scams", "T@1%: honest"]
    return table([*head, "scams flagged", "honest flagged"], body)


def _evasions(found: Figures) -> list[str]:
    body = []
    for one in found.evasion["evasions"]:
        kept, fpr = estimate(one["kept"]["flag"]), one["rates"]["flag"]["fpr"]
        moved = change(*(estimate(figure) for figure in fpr))
        body.append([one["evasion"].replace("_", " "), one["strength"], percent(kept), moved])
    return table(["disguise", "strength", "kept", "honest flagged"], body)


def _cell(record: Record, by: str, name: str) -> Record | None:
    return next((one for one in record["cells"] if (one["by"], one["name"]) == (by, name)), None)


def main() -> None:
    """Print the table and the page, or write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="rewrite README.md and the pages")
    found = load()
    table_lines = front(found)
    pages = {PAGE: page(found), GROUPS_PAGE: groups_page(found)}
    if parser.parse_args().write:
        text = README.read_text(encoding="utf-8")
        text = between_markers(text, START, END, table_lines, README)
        README.write_text(text, encoding="utf-8")
        for path, lines in pages.items():
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        shown = [table_lines, *pages.values()]
        sys.stdout.write("\n\n".join("\n".join(lines) for lines in shown) + "\n")


if __name__ == "__main__":
    main()
