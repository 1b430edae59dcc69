"""Files of fingerprints: made from campaigns and their messages, and matched with those of others.

A file contains no text, no sender and no id of ours: a campaign has a name that depends on the key,
and a rounded number of messages. Its lines are in the order of these names.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scamdetect.dumps.columns import read_columns
from scamdetect.dumps.json import read_object
from scamdetect.dumps.lines import read_lines
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError
from scamdetect.scored.source import opened
from scamdetect.share.fingerprint_key import Key
from scamdetect.share.fingerprints import (
    BITS,
    LEAST_MESSAGES,
    LEAST_SENDERS,
    LEAST_SHINGLES,
    VALUES,
    Shingles,
    Signature,
    Signer,
    masking_id,
    matches,
    packed,
    unpacked,
)
from scamdetect.share.members import Members
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of, write_text
from scamdetect.system.os_errors import written
from scamdetect.text.near_duplicates import ALIKE, SHINGLE

MOST = 100_000  # fingerprints of a file
_FORMAT = "scamdetect fingerprints"
_VERSION = 1
_SIZES = (10_000, 1_000, 100, 10)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A campaign in a file; ``size`` is a lower bound of its messages, days can be unknown."""

    name: str
    signature: Signature
    size: int
    first_day: str | None
    last_day: str | None


@dataclass(frozen=True)
class MadeSummary:
    """The path of the fingerprints, their number, and why campaigns have none."""

    destination: Path
    fingerprints: int
    left_out: dict[str, int]


@dataclass(frozen=True)
class Pair:
    """A campaign of ours and a similar one of theirs, with the details in their fingerprints."""

    mine: Fingerprint
    theirs: Fingerprint
    similarity: float


@dataclass(frozen=True)
class _Campaign:
    messages: int
    first_day: str | None
    last_day: str | None


def make_fingerprints(
    campaigns: str | Path,
    scored: Sequence[str | Path],
    destination: str | Path,
    *,
    key: Key,
    members: str | Path | None = None,
    sources: Sequence[str | Path] = (),
    overwrite: bool = False,
) -> MadeSummary:
    """Write the fingerprints of campaigns with at least 10 messages and 3 senders.

    ``campaigns`` and ``members``, by default next to it, were written by ``scamdetect campaigns``
    for the dumps ``scored``. Texts that these lack come from ``sources``, one for each of them.

    The file appears completely or not at all, and is readable only for those who can read the
    dumps. Raises InputError for files that do not belong together, for campaigns without senders,
    and if no campaign has a fingerprint; OutputError.
    """
    campaigns, destination = Path(campaigns), Path(destination)
    members = _members_beside(campaigns) if members is None else Path(members)
    given: Sequence[str | Path | None] = list(sources) or [None] * len(scored)
    if len(given) != len(scored):
        raise InputError(f"got {len(given)} sources for {len(scored)} dumps; pass one for each")
    dumps = [
        opened(path, source, "fingerprints") for path, source in zip(scored, given, strict=True)
    ]
    inputs = [campaigns, members, *(file for dump in dumps for file in dump.files)]
    target = file_destination(destination, overwrite=overwrite, inputs=inputs)
    left_out: Counter[str] = Counter()
    wanted = dict(_large(campaigns, left_out))
    found = {name: Shingles(campaign.messages) for name, campaign in wanted.items()}
    of_rows = Members(members, [str(path) for path in scored])
    for number, dump in enumerate(dumps):
        dump.check_texts()
        first = 0
        for rows in dump.batches():
            names = of_rows.of_rows(number, first, len(rows))
            first += len(rows)
            for text, name in zip(dump.texts(rows), names, strict=True):
                if name in found and isinstance(text, str):
                    found[name].add(text)
    of_rows.check_end()
    lines = sorted(_lines(wanted, found, Signer(key), left_out))
    if not lines:
        told = "; ".join(f"{count:,} with {reason}" for reason, count in left_out.items())
        raise InputError(f"{campaigns}: no campaign has a fingerprint ({told or 'it has none'})")
    head = {
        "format": _FORMAT, "version": _VERSION, "key": key.id, "masking": masking_id(),
        "values": VALUES, "bits": BITS, "shingle": SHINGLE,
    }  # fmt: skip
    with written(destination):
        write_text(target, "\n".join([json.dumps(head), *lines, ""]), access_of(inputs))
    return MadeSummary(destination, len(lines), dict(left_out.most_common()))


def match_fingerprints(
    mine: str | Path, theirs: str | Path, *, at_least: float = ALIKE
) -> list[Pair]:
    """Return the pairs of similar campaigns in two files, most similar first.

    The similarity estimates the Jaccard index of the messages' shared shingles, with a standard
    error of 0.03. Raises InputError for other files, and for fingerprints made with different keys
    or rules.
    """
    own, others = _read(Path(mine)), _read(Path(theirs))
    for what in ("key", "masking"):
        if own.head[what] != others.head[what]:
            cure = (
                "the same key file on both sides"
                if what == "key"
                else "the same version of scamdetect on both sides"
            )
            raise InputError(f"{mine} and {theirs}: made with a different {what}; use {cure}")
    signatures = [[one.signature for one in file.fingerprints] for file in (own, others)]
    pairs = [
        Pair(own.fingerprints[one.mine], others.fingerprints[one.theirs], one.similarity)
        for one in matches(signatures[0], signatures[1], at_least)
    ]
    return sorted(pairs, key=lambda one: (-one.similarity, one.mine.name, one.theirs.name))


