"""Write a bundle's card from the record of its run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scamdetect.data.corpus_rows import is_own
from scamdetect.evaluation.reference_mix import BASE_RATE
from scamdetect.training.kind_calibration import FEWEST, MIN_PRECISION
from scamdetect.training.parity import FLIPS_BAR
from scamdetect.training.rows import MIN_LANGUAGE_ROWS

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


_RATES = f"""\
A rate for which a single effective false alarm would be too many has no row: these messages cannot
show it; near-duplicates and the messages of a thread count as one. Probabilities are made for
scams being {BASE_RATE:.0%} of legit and scam messages; where they are rarer, fewer of the flagged
messages are scams."""

_LANGUAGES = """\
A language with 30 scam and 100 legit calibrate rows has points of its own, from its own rows
(`operating_point(fpr, lang=...)`); all others use the points above. The temperature and bias, where
given, are applied by themselves to texts in which the bundle finds that language."""

# The languages of XLM-R, whose weights the base began with (Conneau et al. 2020, table 6).
_BASE_LANGUAGES = """\
af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he hi hr
hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl no om or pa pl ps
pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh yi zh""".split()

_UNTESTED = """\
Untested: the base knows these languages too, no row of them trained this model or set a threshold.
They get scores all the same, with the calibration of all messages."""

_MEASURED = ("uk", "he", "ro", "cs", "mr")  # by benchmarks/final.py, on 40 messages each


def write_card(path: Path, settings: Mapping[str, Any], training: Mapping[str, Any]) -> None:
    """Write ``README.md`` of a bundle: use, thresholds, kinds, sources, parity, vocabulary."""
    parts = [
        _front_matter(settings, training),
        f"# {settings['name']} {settings['version']}",
        _USE,
        "## Decisions",
        _decisions(settings),
        "## By language",
        _by_language(settings),
        _without_scams(settings),
        *([_few_rows(training["languages"]), _untested(training["languages"])] if training else []),
        "## Kinds",
        _kinds(settings),
    ]
    if training:
        parts += [
            "## How it was made",
            _making(training),
            "## Training sources by licence",
            _sources(training["sources"]),
            "## int8 against fp32",
            _parity(training["parity_int8_fp32"]),
            "## First tier",
            _first_tier(settings, training["first_tier"]),
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
    flag, review = (_band(settings, name) for name in ("flag", "review"))
    lines = [
        f"`flag` from a scam probability of {flag}, `review` from {review}. Both were set on the "
        "calibrate rows, a tenth of the groups of the training sources, each slice and language "
        "weighing the same. Rows of a source that the model never saw can raise more false alarms "
        "than the rate asked for: see the evaluation in `benchmarks/results`.",
    ]
    whole = _points(settings)
    if whole:
        header = (
            "FPR asked | threshold | upper 95 % bound of the FPR | legit rows | "
            "recall (in-source, a sanity check)"
        )
        rows = (
            f"{p['fpr']:.1%} | {p['threshold']:.4f} | {p['upper_bound']:.2%} | {p['n']} | "
            f"{_share(p['recall'])}"
            for p in whole
        )
        lines += ["", _table(header, rows), "", _RATES]
    return "\n".join(lines)


def _band(settings: Mapping[str, Any], name: str) -> str:
    rate = settings.get("thresholds_fpr", {}).get(name)
    asked = "" if rate is None else f" (FPR asked {rate:.1%})"
    return f"{settings['thresholds'][name]:.4f}{asked}"


def _by_language(settings: Mapping[str, Any]) -> str:
    """Return the table of languages with points of their own: the strictest rate and 5 %."""
    points = _points(settings, lang=True)
    if not points:
        return "No language had calibrate rows enough for thresholds of its own."
    rows = []
    for lang in sorted({p["lang"] for p in points}):
        own = [p for p in points if p["lang"] == lang]
        loosest, strictest = own[0], own[-1]
        pair = settings.get("language_calibration", {}).get(lang)
        rows.append(
            f"{lang} | {own[0]['n']} | {own[0]['n_scam']} | {_point(loosest)} | "
            f"{'same' if strictest is loosest else _point(strictest)} | "
            f"{'-' if pair is None else f'{pair[0]:.2f}, {pair[1]:+.2f}'}"
        )
    header = (
        "language | legit rows | scams | loosest point: FPR, threshold, bound, recall | "
        "strictest that the rows support | temperature, bias"
    )
    return f"{_LANGUAGES}\n\n{_table(header, rows)}"


def _without_scams(settings: Mapping[str, Any]) -> str:
    """Return the languages of which no calibrate row is a scam, from (legit, scam) rows."""
    counted = settings.get("calibration_rows", {}).get("languages", {})
    none = [name for name, (_, scams) in sorted(counted.items()) if not scams]
    return (
        f"Languages without a calibrate scam, so that no recall is known: {' '.join(none) or '-'}."
    )


def _few_rows(rows: Mapping[str, Sequence[int]]) -> str:
    """Return the languages of too few rows to be learnt as a language, from (train, calibrate)."""
    few = [
        f"{name} ({train}, {calibrate})"
        for name, (train, calibrate) in sorted(rows.items())
        if train < MIN_LANGUAGE_ROWS
    ]
    return (
        f"Languages with under {MIN_LANGUAGE_ROWS} training rows, which the bundle never names as "
        f"that of a text (train and calibrate rows): {', '.join(few) or 'none'}."
    )


def _untested(rows: Mapping[str, Sequence[int]]) -> str:
    names = [name for name in _BASE_LANGUAGES if name not in rows]
    measured = [name for name in _MEASURED if name in names]
    by_whom = (
        f" `benchmarks/final.py` measures {' '.join(measured)} on 40 messages each; nobody "
        "measured the others:"
        if measured
        else " Nobody measured them:"
    )
    return f"{_UNTESTED}{by_whom} {' '.join(names)}."


def _kinds(settings: Mapping[str, Any]) -> str:
    rows = []
    counts = settings.get("calibration_rows", {}).get("kinds", {})
    thresholds = settings.get("kind_thresholds", {})
    recalls = {p["kind"]: p["recall"] for p in _points(settings, kind=True) if p["fpr"] == 0.01}
    for kind in settings["kinds"]:
        own = thresholds.get(kind)
        if own or kind in recalls:
            named = "- | -" if own is None else f"{own['f1']:.4f} | {_number(own['precision'])}"
            rows.append(f"{kind} | {counts.get(kind, '-')} | {named} | {_share(recalls.get(kind))}")
    if not rows:
        return f"Kinds are named from a probability of {settings['kind_threshold']:.4f}."
    intro = (
        "The probability of a kind is that of a scam of that kind, never over the scam "
        "probability. A kind is named from its best-F1 threshold, others from "
        f"{settings['kind_threshold']:.4f}. F1 and precision are of the calibrate mix with scams "
        f"being {BASE_RATE:.0%} of legit and scam messages; a precision needs {FEWEST} messages "
        "named."
    )
    header = (
        f"kind | calibrate scams | best F1 from | precision {MIN_PRECISION} from | "
        "recall at 1 % FPR of all messages"
    )
    return f"{intro}\n\n{_table(header, rows)}"


def _points(
    settings: Mapping[str, Any], *, lang: bool = False, kind: bool = False
) -> list[dict[str, Any]]:
    """Return the stored points of all messages, or those by language, or by kind."""
    wanted = (lang, kind)
    points: list[dict[str, Any]] = settings["operating_points"]
    return [p for p in points if (p.get("lang") is not None, p.get("kind") is not None) == wanted]


def _point(point: Mapping[str, Any]) -> str:
    shown = f"{point['fpr']:.1%}, {point['threshold']:.4f}, {point['upper_bound']:.2%}"
    return f"{shown}, {_share(point['recall'])}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _making(training: Mapping[str, Any]) -> str:
    run, recipe = training["run"], training["recipe"]
    minutes = run.get("minutes", 0)
    seeds = ", ".join(map(str, training["averaged"]))
    origin = f"mean weights of the runs with seeds {seeds}" if seeds else f"seed {training['seed']}"
    summed = " in all" if seeds else ""
    return (
        f"Base {training['base']}; recipe `{recipe['name']}` ({training['recipe_hash']}), "
        f"{origin}, "
        f"{run['rows']:,} training rows, {run['draws']:,} draws, {run['tokens']:,} tokens, "
        f"{run['steps']:,} steps, "
        f"{minutes:.0f} minutes{summed} with torch {run['torch']}; corpus sha256 "
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
        "calibrate and dev rows; 95 % intervals in brackets. Aimed at: flag flips on at most "
        f"{FLIPS_BAR:.1%} of all."
    )
    header = (
        "language | texts | verdict flips | flag flips | share of flag flips | largest change of p "
        "| mean change"
    )
    rows = (
        f"{p['language']} | {p['n']} | {p['verdict_flips']} | {p['flag_flips']} | "
        f"{p['flag_flips'] / p['n']:.2%} [{p['flip_share'][0]:.2%}, {p['flip_share'][1]:.2%}] | "
        f"{p['largest_change']:.4f} | {p['mean_change']:.5f}"
        for p in parities
    )
    return f"{intro}\n\n{_table(header, rows)}"


def _first_tier(settings: Mapping[str, Any], proofs: Mapping[str, Mapping[str, Any]] | None) -> str:
    rule = settings.get("first_tier")
    if rule is None or proofs is None:
        return "None: none was fitted, or no threshold on the calibrate rows keeps the limits."
    state = "on by default" if rule["proven"] else "off unless asked for (`tier='first'`)"
    header = (
        "dev rows | n | cleared | the encoder disagrees on | upper 95 % bound of their share | "
        "scams | flagged by the encoder | of these cleared"
    )
    lines = (
        f"{name} | {p['rows']} | {p['cleared']} | {p['disagreed']} | {p['disagreed_bound']:.2%} | "
        f"{p['scams']} | {p['scams_flagged']} | {p['scams_lost']}"
        for name, p in proofs.items()
    )
    return (
        "A linear score of tokens and token pairs that may clear plainly honest messages before "
        f"the encoder reads them: {state}. It counts as proven where the encoder agrees on 99.9 % "
        "of what it clears, verdict and decision, and it costs at most 0.2 points of recall, on "
        f"left-out sources and on authored dev rows.\n\n{_table(header, lines)}"
    )


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
