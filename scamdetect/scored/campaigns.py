"""Find campaigns in scored files: one row per group of near-duplicate messages.

All messages count, whatever their decision. Pass 1 (``template_index``) masks each message once,
pass 2 (``campaign_join``) merges near-duplicate templates, and the rows of each campaign are
aggregated like groups.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.dumps.columns import Grouping
from scamdetect.dumps.formats import destination_format, is_remote
from scamdetect.dumps.outputs import check_paths, reported
from scamdetect.dumps.sources import find_source, located
from scamdetect.errors import InputError
from scamdetect.scored.campaign_label import label_rows
from scamdetect.scored.campaign_table import Style, Table
from scamdetect.scored.job import (
    Step,
    Stop,
    Watch,
    cell_delimiter,
    checked_destination,
    default_destination,
)
from scamdetect.scored.operations import Indicators, found_operations, labelled_texts
from scamdetect.scored.source import Opened, companions, opened
from scamdetect.scored.template_index import (
    Index,
    built_index,
    index_folder,
    index_settings,
    is_index,
    read_index,
    scored_tables,
)
from scamdetect.scored.templates import DAY
from scamdetect.scored.top_campaigns import (
    Campaign,
    campaigns_path,
    holds_campaigns,
    members_path,
    unnoticed,
)
from scamdetect.scored.work import State, Work, working
from scamdetect.system.destinations import private_folder
from scamdetect.system.files import OWNER, access_of, files_in

AT_LEAST = 2
BUCKET_BYTES = 8 << 20  # of rows; their names and senders take several times that
MOST_LISTED = 10


@dataclass(frozen=True)
class CampaignsSummary:
    """The paths of the campaigns and their messages, and the counts.

    ``flagged`` campaigns have a flagged message; ``messages`` of the ``rows`` are in a campaign;
    ``unnoticed`` campaigns are large, new and not flagged, and ``listed`` has the first of these.
    ``compared`` is True if new means missing in an earlier dump. ``operations`` is the number of
    operations, None if campaigns were not joined.
    """

    destination: Path
    members: Path
    campaigns: int
    flagged: int
    messages: int
    rows: int
    unnoticed: int
    listed: tuple[Campaign, ...]
    compared: bool
    operations: int | None = None
    resumed: int = 0  # of the rows, those that earlier runs had masked


def write_campaigns(
    scored: str | Path | Sequence[str | Path],
    destination: str | Path | None = None,
    *,
    sources: Sequence[str | Path] = (),
    sender_column: str | None = None,
    time_column: str | None = None,
    before: str | Path | None = None,
    at_least: int = AT_LEAST,
    index: str | Path | None = None,
    indicators: Indicators | None = None,
    spreadsheet_safe: bool = False,
    work_folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> CampaignsSummary:
    """Write one row per campaign of scored files or folders of parts, and the rows of each.

    A campaign has ``at_least`` messages of near-duplicate templates, flagged or not. ``sources``
    are the original files, in the order of ``scored``, for columns and texts that the scored files
    lack. ``sender_column`` and ``time_column`` are needed to count senders and days. ``before`` is
    the campaign file of an earlier dump; its campaigns are recognised by their template or a
    near-duplicate.

    With ``indicators`` campaigns that share a link, a wallet or a handle are joined into operations
    (``scored.operations``). This reads the messages again, so it does not work for a folder in
    ``index``.

    Each dump is masked once, into a folder below ``index`` where later runs find it; such a folder
    can be passed instead of a scored file. Without ``index`` it is removed at the end.

    The default destination is ``<stem>.campaigns.<extension>`` next to the single scored file; the
    members go to ``<stem>.members.<extension>`` next to it. Both appear at the end. For
    ``work_folder``, ``resume``, ``overwrite`` and ``spreadsheet_safe`` see
    ``scored.groups.write_groups``.

    Raises InputError for files of flagged rows only, for missing columns, if ``before`` has no
    campaigns and for an ``at_least`` below 2; OutputError if writing fails; JobInterrupted if
    ``stop``, which is called before each step, returns True.
    """
    watch = watch or (lambda step: None)
    if at_least < 2:
        raise InputError(f"at_least (--at-least) is {at_least}; a campaign has at least 2 messages")
    given = [scored] if isinstance(scored, str | Path) else list(scored)
    inputs = _inputs(given, sources, sender_column=sender_column, time_column=time_column)
    earlier = None if before is None else Path(before)
    if earlier is not None and not holds_campaigns(earlier):
        raise InputError(f"{earlier}: contains no campaigns; pass a file written by `campaigns`")
    target = _destination(inputs, destination)
    with reported(target):
        dumps = [one.opened for one in inputs if one.opened is not None]
        read = [one.index.folder for one in inputs if one.index is not None]
        read += [] if earlier is None else [earlier]
        target, folder = checked_destination(target, dumps, work_folder, read)
        second = members_path(target)
        for dump in dumps:
            check_paths(dump.scored, second, folder, [*dump.files, *read])
        delimiter = ","
        if dumps:
            delimiter = cell_delimiter(dumps[0], target, spreadsheet_safe=spreadsheet_safe)
        settings = {
            "what": "campaigns",
            "inputs": [one.settings for one in inputs],
            "before": None if earlier is None else find_source(earlier).identity(),
            "at_least": at_least,
            "operations": indicators is not None,
            "spreadsheet_safe": spreadsheet_safe,
            "destination": str(target if is_remote(target) else target.resolve()),
            "format": destination_format(target).value,
            "bucket_bytes": BUCKET_BYTES,
        }
        parent = _index_parent(index, folder)
        with working(
            target,
            folder,
            settings,
            resume=resume,
            overwrite=overwrite,
            access=access_of([*(path for dump in dumps for path in dump.files), *read]),
            second=second,
        ) as work:
            if overwrite and not resume and index is None:
                _remove(parent)
            indexes = [_indexed(one, parent, watch, stop) for one in inputs]
            if not work.state.joined:
                compared = earlier is not None
                label_rows(
                    indexes, work, at_least=at_least, earlier=earlier, watch=watch, stop=stop
                )
                table = Table.of(work, indexes, compared=compared)
                table.sort(watch, stop)
                if indicators is not None:
                    dumps_read = [
                        (one.opened, i.rows) for one, i in zip(inputs, indexes, strict=True)
                    ]
                    texts = labelled_texts(dumps_read, work.segments[1:], stop)
                    operations = found_operations(texts, indicators, folder)
                    table = replace(table, operations=operations)
                watch(Step("write", 0.0, work.state.rows))
                style = Style(delimiter, spreadsheet_safe)
                work.join(
                    lambda file: table.write(file, style),
                    lambda file: table.write_members(file, style),
                )
            counts, rows = dict(work.state.counts), work.state.rows
            listed = unnoticed(work.joined, MOST_LISTED) if work.joined.exists() else None
            work.publish()
        if index is None:
            _remove(parent)
    return CampaignsSummary(
        destination=target,
        members=second,
        rows=rows,
        unnoticed=0 if listed is None else listed.count,
        listed=() if listed is None else listed.first,
        compared=earlier is not None,
        resumed=sum(one.resumed for one in indexes),
        **counts,
    )


def largest_campaigns(
    tables: Iterator[pa.Table], folder: Path, most: int, *, days: bool = False
) -> list[Campaign]:
    """Return the largest campaigns of some rows, which have the columns of a segment.

    The empty folder is used for the work and can be removed afterwards. Raises OSError.
    """

    def watch(step: Step) -> None:
        pass

    index = built_index(
        folder / "index", "", {"time_column": DAY if days else None}, tables, 0, watch=watch
    )
    state = State({"bucket_bytes": BUCKET_BYTES}, overwrite=False)
    work = Work(folder / "campaigns.parquet", folder, state, OWNER)
    label_rows([index], work, at_least=AT_LEAST, watch=watch)
    table = Table.of(work, [index], compared=False)
    table.sort(watch)
    return table.first(most)


@dataclass(frozen=True)
class _Input:
    """A scored dump to mask, or an index made of one."""

    name: str
    index: Index | None = None
    opened: Opened | None = None
    columns: Grouping | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Return what identifies the input."""
        if self.opened is None or self.columns is None:
            return {} if self.index is None else {"index": self.index.digest}
        return index_settings(self.opened, self.columns)


