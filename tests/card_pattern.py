"""The patterns of a model card and its details: sections in order, tables with n and intervals."""

from __future__ import annotations

import re

SECTIONS = (
    "Results",
    "Limits",
    "Intended use",
    "Out of scope",
    "Decisions",
    "Kinds of scam",
    "How it was made",
    "More",
)
DETAILS = (
    "Results",
    "Decisions",
    "False alarms by kind of honest message",
    "By language",
    "Kinds of scam",
    "Known failures",
    "Disguises",
    "Conversations",
    "Writers without training rows",
    "Calibration",
    "How it was made",
    "Training sources by licence",
    "Overlap with the training text",
    "Thresholds by language",
    "Thresholds by kind",
    "int8 against fp32",
    "Cascade",
    "Trimmed vocabulary",
)
# The sections whose tables are of measured quality, where every share needs its interval and n.
MEASURED = (
    "Results",
    "False alarms by kind of honest message",
    "By language",
    "Kinds of scam",
    "Disguises",
    "Conversations",
    "Writers without training rows",
    "Calibration",
)
MOST_WORDS = 1000
_PLACES = (r"/(?:work|home|root|tmp|Users|mnt)/", r"\b[A-Z]:\\", r"file://", r"\bpypi\b")
_QUOTED = re.compile(r"^  > (.*)$", re.MULTILINE)


def sections(card: str) -> dict[str, str]:
    """Return the sections by their title, in order."""
    _, *parts = re.split(r"^## (.+)\n", card, flags=re.MULTILINE)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def tables(text: str) -> list[tuple[list[str], list[list[str]]]]:
    """Return the header and the rows of every Markdown table."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE):
        header, rule, *rows = [
            [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            for line in block.strip().splitlines()
        ]
        assert set("".join(rule)) <= set("-| "), block
        found.append((header, rows))
    return found


def quotes(card: str) -> list[str]:
    """Return the quoted messages as they were written, without the mark of a cut one."""
    return [re.sub(r"\\(.)", r"\1", one).removesuffix(" …") for one in _QUOTED.findall(card)]


def check_pattern(card: str) -> None:
    """Assert what holds for every card, with or without results."""
    assert re.match(r"---\n(?:.+\n)+---\n\n# \S+ \S+\n\n\S", card)
    assert tuple(sections(card)) == SECTIONS
    assert words(card) <= MOST_WORDS
    _check_sections(card)


def check_details(page: str) -> None:
    """Assert what holds for every page of details, with or without results."""
    assert re.match(r"# Details of \S+ \S+\n\n\S", page)
    assert tuple(sections(page)) == DETAILS
    _check_sections(page)


def words(text: str) -> int:
    """Return the number of words, those of the metadata too; table lines are not words."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


def _check_sections(page: str) -> None:
    assert all(sections(page).values())
    for pattern in _PLACES:
        assert not re.search(pattern, page), pattern
    for title, text in sections(page).items():
        for header, rows in tables(text):
            assert rows and all(len(row) == len(header) for row in rows), title
            if title in MEASURED:
                assert any(re.search(r"\bn\b", name) for name in header), (title, header)
                for cell in (cell for row in rows for cell in row if "%" in cell):
                    named = re.fullmatch(r"[^\[\]]*mix, \d+% scams", cell)
                    assert named or re.search(r"% \[-?[\d.]+, [\d.]+\]", cell), (title, cell)
