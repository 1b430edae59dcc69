"""Propose indicators to people: count each over all messages of scored dumps.

Pass 1 writes findings without texts to segments, pass 2 aggregates them by campaign, pass 3 by
value. A person decides in the resulting file; nothing is exported automatically.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from scamdetect.dumps.formats import Format, destination_format, is_remote
from scamdetect.dumps.outputs import check_paths, reported
from scamdetect.dumps.sources import find_source, located
from scamdetect.dumps.work import work_folder as parts_folder
from scamdetect.errors import InputError
from scamdetect.scored.job import Step, Stop, Watch, check_stop
from scamdetect.scored.source import companions, opened
from scamdetect.scored.work import Work, read_streams, scatter, working
from scamdetect.share.campaign_facts import of_campaigns
from scamdetect.share.export import checked_name
from scamdetect.share.feed_versions import FeedReport
from scamdetect.share.findings import Findings
from scamdetect.share.guard import load_guard
from scamdetect.share.members import Members
from scamdetect.share.messages import Dump, batches, labels_of
from scamdetect.share.proposals import Proposal, write_proposals
from scamdetect.share.seen_by_others import SeenByOthers, read_seen_by_others
from scamdetect.share.sums import Rules, of_values
from scamdetect.system.destinations import followed
from scamdetect.system.files import access_of
from scamdetect.text.indicators import DEFAULT, IndicatorType
from scamdetect.text.numbers import check_region

SEGMENT_ROWS = 1 << 16
BUCKET_BYTES = 4 << 20
_WITHOUT_SENDERS = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK))
_FOUND, _ROWS, _LEFT_OUT = "proposed ", "rows", "left out "
_UNMET = "seen only by others"


@dataclass(frozen=True)
class ProposeSummary:
    """The path of the review file, its numbers of indicators by type, and what it lacks.

    ``left_out`` counts by reason: indicators, or findings in messages if the message decides the
    reason. ``notes`` are for people to read.
    """

    destination: Path
    proposed: dict[str, int]
    rows: int
    left_out: dict[str, int]
    notes: tuple[str, ...]
    resumed: int = 0  # of the rows, those that earlier runs had read


def write_review(
    scored: str | Path | Sequence[str | Path],
    destination: str | Path,
    *,
    types: Collection[IndicatorType | str] | None = None,
    senders: bool = False,
    region: str | None = None,
    sender_column: str | None = None,
    recipient_column: str | None = None,
    time_column: str | None = None,
    campaigns: str | Path | None = None,
    labels: Sequence[str | Path] = (),
    sightings: Sequence[str | Path] = (),
    organisation: str | None = None,
    sources: Sequence[str | Path] = (),
    work_folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> ProposeSummary:
    """Write the review file (CSV) of the indicators in scored files, or folders of parts.

    An indicator is proposed if at least 0.8 of all its messages are flagged, with at least 3
    senders, or if a person labelled its campaign scam. ``types`` are domains, links and wallets by
    default; without ``sender_column`` only domains and links are searched, in at least 10 messages.
    ``senders`` also proposes senders, which are easily forged. ``region`` (ISO 3166) is the country
    of phone numbers without a country code.

    ``campaigns`` is the members file that ``scamdetect campaigns`` wrote for the same dumps;
    without it messages with equal templates are one campaign. Parts of paths that vary by message
    become ``*``. Values that differ in most messages of their campaigns, or equal a recipient in
    ``recipient_column``, are left out. ``labels`` are queues that people labelled, one for each
    scored file; ``sources`` are the original files, for columns and texts that the scored files
    lack. ``sightings`` are files with others' sightings of the indicators that ``organisation``
    exports, for the column ``seen_by_others``.

    The file appears at the end. For ``work_folder``, ``resume``, ``overwrite``, ``watch`` and
    ``stop`` see ``scored.groups.write_groups``.

    Raises InputError for files of flagged rows only, missing columns, types that need senders,
    labels or members of other dumps, and unreadable sightings; MissingExtraError; OutputError if
    writing fails; JobInterrupted if ``stop`` returns True.
    """
    watch = watch or (lambda step: None)
    wanted = _types(types, senders=senders, sender_column=sender_column)
    if region is not None:
        check_region(region)
    given = [scored] if isinstance(scored, str | Path) else list(scored)
    named = {
        "sender_column": sender_column, "time_column": time_column,
        "recipient_column": recipient_column,
    }  # fmt: skip
    dumps = _opened(given, sources, labels, named)
    seen, read = _seen(sightings, organisation)
    extra = [
        Path(path) for path in (*labels, *([] if campaigns is None else [campaigns]), *sightings)
    ]
    target = located(destination)
    with reported(target):
        target = target if is_remote(target) else followed(target)
        folder = parts_folder(target, None if work_folder is None else Path(work_folder))
        _check(target, folder, dumps, extra)
        settings = {
            "what": "indicators",
            "inputs": [dump.opened.scored.identity() for dump in dumps],
            "originals": [str(dump.opened.source) for dump in dumps],
            "extra": [find_source(path).identity() for path in extra],
            "types": sorted(wanted),
            "region": region,
            "organisation": organisation,
            "destination": str(target if is_remote(target) else target.resolve()),
            "bucket_bytes": BUCKET_BYTES,
            **named,
        }
        files = [path for dump in dumps for path in dump.opened.files]
        with working(
            target,
            folder,
            settings,
            resume=resume,
            overwrite=overwrite,
            access=access_of([*files, *extra]),
        ) as work:
            resumed = work.state.rows
            if not work.state.joined:
                names = [str(path) for path in given]
                members = None if campaigns is None else Members(Path(campaigns), names)
                _read(dumps, members, wanted, region, work, stop, watch)
                _sort(work, stop, watch)
                watch(Step("write", 0.0, work.state.rows))
                rules = Rules(sender_column is not None, load_guard().verdict)
                work.join(lambda file: _write(file, work, rules, seen, stop))
            counts, rows = work.state.counts, work.state.rows
            work.publish()
    return ProposeSummary(
        target,
        _counted(counts, _FOUND),
        rows,
        _counted(counts, _LEFT_OUT),
        (*_notes(wanted, types, region, sender_column=sender_column), *_told(read, counts)),
        resumed,
    )


def _types(
    given: Collection[IndicatorType | str] | None, *, senders: bool, sender_column: str | None
) -> frozenset[IndicatorType]:
    """Return the types to look for; raise InputError if they need a sender column."""
    asked = DEFAULT if given is None else given
    if unknown := sorted(set(map(str, asked)) - set(IndicatorType)):
        known = ", ".join(type for type in IndicatorType if type is not IndicatorType.SENDER)
        raise InputError(f"types (--types): unknown {', '.join(unknown)}; known types: {known}")
    wanted = frozenset(map(IndicatorType, asked))
    wanted |= {IndicatorType.SENDER} if senders else frozenset()
    if sender_column is None:
        others = sorted(wanted - _WITHOUT_SENDERS)
        if others and given is None and not senders:
            return wanted & _WITHOUT_SENDERS
        if others:
            raise InputError(
                f"{', '.join(others)} (--types): need sender counts; name the column with "
                "sender_column (--sender-column)"
            )
    return wanted


def _seen(
    sightings: Sequence[str | Path], organisation: str | None
) -> tuple[SeenByOthers | None, list[FeedReport]]:
    """Return others' sightings, None without files, and the report on each file."""
    if not sightings:
        return None, []
    if organisation is None:
        raise InputError(
            "sightings (--sightings): are matched by the ids of your exports; pass the name "
            "that you use for exports with organisation (--organisation)"
        )
    return read_seen_by_others(sightings, checked_name(organisation))


