"""Everyday messages: a writer's texts in the catalogue, and what their form reveals."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np
from sklearn.metrics import roc_auc_score

from scamdetect.errors import SourceError
from scamdetect.labels import KINDS, Kind, Verdict
from scamdetect.text.normalise import normalise
from scamdetect.train.data.authored import has_emoji
from scamdetect.train.data.everyday import (
    LANGUAGES,
    Campaign,
    Catalogue,
    EverydayRow,
    LinkForm,
    everyday_problems,
    read_everyday,
    write_everyday,
)
from scamdetect.train.data.neardup import shingles
from scamdetect.train.typed import Located, utf8_text

MOST_ALIKE = 0.5  # Jaccard index of two variants of a campaign, and of a row and a public one
RUN = 8  # equal words in a row
RUN_CHARACTERS = 20  # in a script without spaces between words
LINK_AUC_BAR = 0.65
_HEADER = re.compile(r"##\s*([a-z0-9-]+)((?:\s+(?:links|script|kinds)=\S+)*)\s*")
_HOST = re.compile(r"(?<![\w-])((?:[\w-]+\.)+(?:example|test))(?![\w-])", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_STOPS = (".", "!", "?", "。", "！", "？", "।", "۔", "؟", "။", "។", "៕")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True)
class Written:
    """What a writer hands in: a campaign or family, options, and the text."""

    where: str
    campaign: str
    options: Mapping[str, str]
    text: str


def read_written(path: Path) -> list[Written]:
    """Return the texts of a writer's file, each under a line "## <campaign> [key=value ...]".

    The keys are ``links``, ``script`` and ``kinds``. Raises SourceError with file and line.
    """
    lines = utf8_text(path, SourceError).splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("##")]
    if any(line.strip() for line in lines[: starts[0] if starts else None]):
        raise SourceError(f"{path}:1: text before the first header; start with '## <campaign>'")
    if not starts:
        raise SourceError(f"{path}: contains no message; start each with '## <campaign>'")
    written = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        where = f"{path}:{start + 1}"
        header = _HEADER.fullmatch(lines[start])
        if header is None:
            raise SourceError(f"{where}: not a header; write '## parcel-address links=shortener'")
        options = dict(option.split("=", 1) for option in header[2].split())
        text = "\n".join(line.rstrip() for line in lines[start + 1 : end]).strip()
        written.append(Written(where, header[1], options, text))
    return written


def merge_everyday(
    texts: Path, output: Path, catalogue: Catalogue, writer: str
) -> tuple[list[EverydayRow], list[str]]:
    """Add a writer's texts to the file of their language; return its rows and what is wrong.

    A text that the file has already is skipped. Nothing is written if anything is wrong. Raises
    SourceError.
    """
    lang = output.stem
    if lang not in LANGUAGES:
        raise SourceError(f"{output}: unknown language; known: {' '.join(sorted(LANGUAGES))}")
    placed, problems = read_everyday(output) if output.exists() else ([], [])
    known = {one.row.text for one in placed}
    number = max((int(one.row.id.rpartition("e")[2]) for one in placed), default=0)
    for one in read_written(texts):
        if one.text not in known:
            known.add(one.text)
            number += 1
            try:
                row = _row(one, lang, number, catalogue, writer)
            except ValueError as problem:
                problems.append(f"{one.where}: {problem}")
            else:
                placed.append(Located(one.where, row))
    problems += everyday_problems(placed, catalogue)
    rows = [one.row for one in placed]
    if not problems:
        write_everyday(output, rows, writer)
    return rows, problems


def _row(one: Written, lang: str, number: int, catalogue: Catalogue, writer: str) -> EverydayRow:
    entry = catalogue.entry(one.campaign)
    if entry is None:
        raise ValueError(f"campaign {one.campaign!r} is not in the catalogue")
    scam = isinstance(entry, Campaign)
    given = [kind for kind in one.options.get("kinds", "").split(",") if kind]
    if unknown := sorted(set(given) - set(KINDS)):
        raise ValueError(f"unknown kind {unknown[0]!r}; known: {', '.join(KINDS)}")
    kinds = tuple(map(Kind, given)) or (entry.kinds if isinstance(entry, Campaign) else ())
    return EverydayRow(
        id=f"{lang}-e{number:04d}",
        lang=lang,
        script=one.options.get("script", LANGUAGES[lang][0]),
        part=entry.part,
        verdict=Verdict.SCAM if scam else Verdict.LEGIT,
        campaign=entry.id,
        kinds=kinds if scam else (),
        channel=entry.channel,
        links=_link_form(one, entry.link),
        text=one.text,
        generated=writer,
    )


def _link_form(one: Written, usual: LinkForm) -> LinkForm:
    if (form := one.options.get("links")) is not None:
        if form not in get_args(LinkForm):
            raise ValueError(f"links {form!r}; known: {', '.join(get_args(LinkForm))}")
        return cast(LinkForm, form)
    if not (_HOST.search(one.text) or "[link]" in one.text):
        return "none"
    return "plain" if usual == "none" else usual


def alike_rows(rows: Sequence[EverydayRow]) -> Iterator[tuple[str, str, float]]:
    """Yield the ids of rows of one campaign and language that are too much alike, and how much."""
    groups: dict[tuple[str, str], list[tuple[str, set[str]]]] = defaultdict(list)
    for row in rows:
        group = groups[row.campaign, row.lang]
        mine = shingles(normalise(row.text))
        for other, theirs in group:
            index = len(mine & theirs) / len(mine | theirs)
            if index > MOST_ALIKE:
                yield other, row.id, index
        group.append((row.id, mine))


def copied_rows(rows: Sequence[EverydayRow], public: Iterable[str]) -> dict[str, int]:
    """Return the ids of rows that share a run of words with a public text, and with how many."""
    runs: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for run in word_runs(row.text):
            runs[run].append(row.id)
    found: Counter[str] = Counter()
    for text in public:
        found.update({name for run in word_runs(text) if run in runs for name in runs[run]})
    return dict(found)


def word_runs(text: str) -> set[str]:
    """Return the runs of RUN words, of RUN_CHARACTERS letters in scripts without spaces."""
    words = _words(text.lower())
    if _UNSPACED.search(text):
        letters = "".join(words)
        return {letters[n : n + RUN_CHARACTERS] for n in range(len(letters) - RUN_CHARACTERS + 1)}
    return {" ".join(words[n : n + RUN]) for n in range(len(words) - RUN + 1)}


def _words(text: str) -> list[str]:
    """Return the words, with the vowel signs that no pattern of ``re`` counts as letters."""
    kept = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text)
    return "".join(kept).split()


def _share_upper(text: str) -> bool:
    return any(len(word) > 3 and word.isupper() for word in _WORD.findall(text))


RATES: dict[str, Callable[[str], bool]] = {
    "link": lambda text: "[link" in text or _HOST.search(text) is not None or "http" in text,
    "capitals": _share_upper,
    "emoji": has_emoji,
    "digit": lambda text: any(c.isdecimal() for c in text),
    "exclamation": lambda text: "!" in text or "！" in text,
    "no full stop": lambda text: not text.rstrip().endswith(_STOPS),
}


def form_rates(texts: Sequence[str]) -> dict[str, float]:
    """Return the shares of texts with each mark of form, and the median length in characters."""
    shares = {name: float(np.mean([test(text) for text in texts])) for name, test in RATES.items()}
    return shares | {"median length": float(np.median([len(text) for text in texts]))}


def link_auc(rows: Sequence[EverydayRow]) -> float:
    """Return how well only the form of the link separates scam from honest, 0.5 to 1.

    Raises SourceError for rows of one verdict.
    """
    scams = Counter(row.links for row in rows if row.verdict is Verdict.SCAM)
    honest = Counter(row.links for row in rows if row.verdict is not Verdict.SCAM)
    odds = {form: (scams[form] + 1) / (honest[form] + 1) for form in scams | honest}
    if not scams or not honest:
        raise SourceError("the rows have only one verdict; pass files that contain both")
    truth = [row.verdict is Verdict.SCAM for row in rows]
    auc = float(roc_auc_score(truth, [odds[row.links] for row in rows]))
    return max(auc, 1 - auc)
