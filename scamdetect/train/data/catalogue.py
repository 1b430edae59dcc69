"""What everyday messages are written about: campaigns of scams and families of honest messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from scamdetect.errors import SourceError
from scamdetect.labels import Kind
from scamdetect.system.typed import read_toml
from scamdetect.train.data.authored import Part
from scamdetect.train.data.registry import Slice

LinkForm = Literal["none", "plain", "shortener", "chat", "tracking", "look-alike", "platform"]
Channel = Literal["sms", "chat", "social", "email"]
Block = Literal["notices", "talk", "money"]
CAMPAIGNS, NOTICES = "campaigns.toml", "notices.toml"


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A TOML table in which every key must be known."""


class Campaign(_Table, frozen=True):
    """What one gang would send in one country after another; the words are the writer's."""

    id: str
    type: str
    part: Part
    kinds: tuple[Kind, ...]
    channel: Channel
    sender: str  # who it poses as
    says: str
    asks: str
    link: LinkForm
    phone: Literal["none", "callback", "sender"]
    countries: tuple[str, ...]  # none: everywhere
    source: str  # a public account of it, only if one was found


class Family(_Table, frozen=True):
    """Honest messages of one purpose, beside a type of scam that looks like them."""

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


class _Campaigns(_Table, frozen=True):
    types: dict[str, str]
    campaigns: list[Campaign]


class _Families(_Table, frozen=True):
    families: list[Family]


@dataclass(frozen=True)
class Catalogue:
    """The types of scam with their titles, the campaigns and the honest families by id."""

    types: dict[str, str]
    campaigns: dict[str, Campaign]
    families: dict[str, Family]

    def entry(self, name: str) -> Campaign | Family | None:
        """Return the campaign or family of this id, None for an unknown one."""
        return self.campaigns.get(name) or self.families.get(name)

    def slices(self, name: str) -> tuple[Slice, ...]:
        """Return the slice of an honest family, none for a campaign."""
        family = self.families.get(name)
        return () if family is None else (family.slice,)


def load_catalogue(folder: Path) -> Catalogue:
    """Return the catalogue of the folder's two files.

    Raises SourceError naming file and key for an unknown type, an id that stands twice, a campaign
    without kinds, or a type that some part has no campaign of.
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
            yield f"{folder}: the id {name!r} stands {count} times; a campaign is of one part"
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
