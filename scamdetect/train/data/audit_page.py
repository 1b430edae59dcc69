"""The audit of a corpus as Markdown: only counts, no rows and no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scamdetect.reports.pages import table, titled
from scamdetect.system.files import open_regular
from scamdetect.train.data.audit import CLASSES, Audit, Cell
from scamdetect.train.data.corpus_rows import is_own

START, END = "<!-- audit: scamdetect data audit -->", "<!-- /audit -->"
_TITLE = "# Audit of the corpus"
_ROLES = ("train", "calibrate", "dev", "test")
_MOST_SHOWN = 25
_LEAST_NAMED = 5


def is_audit(page: Path) -> bool:
    """Return True for such a page."""
    with open_regular(page) as file:
        return file.read(len(_TITLE)) == _TITLE.encode()


def audit_page(
    audit: Audit,
    plots: Sequence[str],
    real: Counter[str],
    before: Counter[str] | None = None,
    form: Mapping[str, Any] | None = None,
) -> str:
    """Return the whole audit; ``plots`` are paths of images next to it.

    ``real`` counts real train scams by language, ``before`` those of an earlier corpus; ``form`` is
    the output of ``benchmarks/form_parity.py``.
    """
    provenance = ("source", "rule", "read", "authored")
    shared = [
        [a, b, f"{n:,}"]
        for (a, b), n in audit.source_leaks.most_common(_MOST_SHOWN)
        if n >= _LEAST_NAMED
    ]
    guesses = [
        [one.lang, str(one.sources), f"{one.rows:,}", f"{one.accuracy:.0%}", f"{one.chance:.0%}"]
        for one in audit.guesses
    ]
    lines = [
        _TITLE,
        "",
        "Made by `scamdetect data audit` from what `scamdetect data build` wrote. Lengths "
        "are characters of the normalised text.",
        "",
        *summary_lines(audit),
        *(f"![{path}]({path})" for path in plots),
        *titled(
            "Real scams that train, by language",
            "Written and sent by people, without rows of language models and the project's own.",
            _real(real, before),
        ),
        *([] if form is None else _form(form)),
        *titled("By language and class", "", _languages(audit.cells)),
        *titled("What the build removed, by source and step", "", _removed(audit)),
        *titled(
            "Near-duplicate groups that two sources share",
            "After the build. The table above shows which rows train and held-out roles share.",
            table(["source", "source", "groups"], shared),
        ),
        *titled(
            "How well the text reveals its source",
            "Character n-grams, cross-validated by near-duplicate group, up to 200 rows per "
            "source. If this is high, a detector can learn the source instead of the manoeuvre.",
            table(["language", "sources", "rows", "accuracy", "largest source"], guesses),
        ),
        *titled("Kinds of train scams by provenance", "", _cross(audit.kinds, provenance, "kind")),
        *titled(
            "Verdicts of train rows by provenance",
            "",
            _cross(audit.provenance, provenance, "class"),
        ),
        *titled("By source, language and class", "", _cells(audit.cells)),
    ]
    return "\n".join(lines) + "\n"


def summary_lines(audit: Audit) -> list[str]:
    """Return what the README of the data shows."""
    public = [cell for cell in audit.cells if not is_own(cell.source)]
    own = [cell for cell in audit.cells if is_own(cell.source)]
    lines = []
    for name, cells in (("public sources", public), ("own messages", own)):
        rows = sum(sum(cell.roles.values()) for cell in cells)
        sources, langs = len({c.source for c in cells}), len({c.lang for c in cells})
        lines.append(f"- {name}: {rows:,} rows, {sources} sources, {langs} languages")
    lines += [
        f"- rows judged by a blind reader: {audit.read:,}",
        "",
        *_class_by_role(public, "public rows"),
        "",
        *_class_by_role(own, "own rows"),
        "",
        *table(
            ["rows", "against", "equal text there", "near-duplicate there"],
            [
                [role, other, f"{equal:,}", f"{near:,}"]
                for (role, other), (equal, near) in audit.role_leaks.items()
            ],
        ),
        "",
    ]
    return lines


def _class_by_role(cells: Sequence[Cell], title: str) -> list[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        for role, rows in cell.roles.items():
            counts[cell.label, role] += rows
    return _cross(counts, _ROLES, title, down=CLASSES)


def _languages(cells: Iterable[Cell]) -> list[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        counts[cell.lang, cell.label] += sum(cell.roles.values())
        counts[cell.lang, "own"] += sum(cell.roles.values()) if is_own(cell.source) else 0
    return _cross(counts, (*CLASSES, "own"), "language")


def _real(real: Counter[str], before: Counter[str] | None) -> list[str]:
    names = [lang for lang, _ in (real + (before or Counter())).most_common()]
    totals = [real.total()] if before is None else [before.total(), real.total()]
    counts = [[real[lang]] if before is None else [before[lang], real[lang]] for lang in names]
    head = ["language", "rows"] if before is None else ["language", "before", "now"]
    rows = [[lang, *map("{:,}".format, of)] for lang, of in zip(names, counts, strict=True)]
    return table(head, [["all", *map("{:,}".format, totals)], *rows])


def _form(form: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            f"{one['restyled']:.0%}",
            f"{one['parity']:g}",
            f"{one['auc']:.3f}",
            f"{one['auc of public rows']:.3f}",
        ]
        for one in form["draws"]
    ]
    about = (
        "How well masks, case, punctuation, X for digits, links and length separate scam from "
        "honest among the rows that a run draws (`benchmarks/form_parity.py`); `form_parity` "
        "draws honest rows by how similar their form is to that of scams. The gate is "
        f"{form['gate']}."
    )
    header = ["restyled rows", "form_parity", "AUC", "only public rows"]
    return list(titled("Form alone", about, table(header, rows)))


def _removed(audit: Audit) -> list[str]:
    steps = list(dict.fromkeys(step for _, step in audit.removed))
    rows = []
    for source in sorted({source for source, _ in audit.removed}):
        counts = [audit.removed[source, step] for step in steps]
        if any(counts):
            rows.append([source, *(f"{count:,}" for count in counts)])
    return table(["source", *steps], rows)


def _cells(cells: Iterable[Cell]) -> list[str]:
    rows = [
        [
            cell.source, cell.lang, cell.label,
            ", ".join(f"{cell.roles[role]:,} {role}" for role in _ROLES if role in cell.roles),
            " / ".join(map(str, cell.characters)), f"{cell.links:.0%}",
        ]
        for cell in cells
    ]  # fmt: skip
    return table(["source", "language", "class", "rows", "length, quartiles", "with link"], rows)


def _cross(
    counts: Counter[tuple[str, str]], across: Sequence[str], title: str, down: Sequence[str] = ()
) -> list[str]:
    """Return a table of counts, the first key down and the second across."""
    names = down or sorted({name for name, _ in counts})
    rows = [
        [name, *(f"{counts[name, other]:,}" for other in across)]
        for name in names
        if any(counts[name, other] for other in across)
    ]
    return table([title, *across], rows)
