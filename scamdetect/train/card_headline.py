"""What a card says first: the headline figures, and the limits that they show."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from scamdetect.reports.cells import decimal, estimate, percent
from scamdetect.reports.pages import table
from scamdetect.train.bars import BAR
from scamdetect.train.card_measured import not_measured
from scamdetect.train.card_results import Record, Results, cells_of

INTERVALS = (
    "Intervals in brackets are 95 %. R@1%: recall at the threshold that 1 % of the set's own "
    "honest messages reach, a measure of ranking. T@1%: one threshold for all, set on other data, "
    "with the false-positive rate (FPR) that it then has. As shipped: the decision `flag`."
)
_WORST = 5  # languages and disguises named as the weakest


def provenance(results: Results) -> str:
    """Return when the bundle was measured, and under which ids."""
    files = results.files().values()
    dates = sorted({str(one["date"]) for one in map(_head, files)})
    commits = sorted({str(one.get("commit") or "unknown") for one in map(_head, files)})
    measured = (
        f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))}, commit "
        f"{', '.join(commits)}, as {_names(results.measured_as)}."
    )
    if not results.recorded:
        return measured
    return (
        f"{measured} The id has changed since then, the scores have not: `manifest.json` records "
        f"{_names(results.recorded)} under `measured_as`, with the sha256 of each file that the id "
        "covers."
    )


def _names(ids: Sequence[str]) -> str:
    return ", ".join(f"`{one}`" for one in ids)


def _head(record: Record) -> Record:
    return dict(record.get("run", record))


def headline(results: Results, trained: Collection[str] = ()) -> str:
    """Return recall on left-out sources, and on the project's own messages.

    ``trained`` are the sources that trained the bundle: other rows of some are measured.
    """
    parts = [_sources(results.evaluation, trained), _own(results)]
    if results.files():
        parts.append(provenance(results))
    return "\n\n".join(part for part in parts if part)


def _sources(report: Record | None, trained: Collection[str]) -> str:
    if report is None:
        return not_measured("scamdetect evaluate")
    shipped, *others = report["detectors"]
    tfidf = {one["source"]: one for one in others[0]["sources"]} if others else {}
    header = ["left-out source", "n scam", "n legit", "R@1%", "R@1% of TF-IDF", "T@1%"]
    header += ["FPR of T@1%", "flagged scams, as shipped", "flagged legit, as shipped"]
    rows = []
    for one in shipped["sources"]:
        baseline = tfidf.get(one["source"])
        moved, flag = one["transferred"]["1%"], one["flag"]
        figures = [one["recall_at"]["1%"], baseline and baseline["recall_at"]["1%"]]
        figures += [moved["recall"], moved["fpr"], flag["recall"], flag["fpr"]]
        name = one["source"] + (r" \*" if one["selects"] else "")
        name += " †" if one["source"] in trained else ""
        counts = [f"{one['n_scam']:,}", f"{one['n_legit']:,}"]
        rows.append([name, *counts, *(percent(estimate(figure)) for figure in figures)])
    other = (
        ""
        if report["trained_on"] == report["corpus_sha256"]
        else "The corpus measured is not the one that trained the model: some rows may have. "
    )
    seen = any(one["source"] in trained for one in shipped["sources"])
    in_part = "Of a source with † other rows trained the model. " if seen else ""
    about = (
        "On sources that the model never trained on (the dev part; those with an asterisk select "
        f"the model, so they flatter it a little). {in_part}{other}{INTERVALS}"
    )
    return "\n".join([about, "", *table(header, rows)])


def _own(results: Results) -> str:
    """Return the table of the project's own messages, part by part."""
    parts = list(results.own_parts())
    if not parts:
        return ""
    writers = sorted({name for _, one in parts for name in one["writers"]})
    header = ["own messages", "n scam", "n legit", "AUC", "R@1%", "R@5%"]
    header += ["flagged scams, as shipped", "flagged legit, as shipped", "pairs by rank", "n pairs"]
    rows = []
    for name, one in parts:
        pairs = estimate(one["pairs_by_rank"])
        rows.append(
            [name, f"{one['n_scam']:,}", f"{one['n_legit']:,}", decimal(estimate(one["auc"]))]
            + [percent(estimate(one["recall_at"][rate])) for rate in ("1%", "5%")]
            + [percent(estimate(one["flag_recall"])), percent(estimate(one["flag_fpr"]))]
            + [percent(pairs), f"{pairs.n:,}" if pairs else "-"]
        )
    name, part = results.own_part()
    reader = estimate(part.get("reader_auc"))
    ceiling = (
        f" A blind reader of the part {name}, with which every row was made to agree: AUC "
        f"{decimal(reader)}, n = {reader.n:,}."
        if reader
        else ""
    )
    languages = max(int(one["n_languages"]) for _, one in parts)
    about = (
        f"On messages written for this project in {languages} languages by {', '.join(writers)}"
        f"{_seen(results, writers)}. A pair is a scam and an honest message of one topic and "
        f"wording; by rank, the scam scores higher.{ceiling}"
    )
    return "\n".join([about, "", *table(header, rows)])


