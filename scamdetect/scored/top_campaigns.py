"""Read campaigns, and find the unnoticed ones: large, new and not flagged."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import takewhile
from pathlib import Path
from typing import Any

from scamdetect.dumps.formats import unpacked
from scamdetect.errors import InputError
from scamdetect.scored.read import ScoredDump
from scamdetect.scored.results import holds_columns, named_counts, read_results
from scamdetect.scored.templates import template_hash, template_id
from scamdetect.text.masking import key_of, template_key

NEEDED = {"campaign", "template", "messages", "flagged", "first_row"}

_MARK = "flagged_share"  # used to detect the delimiter of a CSV

LARGE = 20  # messages
FEW_FLAGGED = 0.1  # of the messages; if more are, people see the campaign among flagged ones
GROWN = 5.0  # times the messages of the earlier dump, from which a campaign counts as new
# Everyday words, such as "thanks", are sent by thousands and are harmless: a template this short,
# in characters, is listed only if it contains something to act on.
SHORT = 20
_LOOKED_AT = 20  # members of a campaign, for its examples
_TO_ACT_ON = re.compile(r"\[(?:link|phone|email|handle|code)\]")


@dataclass(frozen=True)
class Campaign:
    """Messages of near-duplicate templates, of which ``template`` is the most frequent, masked.

    ``id`` is the same in every dump. ``kinds`` are those of flagged messages and ``languages`` of
    scored ones, most frequent first. ``senders``, the days and ``earlier``, its messages in an
    earlier dump, are None if they were not counted. ``first_row`` is the index, from 0, of the
    first message with that template in ``input``, which is None if one dump was read.
    """

    id: str
    template: str
    messages: int
    templates: int
    flagged: int
    review: int
    mean_probability: float
    highest_probability: float
    kinds: tuple[tuple[str, int], ...]
    languages: tuple[tuple[str, int], ...]
    first_row: int
    senders: int | None = None
    first_day: str | None = None
    last_day: str | None = None
    earlier: int | None = None
    input: str | None = None

    @property
    def flagged_share(self) -> float:
        """Return the share of its messages that are flagged."""
        return self.flagged / self.messages

    @property
    def growth(self) -> float | None:
        """Return its size divided by its earlier size, None if new or not compared."""
        return self.messages / self.earlier if self.earlier else None

    @property
    def expected_scams(self) -> float:
        """Return its expected number of scams by the scores, flagged or not."""
        return self.messages * self.mean_probability

    @property
    def is_new(self) -> bool:
        """Return True if it is new, much larger, or not compared with an earlier dump."""
        return not self.earlier or self.messages >= GROWN * self.earlier

    @property
    def is_unnoticed(self) -> bool:
        """Return True if it is large, new and not flagged, and not an everyday phrase."""
        says_much = len(key_of(self.template)) >= SHORT or _TO_ACT_ON.search(self.template)
        few = self.flagged < FEW_FLAGGED * self.messages
        return self.messages >= LARGE and few and self.is_new and bool(says_much)


def campaigns_path(scored: Path) -> Path:
    """Return the path of the table of campaigns, in the format of the scored file."""
    return scored.with_name(f"{scored.stem}.campaigns{scored.suffix}")


def members_path(campaigns: Path) -> Path:
    """Return the path of the table of campaign messages."""
    return campaigns.with_name(f"{campaigns.stem}.members{campaigns.suffix}")


def campaigns_beside(scored: Path) -> Path | None:
    """Return the campaigns next to a scored file or folder, or None."""
    named = unpacked(scored)
    if scored.is_dir() and named.suffix.lower() not in (".parquet", ".pq"):
        named = named.with_name(f"{named.name}.parquet")
    path = campaigns_path(named)
    return path if path.is_file() else None


def holds_campaigns(path: Path) -> bool:
    """Return True for a file of campaigns, even if empty; raise InputError if damaged."""
    return holds_columns(path, NEEDED, _MARK)


def read_campaigns(path: Path) -> Iterator[Campaign]:
    """Yield the campaigns of a file, largest first; nothing from a file with other content.

    Raises InputError if the file is damaged.
    """
    for record in read_results(path, _MARK):
        found = campaign_of(record) if record.keys() >= NEEDED else None
        if found is not None:
            yield found


def is_compared(campaign: Campaign) -> bool:
    """Return True if the campaign was compared with an earlier dump."""
    return campaign.earlier is not None


@dataclass(frozen=True)
class Unnoticed:
    """The ``count`` campaigns of a file that are large, new and not flagged; the first of them.

    They are sorted by their expected number of scams: a campaign that the model misses scores low,
    but rarely as low as a greeting. ``compared`` is True if new means missing in an earlier dump.
    """

    count: int
    first: tuple[Campaign, ...]
    compared: bool


def unnoticed(path: Path, most: int) -> Unnoticed:
    """Return the unnoticed campaigns of a file; raise InputError if it is damaged."""
    count, compared = 0, False

    def found() -> Iterator[Campaign]:
        nonlocal count, compared
        for campaign in takewhile(lambda one: one.messages >= LARGE, read_campaigns(path)):
            compared |= is_compared(campaign)
            if campaign.is_unnoticed:
                count += 1
                yield campaign

    first = nlargest(most, found(), key=lambda one: (one.expected_scams, -one.first_row))
    return Unnoticed(count, tuple(first), compared)


def first_texts(dump: ScoredDump, text: str, rows: Iterable[int]) -> dict[int, str]:
    """Return the messages of some rows; the dump is read up to the last of them."""
    found: dict[int, str] = {}
    waiting = sorted(rows)
    first_row = 0
    for batch in dump.batches(text) if waiting else ():
        column = batch.table.column("text")
        here = [row for row in waiting if 0 <= row - first_row < len(column)]
        texts = {row: column[row - first_row].as_py() for row in here}
        found |= {row: one for row, one in texts.items() if one is not None}
        first_row += len(column)
        if first_row > waiting[-1]:
            break
    return found


def other_texts(
    dump: ScoredDump, text: str, campaigns: Iterable[Campaign], most: int
) -> dict[str, tuple[str, ...]]:
    """Return at most ``most`` other messages of each campaign by its id, other wordings first.

    They come from about 20 members, spread over the campaign. The result is empty if the file of
    members is missing. Raises InputError if that file is damaged.
    """
    by_id = {one.id: one for one in campaigns}
    path = campaigns_beside(dump.path) if by_id else None
    if path is None or not members_path(path).is_file():
        return {}
    places: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for member in read_results(members_path(path), "campaign"):
        name = str(member.get("campaign"))
        if name not in by_id:
            continue
        if seen[name] % max(1, by_id[name].messages // _LOOKED_AT) == 0:
            places[_row_of(members_path(path), member)] = name
        seen[name] += 1
    firsts = {one.first_row: one.id for one in by_id.values()}
    texts = first_texts(dump, text, {*places, *firsts})
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row, name in sorted(places.items()):
        if row in texts:
            found[name].append(texts[row])
    return {name: _unlike(texts.get(row, ""), found[name], most) for row, name in firsts.items()}


def _row_of(path: Path, member: Mapping[str, Any]) -> int:
    try:
        return int(member["row"])
    except (KeyError, TypeError, ValueError) as problem:
        raise InputError(
            f"{path}: a member has no whole number in 'row'; make it again with `scamdetect "
            "campaigns`"
        ) from problem


def _unlike(first: str, others: Sequence[str], most: int) -> tuple[str, ...]:
    """Return ``most`` others that differ from ``first``: one of each other wording, then more."""
    distinct = [one for one in dict.fromkeys(others) if one != first]
    wordings = {template_key(first): first}
    for one in distinct:
        wordings.setdefault(template_key(one), one)
    return tuple(dict.fromkeys([*list(wordings.values())[1:], *distinct]))[:most]


def are_of(dump: ScoredDump, text: str | None, campaigns: Sequence[Campaign]) -> bool:
    """Return True if campaigns belong to this dump, by the templates of their first messages.

    File times would not show it, because copies have others. Without a text column it is unknown.
    """
    if text is None:
        return True
    rows = {one.first_row: one for one in campaigns}
    texts = first_texts(dump, text, rows)
    return all(
        one.input is None
        and row in texts
        and template_id(template_hash(template_key(texts[row]))) == one.id
        for row, one in rows.items()
    )


def campaign_of(record: Mapping[str, Any]) -> Campaign | None:
    """Return the campaign of a row, None for a row that ``campaigns`` did not write."""
    try:
        found = Campaign(
            id=str(record["campaign"]),
            template=str(record["template"]),
            messages=int(record["messages"]),
            templates=int(record["templates"]),
            flagged=int(record["flagged"]),
            review=int(record["review"]),
            mean_probability=float(record["mean_scam_probability"]),
            highest_probability=float(record["highest_scam_probability"]),
            kinds=named_counts(record["kinds"], "kind"),
            languages=named_counts(record["languages"], "language"),
            first_row=int(record["first_row"]),
            senders=_whole(record.get("senders")),
            first_day=_text(record.get("first_day")),
            last_day=_text(record.get("last_day")),
            earlier=_whole(record.get("earlier_messages")),
            input=_text(record.get("input")),
        )
    except (TypeError, ValueError, KeyError, OverflowError):
        return None
    return found if found.messages > 0 else None


def _whole(value: Any) -> int | None:  # noqa: ANN401 - of a cell
    return None if value in (None, "") else int(value)


def _text(value: Any) -> str | None:  # noqa: ANN401 - of a cell
    return None if value in (None, "") else str(value)
