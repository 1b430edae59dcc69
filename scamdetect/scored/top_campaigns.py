"""Read campaigns, and find the unnoticed ones: large, new and not flagged."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import takewhile
from pathlib import Path
from typing import Any

from scamdetect.errors import InputError
from scamdetect.scored.database import result_path
from scamdetect.scored.read import ScoredDump, read_records
from scamdetect.text.masking import key_of, template_key

LARGE = 20  # messages
FEW_FLAGGED = 0.1  # of the messages; if more are, people see the campaign among flagged ones
GROWN = 5.0  # times the messages of the earlier dump, from which a campaign counts as new
# Everyday words, such as "thanks", are harmless: a template of fewer characters is listed only if
# it contains something to act on.
_SHORT = 20
_LOOKED_AT = 20  # members of a campaign, for its examples
_TO_ACT_ON = re.compile(r"\[(?:link|phone|email|handle|code)\]")


@dataclass(frozen=True)
class Campaign:
    """Messages of near-duplicate templates, of which ``template`` is the most frequent, masked.

    ``id`` is the same in every dump. ``senders``, the days and ``earlier``, its messages in an
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
    def is_unnoticed(self) -> bool:
        """Return True if it is large, new and not flagged, and not an everyday phrase."""
        says_much = len(key_of(self.template)) >= _SHORT or _TO_ACT_ON.search(self.template)
        few = self.flagged < FEW_FLAGGED * self.messages
        is_new = not self.earlier or self.messages >= GROWN * self.earlier
        return self.messages >= LARGE and few and is_new and bool(says_much)


@dataclass(frozen=True)
class Unnoticed:
    """The ``count`` unnoticed campaigns of a file, and the first by their expected number of scams.

    ``compared`` is True if new means missing in an earlier dump.
    """

    count: int
    first: tuple[Campaign, ...]
    compared: bool


def members_path(campaigns: Path) -> Path:
    """Return the path of the table of campaign messages."""
    return campaigns.with_name(f"{campaigns.stem}.members{campaigns.suffix}")


def campaigns_beside(scored: Path) -> Path | None:
    """Return the campaigns next to a scored file or folder, or None."""
    path = result_path(scored, "campaigns")
    return path if path.is_file() else None


def read_campaigns(path: Path) -> Iterator[Campaign]:
    """Yield the campaigns of a file, largest first; raise InputError for another file."""
    try:
        yield from map(_campaign, read_records(path))
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        if isinstance(problem, InputError):
            raise
        raise InputError(
            f"{path}: contains no campaigns; pass a file written by `scamdetect campaigns`"
        ) from None


def _campaign(row: Mapping[str, Any]) -> Campaign:
    int(row["campaign"], 16)  # or it is no id
    counts = ("messages", "templates", "flagged", "review", "first_row")
    known: dict[str, Any] = {name: int(row[name]) for name in counts}
    known |= {name: str(row.get(name) or "") or None for name in ("first_day", "last_day", "input")}
    senders, earlier = row.get("senders"), row.get("earlier_messages")
    return Campaign(
        id=row["campaign"],
        template=str(row["template"]),
        mean_probability=float(row["mean_scam_probability"]),
        highest_probability=float(row["highest_scam_probability"]),
        kinds=_counts(row["kinds"], "kind"),
        languages=_counts(row["languages"], "language"),
        senders=None if senders in (None, "") else int(senders),
        earlier=None if earlier in (None, "") else int(earlier),
        **known,
    )


def _counts(value: Any, item: str) -> tuple[tuple[str, int], ...]:  # noqa: ANN401
    """Return the labels of a result with their numbers of messages, from text or from lists."""
    if isinstance(value, str):
        pairs = (part.rpartition(":") for part in value.split(";") if part)
        return tuple((name, int(count)) for name, _, count in pairs)
    return tuple((str(pair[item]), int(pair["messages"])) for pair in value or ())


def unnoticed(path: Path, most: int) -> Unnoticed:
    """Return the unnoticed campaigns of a file; raise InputError if it is damaged."""
    large = list(takewhile(lambda one: one.messages >= LARGE, read_campaigns(path)))
    listed = [campaign for campaign in large if campaign.is_unnoticed]
    first = nlargest(
        most, listed, key=lambda one: (one.messages * one.mean_probability, -one.first_row)
    )
    return Unnoticed(len(listed), tuple(first), any(one.earlier is not None for one in large))


def first_texts(dump: ScoredDump, text: str, rows: Iterable[int]) -> dict[int, str]:
    """Return the messages of some rows; the dump is read up to the last of them."""
    wanted = sorted(rows)
    texts: dict[int, str | None] = {}
    start = 0
    for batch in dump.batches(text) if wanted else ():
        column = batch.table["text"]
        end = start + len(column)
        texts |= {row: column[row - start].as_py() for row in wanted if start <= row < end}
        start = end
        if start > wanted[-1]:
            break
    return {row: value for row, value in texts.items() if value is not None}


def other_texts(
    dump: ScoredDump, text: str, campaigns: Sequence[Campaign], most: int
) -> dict[str, tuple[str, ...]]:
    """Return at most ``most`` other messages of each campaign by its id, other wordings first.

    They come from about 20 members, spread over the campaign, none without the file of members.
    Raises InputError if that file is damaged.
    """
    path = campaigns_beside(dump.path)
    if path is None or not members_path(path).is_file():
        return {}
    steps = {one.id: max(1, one.messages // _LOOKED_AT) for one in campaigns}
    seen: Counter[str] = Counter()
    ids: dict[int, str] = {}
    for member in read_records(members_path(path)) if steps else ():
        name = member["campaign"]
        if name in steps and seen[name] % steps[name] == 0:
            ids[int(member["row"])] = name
        seen[name] += 1
    texts = first_texts(dump, text, {*ids, *(one.first_row for one in campaigns)})
    others = {}
    for one in campaigns:
        first = texts.get(one.first_row, "")
        own = {texts[row]: None for row, name in ids.items() if name == one.id and row in texts}
        others[one.id] = _unlike(first, own, most)
    return others


def _unlike(first: str, others: Iterable[str], most: int) -> tuple[str, ...]:
    """Return ``most`` others that differ from ``first``: one of each other wording, then more."""
    distinct = [text for text in others if text != first]
    wordings = {template_key(text): text for text in (*reversed(distinct), first)}
    new = [text for text in distinct if wordings[template_key(text)] == text]
    return tuple(dict.fromkeys([*new, *distinct]))[:most]


def are_of(dump: ScoredDump, text: str | None, campaigns: Sequence[Campaign]) -> bool:
    """Return True if campaigns belong to this dump, by the templates of their first messages.

    File times would not show it, because copies have others. Without a text column it is unknown.
    """
    rows = [one.first_row for one in campaigns]
    texts = {} if text is None else first_texts(dump, text, rows)
    return text is None or all(
        one.input is None and template_id(texts.get(one.first_row, "")) == one.id
        for one in campaigns
    )


def template_id(text: str) -> str:
    """Return the id of the template of a message, the same in every dump, 16 hex digits."""
    return f"{template_hash(template_key(text)):016x}"


def template_hash(key: str) -> int:
    """Return the first 64 bits of the sha256 of a template's key."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "backslashreplace")).digest()[:8])