def _seen(results: Results, writers: Sequence[str]) -> str:
    """Return who of the writers wrote training rows too, as far as the evaluation tells."""
    if results.evaluation is None:
        return ""
    shared = [name for name in writers if name in results.evaluation["train_writers"]]
    if not shared:
        return ", of whom none wrote training rows"
    return f"; {', '.join(shared)} wrote training rows too: **no result on an unseen writer**"


def limits(results: Results) -> list[str]:
    """Return the weakest points that the figures show, a line each."""
    lines = []
    if results.evaluation is not None:
        flagged = [
            (one["flag"]["recall"]["value"], one["source"])
            for one in results.evaluation["detectors"][0]["sources"]
            if one["flag"]["recall"]
        ]
        if flagged:
            (least, worst), (most, best) = min(flagged), max(flagged)
            lines.append(
                f"Of the scams of sources that it never saw it flags {least:.1%} ({worst}) to "
                f"{most:.1%} ({best}) as shipped."
            )
    for gap in results.bench["gaps"] if results.bench is not None else ():
        have, lack = (gap[side]["recall_at"] for side in ("with_it", "without_it"))
        if gap["learner"] == "default" and have and lack and have["low"] > lack["high"]:
            lines.append(
                f"It knows its writer: R@1% on messages by `{gap['generator']}` is "
                f"{percent(estimate(have))} with such rows in training and "
                f"{percent(estimate(lack))} without (n = {gap['n_scam']:,} scams). Expect the "
                "second of a writer that it never met, be that a person or a model."
            )
    missed = [
        f"{gate['slice'].replace('_', ' ')} ({gate['where']}: {percent(estimate(gate['fpr']))} of "
        f"{gate['fpr']['n']:,})"
        for gate in results.gates()
        if gate["met"] is False
    ]
    if missed:
        lines.append(
            f"The bar of {BAR:.0%} false alarms (upper bound {2 * BAR:.0%}) is missed on "
            f"{'; '.join(missed)}."
        )
    _, part = results.own_part()
    lines += _weakest(
        "The weakest languages as shipped",
        [(cell["flag_recall"], cell["name"]) for cell in cells_of(part, "language")],
    )
    lines += _weakest(
        "The disguises that hide most",
        [(one["kept"]["flag"], one["evasion"].replace("_", " ")) for one in results.evasions()],
        " of the flagged kept",
    )
    return lines


def _weakest(title: str, cells: Sequence[tuple[Any, str]], what: str = "") -> list[str]:
    known = sorted((one["value"], name, one) for one, name in cells if one)
    if not known:
        return []
    named = [f"{name} {percent(estimate(one))} of {one['n']:,}" for _, name, one in known[:_WORST]]
    return [f"{title}: {', '.join(named)}{what}."]