def names_of(campaigns: str | Path, key: Key) -> dict[str, str]:
    """Return the ids of campaigns by their names in files made with the key."""
    signer = Signer(key)
    batches = read_columns(Path(campaigns), "campaign", ())
    return {signer.name(one): one for batch in batches for one in batch.texts if one is not None}


def _members_beside(campaigns: Path) -> Path:
    return campaigns.with_name(f"{campaigns.stem}.members{campaigns.suffix}")


def _large(path: Path, left_out: Counter[str]) -> Iterator[tuple[str, _Campaign]]:
    """Yield the campaigns that are large enough, and count the others."""
    columns = open_dump(path, text_column="campaign", overwrite_columns=True).columns
    if "senders" not in columns:
        raise InputError(
            f"{path}: its campaigns have no senders, but {LEAST_SENDERS} are needed; make them "
            "again with --sender-column"
        )
    days = [name for name in ("first_day", "last_day") if name in columns]
    for batch in read_columns(path, "campaign", ("messages", "senders"), days):
        if batch.rejected:
            raise InputError(f"{path}: {batch.rejected} broken records; make the file again")
        for place, name in enumerate(batch.texts):
            cells = {column: values[place] for column, values in batch.columns.items()}
            messages, senders = (_count(path, cells[c]) for c in ("messages", "senders"))
            if name is None:
                raise InputError(f"{path}: a campaign without an id; make the file again")
            if messages < LEAST_MESSAGES:
                left_out[f"fewer than {LEAST_MESSAGES} messages"] += 1
            elif senders < LEAST_SENDERS:
                left_out[f"fewer than {LEAST_SENDERS} senders"] += 1
            else:
                first, last = (_day(cells.get(c)) for c in ("first_day", "last_day"))
                yield name, _Campaign(messages, first, last)


def _count(path: Path, cell: str | None) -> int:
    if cell is None or not cell.isdecimal():
        raise InputError(f"{path}: a count is not a number; make the file again")
    return int(cell)


def _day(cell: object) -> str | None:
    return cell[:10] if isinstance(cell, str) and _DAY.match(cell) else None


def _lines(
    campaigns: Mapping[str, _Campaign],
    found: Mapping[str, Shingles],
    signer: Signer,
    left_out: Counter[str],
) -> Iterator[str]:
    for name, campaign in campaigns.items():
        shared = found[name].shared()
        if len(shared) < LEAST_SHINGLES:
            left_out["their messages have too little in common"] += 1
            continue
        line = {
            "campaign": signer.name(name),
            "signature": packed(signer.sign(shared)),
            "messages": next(size for size in _SIZES if campaign.messages >= size),
            "first_day": campaign.first_day,
            "last_day": campaign.last_day,
        }
        yield json.dumps(line)


@dataclass(frozen=True)
class _File:
    head: dict[str, object]
    fingerprints: list[Fingerprint]


def _read(path: Path) -> _File:
    lines = ((line.number, line.text) for line in read_lines(path, "utf-8") if line.text.strip())
    _, first = next(lines, (1, ""))
    head = read_object(first)
    if isinstance(head, str) or head.get("format") != _FORMAT:
        raise InputError(
            f"{path}: not a file of fingerprints; make one with scamdetect fingerprints"
        )
    rules = (head.get("version"), head.get("values"), head.get("bits"), head.get("shingle"))
    if rules != (_VERSION, VALUES, BITS, SHINGLE):
        raise InputError(
            f"{path}: made with other rules than this version of scamdetect; use the same "
            "version on both sides"
        )
    found: list[Fingerprint] = []
    for number, text in lines:
        if len(found) >= MOST:
            raise InputError(f"{path}: more than {MOST:,} fingerprints; split the file")
        one = _fingerprint(read_object(text))
        if one is None:
            raise InputError(f"{path}:{number}: not a fingerprint; ask for the file again")
        found.append(one)
    return _File({name: head.get(name) for name in ("key", "masking")}, found)


def _fingerprint(value: dict[str, object] | str) -> Fingerprint | None:
    """Return the fingerprint in a line, None if it is invalid: the file comes from others."""
    if isinstance(value, str):
        return None
    name, signature, size = (value.get(n) for n in ("campaign", "signature", "messages"))
    if not isinstance(name, str) or not _NAME.fullmatch(name) or size not in _SIZES:
        return None
    try:
        values = unpacked(signature) if isinstance(signature, str) else None
    except ValueError:
        return None
    if values is None or not isinstance(size, int):
        return None
    days = (_day(value.get(column)) for column in ("first_day", "last_day"))
    return Fingerprint(name, values, size, *days)