def _opened(
    given: Sequence[str | Path],
    sources: Sequence[str | Path],
    labels: Sequence[str | Path],
    named: Mapping[str, str | None],
) -> list[Dump]:
    of_each = companions(given, sources), companions(given, labels, "labels (--labels)")
    found = []
    for place, source, labelled in zip(given, *of_each, strict=True):
        dump = opened(place, source, "indicators")
        dump.check_texts()
        read = {} if labelled is None else labels_of(Path(labelled), dump)
        found.append(Dump(dump, dump.columns(**named), read))
    return found


def _check(target: Path, folder: Path, dumps: Sequence[Dump], extra: Sequence[Path]) -> None:
    if destination_format(target) is not Format.CSV:
        raise InputError(f"{target}: the review file is a CSV; use a name that ends in .csv")
    for dump in dumps:
        check_paths(dump.opened.scored, target, folder, [*dump.opened.files, *extra])


def _read(
    dumps: Sequence[Dump],
    members: Members | None,
    types: frozenset[IndicatorType],
    region: str | None,
    work: Work,
    stop: Stop | None,
    watch: Watch,
) -> None:
    """Find the indicators of the segments that are not done."""
    check_stop(stop)
    guard = load_guard()
    total = max(1, sum(dump.opened.record.rows for dump in dumps))
    done = start = work.state.rows
    at = 0
    findings = Findings(types, region, guard)

    def finish() -> None:
        nonlocal findings, start
        if done > start:
            with work.segment() as file:
                rows, size = findings.save(file)
            work.finish_segment(done - start, rows, size)
            findings, start = Findings(types, region, guard), done
            watch(Step("read", done / total, done, ended=True))

    for messages in batches(dumps, members):
        if at + len(messages) > done:
            for message in messages[max(0, done - at) :]:
                findings.add(message)
            done = at + len(messages)
            watch(Step("read", done / total, done))
            if done - start >= SEGMENT_ROWS:
                finish()
                check_stop(stop)
        at += len(messages)
    if members is not None:
        members.check_end()
    finish()


