"""Everyday messages written for this project, and the catalogue of their subjects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from scamdetect.errors import SourceError
from scamdetect.labels import Kind, Verdict
from scamdetect.system.files import writing
from scamdetect.train.data.authored import (
    SCRIPTS,
    Part,
    duplicate_ids,
    has_link,
    has_real_address,
    raise_first,
    read_folder,
    script_problems,
    turns,
)
from scamdetect.train.data.registry import Slice
from scamdetect.train.typed import Located, Table, locate_jsonl, read_toml, utf8_text

LinkForm = Literal["none", "plain", "shortener", "chat", "tracking", "look-alike", "platform"]
Channel = Literal["sms", "chat", "social", "email"]
Block = Literal["notices", "talk", "money"]
CAMPAIGNS, NOTICES = "campaigns.toml", "notices.toml"


class Campaign(Table, frozen=True):
    """What one gang would send in one country after another; the words are the writer's."""

    id: str
    type: str
    part: Part
    kinds: tuple[Kind, ...]
    channel: Channel
    sender: str  # who it pretends to be
    says: str
    asks: str
    link: LinkForm
    phone: Literal["none", "callback", "sender"]
    countries: tuple[str, ...]  # none: everywhere
    source: str  # a public account of it, if one was found


class Family(Table, frozen=True):
    """Honest messages of one purpose, similar to a type of scam."""

    id: str
    block: Block
    mirrors: str
    part: Part
    slice: Slice
    channel: Channel
    sender: str
    says: str
    link: LinkForm
    countries: tuple[str, ...]
    source: str


class _Campaigns(Table, frozen=True):
    types: dict[str, str]
    campaigns: list[Campaign]


class _Families(Table, frozen=True):
    families: list[Family]


@dataclass(frozen=True)
class Catalogue:
    """The types of scam with their titles, the campaigns and the honest families by id."""

    types: dict[str, str]
    campaigns: dict[str, Campaign]
    families: dict[str, Family]

    def entry(self, name: str) -> Campaign | Family | None:
        """Return the campaign or family of this id, or None."""
        return self.campaigns.get(name) or self.families.get(name)

    def slices(self, name: str) -> tuple[Slice, ...]:
        """Return the slice of an honest family, none for a campaign."""
        family = self.families.get(name)
        return () if family is None else (family.slice,)


def load_catalogue(folder: Path) -> Catalogue:
    """Return the catalogue of the folder's two files.

    Raises SourceError with file and key for an unknown type, a repeated id, a campaign without
    kinds, or a type without a campaign in some part.
    """
    scams = read_toml(folder / CAMPAIGNS, _Campaigns, SourceError)
    honest = read_toml(folder / NOTICES, _Families, SourceError)
    catalogue = Catalogue(
        scams.types,
        {one.id: one for one in scams.campaigns},
        {one.id: one for one in honest.families},
    )
    if problems := list(_problems(folder, scams, honest)):
        raise SourceError(problems[0])
    return catalogue


def _problems(folder: Path, scams: _Campaigns, honest: _Families) -> Iterator[str]:
    ids = Counter([*(c.id for c in scams.campaigns), *(f.id for f in honest.families)])
    for name, count in ids.items():
        if count > 1:
            yield f"{folder}: the id {name!r} occurs {count} times; a campaign is of one part"
    known = ", ".join(scams.types)
    for one in scams.campaigns:
        if one.type not in scams.types:
            yield f"{folder / CAMPAIGNS}: {one.id}: unknown type {one.type!r}; known: {known}"
        if not one.kinds:
            yield f"{folder / CAMPAIGNS}: {one.id}: no kinds; name at least one"
    for family in honest.families:
        if family.mirrors not in scams.types:
            yield f"{folder / NOTICES}: {family.id}: unknown type {family.mirrors!r}; of {known}"
    parts = {(one.type, one.part) for one in scams.campaigns}
    for kind in scams.types:
        for part in get_args(Part):
            if (kind, part) not in parts:
                yield f"{folder / CAMPAIGNS}: type {kind} has no campaign of the part {part}"


# A person who trains on these files by accident can search for the string in their model's output.
CANARY = "scamdetect everyday canary 5b1d6c0e-8f0a-4b1e-9a57-2f3c7d9e1a44"
LICENCE = "CC-BY-4.0"
MOST_TURNS = 6
_MORE = {**dict.fromkeys(("nl", "pl", "da", "sv"), ("Latn",)), "el": ("Grek",)}
LANGUAGES = dict(sorted((SCRIPTS | _MORE).items()))


class Header(Table, frozen=True):
    """The first line of a file."""

    canary: str
    licence: str
    generated: str  # who wrote the rows


class EverydayRow(Table, frozen=True):
    """One message written as people really send it."""

    id: str
    lang: str
    script: str
    part: Part
    verdict: Verdict
    campaign: str  # of the catalogue: a campaign, or a family if the row is honest
    kinds: tuple[Kind, ...]
    channel: Channel
    links: LinkForm  # the form of the link in the text
    text: str
    generated: str
    reader: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None  # scam probability, blind
    realism: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None  # by a blind reader


