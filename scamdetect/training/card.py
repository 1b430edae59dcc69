"""Write a bundle's card from the record of its run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scamdetect.data.corpus_rows import is_own

_USE = """\
Scores one message at a time: the probabilities that it is honest (`legit`), unwanted promotion
(`spam`) or fraud (`scam`), the kinds of scam, and the language. It is meant to help people and
systems that protect users find scams: to rank, to send to review, to measure. It is not meant to
be the only ground on which a person loses an account.

It reads text alone. Early turns of a romance or investment scam read like courtship or small talk,
and no text model can tell them apart; a stranger's opening line deserves context, not a verdict."""

_OWN = """\
The sources `authored_*` are messages that a language model wrote for this project (CC-BY-4.0,
`data/authored`). Figures on the other parts of these rows are by the same writer: they say nothing
of an unseen one. Part of the labels of the public sources are blind readings by the same model
family (`data/corrections`)."""


def write_card(path: Path, settings: Mapping[str, Any], training: Mapping[str, Any]) -> None:
    """Write ``README.md`` of a bundle: use, thresholds, sources by licence, parity, vocabulary."""
    parts = [
        _front_matter(settings, training),
        f"# {settings['name']} {settings['version']}",
        _USE,
        "## Decisions",
        _decisions(settings),
    ]
    if training:
        parts += [
            "## How it was made",
            _making(training),
            "## Training sources by licence",
            _sources(training["sources"]),
            "## int8 against fp32",
            _parity(training["parity_int8_fp32"]),
            "## Trimmed vocabulary",
            _vocabulary(training["vocabulary"]),
        ]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _front_matter(settings: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    languages = "\n".join(f"- {language}" for language in settings["languages"])
    base = training.get("base", "unknown")
    return (
        "---\nlibrary_name: scamdetect\npipeline_tag: text-classification\n"
        f"license: apache-2.0\nbase_model: {base}\nlanguage:\n{languages}\n---"
    )


def _decisions(settings: Mapping[str, Any]) -> str:
    thresholds = settings["thresholds"]
    lines = [
        f"`flag` from a scam probability of {thresholds['flag']:.4f}, `review` from "
        f"{thresholds['review']:.4f}. Both were set on the calibrate rows, a tenth of the groups "
        f"of the training "
        "sources, each slice and language weighing the same. Rows of a source that the model "
        "never saw can raise "
        "more false alarms than the rate asked for: see the evaluation in `benchmarks/results`.",
    ]
    if settings["operating_points"]:
        header = (
            "FPR asked | threshold | upper 95 % bound of the FPR | legit rows | "
            "recall (in-source, a sanity check)"
        )
        rows = (
            f"{p['fpr']:.1%} | {p['threshold']:.4f} | {p['upper_bound']:.2%} | {p['n']} | "
            f"{'-' if p['recall'] is None else format(p['recall'], '.1%')}"
            for p in settings["operating_points"]
        )
        lines += ["", _table(header, rows)]
    return "\n".join(lines)


def _making(training: Mapping[str, Any]) -> str:
    run, recipe = training["run"], training["recipe"]
    minutes = run.get("minutes", 0)
    return (
        f"Base {training['base']}; recipe `{recipe['name']}` ({training['recipe_hash']}), seed "
        f"{training['seed']}, "
        f"{run['rows']:,} training rows, {run['draws']:,} draws, {run['tokens']:,} tokens, "
        f"{run['steps']:,} steps, "
        f"{minutes:.0f} minutes with torch {run['torch']}; corpus sha256 "
        f"`{training['corpus_sha256'][:16]}`. "
        f"Thresholds and temperatures from {training['calibrate_rows']:,} calibrate rows. Made "
        f"with scamdetect "
        f"{training['scamdetect']}."
    )


def _sources(sources: list[dict[str, Any]]) -> str:
    by_licence: dict[str, list[str]] = defaultdict(list)
    for entry in sources:
        by_licence[entry["licence"]].append(f"{entry['source']} ({entry['rows']:,})")
    rows = (f"{licence} | {', '.join(names)}" for licence, names in sorted(by_licence.items()))
    table = _table("licence class | sources (training rows)", rows)
    return f"{table}\n\n{_OWN}" if any(is_own(entry["source"]) for entry in sources) else table


def _parity(parities: list[dict[str, Any]]) -> str:
    intro = (
        "Changes of the shipped int8 graph against fp32, through the public API, texts of "
        "calibrate and dev rows."
    )
    header = "language | texts | verdict flips | flag flips | largest change of p | mean change"
    rows = (
        f"{p['language']} | {p['n']} | {p['verdict_flips']} | {p['flag_flips']} | "
        f"{p['largest_change']:.4f} | {p['mean_change']:.5f}"
        for p in parities
    )
    return f"{intro}\n\n{_table(header, rows)}"


def _vocabulary(rows: list[dict[str, Any]]) -> str:
    intro = (
        "Rise of tokens a message by trimming the base's vocabulary, on rows that had no part in "
        "choosing it."
    )
    lines = (
        f"{row['language']} | {row['texts']} | {row['token_rise']:.2%} | {row['unknown']:.3%}"
        for row in rows
    )
    return f"{intro}\n\n{_table('language | texts | rise | unknown pieces', lines)}"


def _table(header: str, rows: Iterable[str]) -> str:
    """Return a Markdown table of lines whose cells are parted by bars."""
    rule = "|" + "---|" * (header.count("|") + 1)
    return "\n".join([f"| {header} |", rule, *(f"| {row} |" for row in rows)])
