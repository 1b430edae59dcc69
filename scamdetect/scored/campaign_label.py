"""Label each row with its campaign: from the indexes of dumps to the segments of the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.errors import InputError
from scamdetect.frames.arrow import encodable, number_array, numbers, one_array, plain_array
from scamdetect.scored.campaign_join import NONE, Found, Space, found_campaigns, unite_alike
from scamdetect.scored.campaign_rows import id_array, row_fields, template_fields
from scamdetect.scored.job import Step, Stop, Watch, check_stop
from scamdetect.scored.template_index import Index
from scamdetect.scored.templates import read_hashes, read_rows, save_templates
from scamdetect.scored.top_campaigns import Campaign, read_campaigns
from scamdetect.scored.work import Work
from scamdetect.system.files import OWNER, writing

Ints = NDArray[np.int64]

_TOGETHER = 50_000  # texts of campaigns that are in memory together
_FILLED = 0.3  # share of the step for numbering the templates
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


def label_rows(
    indexes: Sequence[Index],
    work: Work,
    *,
    at_least: int,
    earlier: Path | None = None,
    watch: Watch,
    stop: Stop | None = None,
) -> None:
    """Write the rows of all campaigns to segments of the work, one for each of an index.

    The first segment has the templates of the campaigns. ``earlier`` is a file of campaigns to
    compare them with. Existing segments are kept. Raises InputError, OSError, JobInterrupted.
    """
    done, rows = len(work.state.segments), sum(index.rows for index in indexes)
    if done == 1 + sum(len(index.pieces) for index in indexes):
        return

    def progress(share: float) -> None:
        check_stop(stop)
        watch(Step("match", share, rows))

    known = None if earlier is None else _Earlier.of(earlier, work.folder)
    paths = [path for index in indexes for path in index.templates]
    space = Space([*paths, *([] if known is None else known.segments)], work.folder)
    space.fill(lambda share: progress(_FILLED * share))
    union = unite_alike(space, lambda share: progress(_FILLED + (1 - _FILLED) * share))
    space.remove_bands()
    found = found_campaigns(space, union, at_least)
    if not done:
        _write_templates(work, space, found, known)
    leaders = space.hashes_of(found.leaders)
    start = number = 0
    for index in indexes:
        for piece, templates, members in zip(
            index.pieces, index.templates, index.members, strict=True
        ):
            number += 1
            if number >= done:
                _write_rows(work, index, _Labels(space, found, leaders, templates), members, start)
                watch(Step("match", 1.0, rows, ended=True))
                check_stop(stop)
            start += piece.rows
    space.remove()


@dataclass(frozen=True)
class _Earlier:
    """The campaigns of an earlier file: sorted hashes, their messages, and segments of them."""

    hashes: NDArray[np.uint64]
    messages: Ints
    segments: tuple[Path, ...]

    @classmethod
    def of(cls, path: Path, folder: Path) -> _Earlier:
        """Read a file of campaigns; raise InputError if it is damaged or has other ids."""
        found: list[tuple[NDArray[np.uint64], Ints]] = []
        segments: list[Path] = []
        campaigns = read_campaigns(path)
        while some := list(islice(campaigns, _TOGETHER)):
            segments.append(folder / f"earlier-{len(segments):06}.arrow")
            found.append(_save_earlier(path, some, segments[-1]))
        none = np.empty(0, np.uint64), np.empty(0, np.int64)
        hashes, messages = (np.concatenate(some) for some in zip(none, *found, strict=True))
        order = np.argsort(hashes)
        return cls(hashes[order], messages[order], tuple(segments))

    def counts(self, space: Space, found: Found) -> Ints:
        """Return the number of earlier messages of each campaign."""
        counts = np.zeros(len(found.leaders), np.int64)
        labels = found.labels[space.numbers(self.hashes)]
        np.add.at(counts, labels[labels != NONE], self.messages[labels != NONE])
        return counts


def _save_earlier(
    path: Path, campaigns: Sequence[Campaign], segment: Path
) -> tuple[NDArray[np.uint64], Ints]:
    try:
        hashes = np.array([int(one.id, 16) for one in campaigns], np.uint64)
    except (ValueError, OverflowError) as problem:
        raise InputError(
            f"{path}: column 'campaign' does not hold campaign ids; pass a file written by "
            "`campaigns`"
        ) from problem
    hashes, places = np.unique(hashes, return_index=True)
    some = [campaigns[place] for place in places.tolist()]
    texts = plain_array([encodable(one.template) for one in some], pa.string())
    with writing(segment, OWNER) as file:
        save_templates(file, hashes, np.zeros(len(some), np.int64), texts)
    return hashes, np.array([one.messages for one in some], np.int64)


def _write_templates(work: Work, space: Space, found: Found, earlier: _Earlier | None) -> None:
    schema = template_fields(compared=earlier is not None)
    counts = None if earlier is None else earlier.counts(space, found)
    order = np.argsort(found.leaders)
    size = 0
    with work.segment() as file, pa.ipc.new_stream(file, schema, options=_OPTIONS) as out:
        for start in range(0, len(order), _TOGETHER):
            some = order[start : start + _TOGETHER]
            leaders = found.leaders[some]
            columns = [
                id_array(space.hashes(leaders)),
                plain_array(space.templates(leaders), pa.string()),
                number_array(found.templates[some]),
            ]
            if counts is not None:
                columns.append(number_array(counts[some]))
            batch = pa.RecordBatch.from_arrays(columns, schema=schema)
            out.write_batch(batch)
            size += batch.nbytes
    work.finish_segment(0, len(order), size)


class _Labels:
    """The campaign of each template of a segment, and whether it leads there."""

    def __init__(
        self, space: Space, found: Found, leaders: NDArray[np.uint64], segment: Path
    ) -> None:
        hashes = read_hashes(segment)
        self.campaigns = found.labels[space.numbers(hashes)]
        self.ids = leaders[self.campaigns] if len(leaders) else np.zeros(len(hashes), np.uint64)
        self.leads = (self.ids == hashes) & (self.campaigns != NONE)


def _write_rows(work: Work, index: Index, labels: _Labels, members: Path, start: int) -> None:
    table = read_rows(members)
    templates = numbers(one_array(table["template"]))
    # The last one, for rows without a template, has no campaign.
    here = np.flatnonzero(np.append(labels.campaigns, NONE)[templates] != NONE)
    of, table = templates[here], table.take(number_array(here))
    columns = {
        "campaign": id_array(labels.ids[of]),
        "row": number_array(start + here),
        "leader": number_array(labels.leads[of].astype(np.int64)),
    }
    schema = row_fields(senders=index.senders, days=index.days)
    for name in schema.names[len(columns) :]:
        columns[name] = one_array(table[name]).cast(schema.field(name).type)
    batch = pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
    with work.segment() as file, pa.ipc.new_stream(file, schema, options=_OPTIONS) as out:
        out.write_batch(batch)
    work.finish_segment(len(templates), len(here), batch.nbytes)