def load_everyday(
    folder: Path, catalogue: Catalogue, only: Collection[str] = ()
) -> list[EverydayRow]:
    """Return the rows of the folder's files, or only those of these languages.

    Raises SourceError, with file, line, key and fix, if a row is invalid.
    """
    problems, placed = _checked(folder, catalogue, only)
    raise_first(problems, "everyday")
    return [one.row for one in placed]


def check_everyday(folder: Path, catalogue: Catalogue, only: Collection[str] = ()) -> list[str]:
    """Return the problems in the folder's files, each with file, line, key and fix."""
    return _checked(folder, catalogue, only)[0]


def _checked(
    folder: Path, catalogue: Catalogue, only: Collection[str]
) -> tuple[list[str], list[Located[EverydayRow]]]:
    placed, problems = read_folder(folder, "everyday", only, read_everyday)
    problems += everyday_problems(placed, catalogue)
    return problems if only else problems + list(_unwritten(placed, catalogue)), placed


def write_everyday(path: Path, rows: Iterable[EverydayRow], generated: str) -> None:
    """Write the header and the rows in the order of their ids, one JSON object per line."""
    ordered = sorted(rows, key=lambda row: row.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoder = msgspec.json.Encoder()
    with writing(path) as file:
        file.write(encoder.encode_lines([Header(CANARY, LICENCE, generated), *ordered]))


def everyday_problems(placed: list[Located[EverydayRow]], catalogue: Catalogue) -> list[str]:
    """Return the problems of the rows, each with its place and fix."""
    problems = [
        f"{one.where}: {one.row.id}: {problem}"
        for one in placed
        for problem in _row_problems(one.row, catalogue)
    ]
    return problems + [*duplicate_ids(placed, "number the rows of a language once")]


def read_everyday(path: Path) -> tuple[list[Located[EverydayRow]], list[str]]:
    """Return the rows of a file, and its malformed lines as problems.

    Raises SourceError if the file cannot be read or does not start with the canary.
    """
    first = utf8_text(path, SourceError).partition("\n")[0]
    try:
        header = msgspec.json.decode(first, type=Header)
    except msgspec.DecodeError as problem:
        raise SourceError(f"{path}:1: the first line is not a header: {problem}") from problem
    if header.canary != CANARY:
        raise SourceError(f"{path}:1: the canary must be {CANARY!r}")
    placed, malformed = locate_jsonl(
        path, EverydayRow, SourceError, lambda _: "one JSON object per line", first=2
    )
    return placed, malformed + [
        f"{one.where}: {one.row.id}: lang {one.row.lang!r} in the file of {path.stem!r}"
        for one in placed
        if one.row.lang != path.stem
    ]


def _unwritten(placed: Iterable[Located[EverydayRow]], catalogue: Catalogue) -> Iterator[str]:
    written = {one.row.campaign for one in placed}
    parts = {one.row.part for one in placed}
    # Scams of the part final come out after the others.
    scams = parts if written & _of_part(catalogue.campaigns, "final") else parts - {"final"}
    for file, entries, wanted in (
        ("campaigns.toml", catalogue.campaigns, scams),
        ("notices.toml", catalogue.families, parts),
    ):
        for name, entry in entries.items():
            if entry.part in wanted and name not in written:
                yield f"{file}: {name}: no row of any language; write some or delete it"


def _of_part(entries: Mapping[str, Campaign] | Mapping[str, Family], part: str) -> set[str]:
    return {name for name, entry in entries.items() if entry.part == part}


def _row_problems(row: EverydayRow, catalogue: Catalogue) -> Iterator[str]:
    yield from script_problems(row.lang, row.script, LANGUAGES)
    if not re.fullmatch(re.escape(row.lang) + r"-e\d{4}", row.id):
        yield f"the id must be {row.lang}-e and four digits"
    if not row.text.strip() or row.text != row.text.strip():
        yield "an empty text, or blanks around it"
    if has_real_address(row.text):
        yield "a link or e-mail address that somebody could own; use *.example, *.test or [link]"
    if has_link(row.text) != (row.links != "none"):
        yield f"links is {row.links!r}, but the text has {'a' if has_link(row.text) else 'no'} link"
    if not row.generated:
        yield "generated is empty; name the writer"
    speakers = [speaker for speaker in turns(row.text) if speaker]
    if len(speakers) > MOST_TURNS:
        yield f"{len(speakers)} turns; a thread has at most {MOST_TURNS}"
    entry = catalogue.entry(row.campaign)
    if entry is None:
        yield f"campaign {row.campaign!r} is not in the catalogue"
        return
    if row.part != entry.part:
        yield (
            f"part {row.part} of the campaign {entry.id}, which is of {entry.part} in all languages"
        )
    if isinstance(entry, Campaign):
        if row.verdict is not Verdict.SCAM or not row.kinds:
            yield f"a row of the campaign {entry.id} must be scam, with kinds"
    elif row.verdict is not Verdict.LEGIT or row.kinds:
        yield f"a row of the family {entry.id} must be legit, without kinds"