def _inputs(
    given: Sequence[str | Path],
    sources: Sequence[str | Path],
    *,
    sender_column: str | None,
    time_column: str | None,
) -> list[_Input]:
    found = []
    for path, source in zip(given, companions(given, sources), strict=True):
        place = located(path)
        if not is_remote(place) and is_index(place):
            index = read_index(place)
            for has, named, option in (
                (index.senders, sender_column, "sender_column (--sender-column)"),
                (index.days, time_column, "time_column (--time-column)"),
            ):
                if has != (named is not None):
                    raise InputError(
                        f"{place}: was made {'with' if has else 'without'} {option}, unlike the "
                        "other dumps; use the same options for all, or make it again"
                    )
            found.append(_Input(str(path), index=index))
            continue
        dump = opened(path, source, "campaigns")
        dump.check_texts()
        columns = dump.columns(sender_column=sender_column, time_column=time_column)
        found.append(_Input(str(path), opened=dump, columns=columns))
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: is given twice; name each dump once")
    return found


def _destination(inputs: Sequence[_Input], given: str | Path | None) -> Path:
    if given is not None:
        return located(given)
    if len(inputs) > 1 or inputs[0].opened is None:
        raise InputError("cannot derive the destination from these inputs; pass it with -o")
    return default_destination(inputs[0].opened, campaigns_path)


def _index_parent(given: str | Path | None, folder: Path) -> Path:
    """Return the folder of the indexes, by default next to the work folder."""
    if given is not None:
        return Path(given)
    return folder.with_name(f"{folder.name.removesuffix('.parts')}.index")


def _indexed(one: _Input, parent: Path, watch: Watch, stop: Stop | None) -> Index:
    if one.opened is None or one.columns is None:
        assert one.index is not None
        return one.index
    private_folder(parent, "choose another folder with --index")
    return built_index(
        index_folder(parent, one.opened, one.settings),
        one.name,
        one.settings,
        scored_tables(one.opened, one.columns),
        one.opened.record.rows,
        watch=watch,
        stop=stop,
    )


def _remove(parent: Path) -> None:
    """Remove the indexes below the folder, and the folder if it is then empty."""
    for folder in files_in(parent):
        if is_index(folder):
            shutil.rmtree(folder)
    with suppress(OSError):
        parent.rmdir()