def _sort(work: Work, stop: Stop | None, watch: Watch) -> None:
    def reduce(bucket: Path, before: int) -> pa.Table:
        check_stop(stop)
        return of_campaigns(bucket)

    def finished_one(done: int) -> None:
        share = len(work.runs) / work.state.buckets
        watch(Step("campaigns", share, work.state.rows, ended=True))

    work.sort(reduce, finished_one)


def _write(
    file: IO[bytes], work: Work, rules: Rules, seen: SeenByOthers | None, stop: Stop | None
) -> dict[str, int]:
    """Write the proposals, most flagged messages first; return the counts."""
    buckets = [work.folder / f"bucket-{number:06}.arrow" for number in range(work.state.buckets)]
    for bucket in buckets:
        bucket.unlink(missing_ok=True)
    scatter(_run_batches(work.runs), buckets)
    left_out: Counter[str] = Counter()
    found: list[Proposal] = []
    for bucket in buckets:
        check_stop(stop)
        batches = list(read_streams(bucket))
        if batches:
            found += of_values(pa.Table.from_batches(batches), rules, left_out)
        bucket.unlink(missing_ok=True)
    found.sort(key=lambda one: (-one.flagged, -one.messages, one.type, one.value))
    write_proposals(file, found, None if seen is None else seen.cell)
    types = Counter(one.type.value for one in found)
    unmet = {} if seen is None else {_UNMET: seen.unmet}
    return (
        unmet
        | {f"{_FOUND}{type}": count for type, count in types.most_common()}
        | {f"{_LEFT_OUT}{reason}": count for reason, count in left_out.most_common()}
    )


def _run_batches(runs: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for path in runs:
        with path.open("rb") as file, pa.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


def _counted(counts: Mapping[str, int], start: str) -> dict[str, int]:
    return {name.removeprefix(start): n for name, n in counts.items() if name.startswith(start)}


def _told(read: Sequence[FeedReport], counts: Mapping[str, int]) -> Iterator[str]:
    """Yield the notes on others' sightings."""
    for report in read:
        yield f"{report.name}: {report.taken:,} sightings by others"
        yield from report.lines()[1:]
    if unmet := counts.get(_UNMET):
        yield (
            f"others saw {unmet:,} indicators that are not among the proposals: they were "
            "published earlier, or belong to another organisation"
        )


def _notes(
    wanted: frozenset[IndicatorType],
    given: object,
    region: str | None,
    *,
    sender_column: str | None,
) -> tuple[str, ...]:
    notes = []
    if sender_column is None and given is None:
        notes.append(
            "without a sender column only domains and links in at least 10 messages are "
            "proposed; name it with --sender-column"
        )
    if IndicatorType.PHONE in wanted and region is None:
        notes.append(
            "phone numbers without a country code are not found; name their country with --region"
        )
    if IndicatorType.SENDER in wanted:
        notes.append(
            "senders are easily forged: scammers use the names and numbers of others, so "
            "publish one only if you know that it is theirs"
        )
    return tuple(notes)
