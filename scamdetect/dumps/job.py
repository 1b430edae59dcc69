"""Score a dump from file to file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.formats import default_destination
from scamdetect.dumps.outputs import Outputs, check_paths, reported
from scamdetect.dumps.readers import open_dump
from scamdetect.dumps.recognise import recognise
from scamdetect.dumps.writers import check_columns_fit, writer
from scamdetect.labels import Decision
from scamdetect.prediction import CLEARED, Prediction

Progress = Callable[[int, float], None]  # rows read so far, share of the source read


class Detector(Protocol):
    """The part of ScamDetector that a job needs."""

    @property
    def model_id(self) -> str:
        """Return what names the model."""

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        """Return one prediction a text, in their order."""


@dataclass(frozen=True)
class Summary:
    """What became of a dump; a message of two kinds counts under both."""

    destination: Path
    rejects: Path | None  # where the rejected records are, if any
    model_id: str
    rows: int
    flagged: int
    review: int
    passed: int
    unscored: int
    rejected: int
    cleared: int  # of those passed, by the first tier alone
    flagged_by_kind: dict[str, int]  # most frequent first
    flagged_by_language: dict[str, int]
    seconds: float
    notes: tuple[str, ...] = ()  # what was decided about how to read the source


@dataclass
class _Tally:
    decisions: Counter[Decision] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    cleared: int = 0

    def add(self, predictions: Iterable[Prediction]) -> None:
        for prediction in predictions:
            self.decisions[prediction.decision] += 1
            self.cleared += prediction.reason == CLEARED
            if prediction.decision is Decision.FLAG:
                self.languages[prediction.language] += 1
                self.kinds.update(score.kind.value for score in prediction.kinds)


def score_file(
    source: str | Path,
    destination: str | Path | None = None,
    *,
    detector: Detector,
    text_column: str = "text",
    encoding: str | None = None,
    overwrite: bool = False,
    overwrite_columns: bool = False,
    source_format: str | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Score every row of a dump and write it with the ``scamdetect_*`` columns appended.

    Formats go by extension: CSV, TSV, JSONL, Parquet and, as a source, plain text, JSON, mail and
    chats that WhatsApp or Telegram Desktop exported, recognised by their content; ``source_format``
    names one instead. All but Parquet may be compressed with gzip or Zstandard. ``text_column`` may
    be a dotted path into objects of JSON or structs of Parquet, such as ``message.body``.

    Without a destination it is ``<stem>.scored.<extension>`` beside the source, Parquet for JSON,
    chats and mail. Rows, their order and all input columns stay as they were; a row without text is
    ``unscored``. Records that cannot be read go to ``<destination>.rejected.jsonl``. Written text
    is UTF-8. Nothing appears under the final names unless the whole job succeeds. Raises InputError
    on what cannot be read or must not be overwritten, OutputError where writing fails,
    MissingExtraError where a format needs an extra.
    """
    began = time.monotonic()
    source = Path(source)
    kind = recognise(source, source_format, encoding)
    destination = default_destination(source, kind) if destination is None else Path(destination)
    if destination.is_symlink():  # what the link names is replaced, not the link
        destination = destination.resolve()
    check_paths(source, destination, overwrite=overwrite)
    dump = open_dump(
        source,
        text_column=text_column,
        encoding=encoding,
        overwrite_columns=overwrite_columns,
        source_format=kind,
    )
    check_columns_fit(destination, dump)
    outputs = Outputs(destination)
    try:
        tally = _score(dump, outputs, detector, progress)
        with reported(destination):
            outputs.commit()
    finally:
        outputs.discard()
    return Summary(
        destination=destination,
        rejects=outputs.rejects,
        model_id=detector.model_id,
        rows=tally.decisions.total(),
        flagged=tally.decisions[Decision.FLAG],
        review=tally.decisions[Decision.REVIEW],
        passed=tally.decisions[Decision.PASS],
        unscored=tally.decisions[Decision.UNSCORED],
        rejected=tally.rejected,
        cleared=tally.cleared,
        flagged_by_kind=dict(tally.kinds.most_common()),
        flagged_by_language=dict(tally.languages.most_common()),
        seconds=time.monotonic() - began,
        notes=dump.notes,
    )


def _score(dump: Dump, outputs: Outputs, detector: Detector, progress: Progress | None) -> _Tally:
    tally = _Tally()
    destination = outputs.destination
    with reported(destination), writer(destination, outputs.open(), dump) as write:
        for batch in dump.batches():
            predictions = detector.predict(batch.rows.texts())
            write(batch.rows, predictions)
            outputs.write_rejects(batch.rejects)
            tally.add(predictions)
            tally.rejected += len(batch.rejects)
            if progress is not None:
                progress(tally.decisions.total() + tally.rejected, batch.share)
    return tally
