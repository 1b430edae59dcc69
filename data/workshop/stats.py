"""Measure whether authored rows repeat each other, and whether their form reveals them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scamdetect.errors import MissingExtraError
from scamdetect.labels import Verdict
from scamdetect.text.normalise import normalise
from scamdetect.train.data.authored import (
    AuthoredRow,
    has_digit,
    has_emoji,
    has_link,
    opening,
    without_turns,
)
from scamdetect.train.data.neardup import near_duplicate_groups

try:
    from sklearn.metrics import roc_auc_score
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

ALL = "all"
MOST_NEAR_DUPLICATES = 0.01
FEWEST_OPENINGS = 0.95
UNSURE, MOST_UNSURE = (25, 75), 0.05  # blind readers between these, of the rows read
DOUBTED, LEAST_DOUBTED = (12, 88), 0.10  # a set that every reader is sure of has no hard rows
AUC_BAR, AUC_BAR_ALL = 0.60, 0.55
SCORERS: dict[str, Callable[[str], float]] = {
    "length": len,
    "link": has_link,
    "emoji": has_emoji,
    "digit": has_digit,
}
BARRED = ("length", "link", "emoji")  # digits are shown, for sums are dealt alike, but have no bar


@dataclass(frozen=True)
class FormStats:
    """The figures of one language, or of all; an AUC counts in the better direction."""

    lang: str
    rows: int
    near_duplicates: int
    near_public: int | None  # rows like a public one; None where no public text was given
    distinct_openings: int
    hard: int
    read: int  # rows with a blind reader's judgement
    unsure: int
    doubted: int
    aucs: dict[str, float | None]

    @property
    def missed(self) -> list[str]:
        """Return the names of the figures beyond their limit."""
        bar = AUC_BAR_ALL if self.lang == ALL else AUC_BAR
        tests = {
            "near": self.near_duplicates / self.rows >= MOST_NEAR_DUPLICATES,
            "public": (self.near_public or 0) / self.rows >= MOST_NEAR_DUPLICATES,
            "openings": self.distinct_openings / self.rows <= FEWEST_OPENINGS,
            "25-75": self.read > 0 and self.unsure / self.read > MOST_UNSURE,
            "12-88": self.read > 0 and self.doubted / self.read < LEAST_DOUBTED,
        }
        aucs = {name: (self.aucs[name] or 0.0) >= bar for name in BARRED}
        return [name for name, beyond in (tests | aucs).items() if beyond]


def form_stats(rows: Sequence[AuthoredRow], public: Sequence[str] | None = None) -> list[FormStats]:
    """Return the figures of each language, then of all if there are several.

    ``public`` holds normalised public texts that no row should resemble.
    """
    near, near_public = near_duplicates(rows, public or ())
    by_lang: dict[str, list[AuthoredRow]] = defaultdict(list)
    for row in rows:
        by_lang[row.lang].append(row)
    openings = {
        lang: len({opening(row.text) for row in of_lang}) for lang, of_lang in by_lang.items()
    }
    groups = dict(sorted(by_lang.items()))
    if len(groups) > 1:
        groups[ALL] = list(rows)
        openings[ALL] = sum(openings.values())
    return [
        FormStats(
            lang=lang,
            rows=len(group),
            near_duplicates=sum(row.id in near for row in group),
            near_public=None if public is None else sum(row.id in near_public for row in group),
            distinct_openings=openings[lang],
            hard=sum(row.hard for row in group),
            read=sum(row.reader is not None for row in group),
            unsure=_read_within(group, UNSURE),
            doubted=_read_within(group, DOUBTED),
            aucs={name: form_auc(group, scorer) for name, scorer in SCORERS.items()},
        )
        for lang, group in groups.items()
    ]


def _read_within(rows: Sequence[AuthoredRow], span: tuple[int, int]) -> int:
    return sum(row.reader is not None and span[0] <= row.reader <= span[1] for row in rows)


def near_duplicates(
    rows: Sequence[AuthoredRow], public: Sequence[str] = ()
) -> tuple[dict[str, list[str]], set[str]]:
    """Return the ids of rows like others, with the ids of those, and the ids like a public text.

    The sides of a pair and the markers of dialogue turns count for nothing.
    """
    texts = [normalise(without_turns(row.text)) for row in rows]
    groups = near_duplicate_groups([*texts, *public]).tolist()
    public_groups = set(groups[len(rows) :])
    members: dict[int, list[AuthoredRow]] = defaultdict(list)
    for row, group in zip(rows, groups, strict=False):
        members[group].append(row)
    near = {}
    for group in members.values():
        for row in group:
            others = [other.id for other in group if other is not row and not _mates(row, other)]
            if others:
                near[row.id] = others
    like_public = {r.id for r, g in zip(rows, groups, strict=False) if g in public_groups}
    return near, like_public


def _mates(row: AuthoredRow, other: AuthoredRow) -> bool:
    return row.pair is not None and row.pair == other.pair


def repeated_openings(rows: Sequence[AuthoredRow]) -> dict[str, list[str]]:
    """Return the openings that several rows of one language share, with their ids."""
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        ids[row.lang, opening(row.text)].append(row.id)
    return {start: shared for (_, start), shared in ids.items() if len(shared) > 1}


def form_auc(rows: Sequence[AuthoredRow], scorer: Callable[[str], float]) -> float | None:
    """Return how well only the form separates scam from legit, 0.5 to 1; None without both."""
    told = [row for row in rows if row.verdict is not Verdict.SPAM]
    labels = [row.verdict is Verdict.SCAM for row in told]
    if len(set(labels)) < 2:
        return None
    auc = float(roc_auc_score(labels, [float(scorer(row.text)) for row in told]))
    return max(auc, 1 - auc)


def stats_lines(stats: Sequence[FormStats]) -> list[str]:
    """Return the figures as a table; an exclamation mark follows each beyond its limit."""
    head = [
        "lang",
        "rows",
        "near",
        "public",
        "openings",
        "hard",
        "read",
        "25-75",
        "12-88",
        *SCORERS,
    ]
    lines = ["".join(name.rjust(10) for name in head)]
    for one in stats:
        missed = one.missed
        cells = {
            "near": f"{one.near_duplicates / one.rows:.1%}",
            "public": "-" if one.near_public is None else f"{one.near_public / one.rows:.1%}",
            "openings": f"{one.distinct_openings / one.rows:.1%}",
            "hard": f"{one.hard / one.rows:.0%}",
            "read": f"{one.read / one.rows:.0%}",
            "25-75": f"{one.unsure / one.read:.1%}" if one.read else "-",
            "12-88": f"{one.doubted / one.read:.1%}" if one.read else "-",
            **{name: "-" if auc is None else f"{auc:.3f}" for name, auc in one.aucs.items()},
        }
        shown = [text + ("!" if name in missed else "") for name, text in cells.items()]
        lines.append("".join(cell.rjust(10) for cell in (one.lang, str(one.rows), *shown)))
    lines.append(
        f"limits: near and public < {MOST_NEAR_DUPLICATES:.0%}, openings > "
        f"{FEWEST_OPENINGS:.0%}, blind readers at 25 to 75 on at most {MOST_UNSURE:.0%} of the "
        f"rows read and at 12 to 88 on at least {LEAST_DOUBTED:.0%}, AUC of length, link and "
        f"emoji < {AUC_BAR:.2f} a language and < {AUC_BAR_ALL:.2f} over all; ! marks figures "
        "beyond their limit"
    )
    return lines


def count_lines(counts: Counter[tuple[str, ...]], across: Sequence[str]) -> list[str]:
    """Return counts as a table: the last key across in this order, the others down, with totals."""
    down = sorted({key[:-1] for key in counts})
    width = max((len(" ".join(names)) for names in down), default=0) + 2
    lines = [" " * width + "".join(name.rjust(15) for name in (*across, "total"))]
    for names in down:
        row = [counts[(*names, name)] for name in across]
        lines.append(" ".join(names).ljust(width) + "".join(f"{n:15}" for n in (*row, sum(row))))
    sums = [sum(n for key, n in counts.items() if key[-1] == name) for name in across]
    lines.append("total".ljust(width) + "".join(f"{n:15}" for n in (*sums, sum(sums))))
    return lines
