"""What is counted in one scored dump: sums and a sample of its texts, never all rows."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.adapt.bins import LENGTHS, PROBABILITIES, FineCounts
from scamdetect.adapt.uniform_sample import UniformSample
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.prediction import SCHEMA_VERSION
from scamdetect.scored.read import ScoredBatch, ScoredDump
from scamdetect.system.shown import shown
from scamdetect.text.masking import beginning

NO_KIND = ""
NO_CODE = "und"
_MOST_NAMES = 2_000
_CODE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z\d]{1,8})*")


class Profile:
    """The sums over a scored dump, and a uniform sample of the scored messages that have a text.

    ``kinds`` counts those of flagged messages, one of two kinds under both.
    """

    def __init__(self, sample: int, seed: int) -> None:
        self.rows = 0
        self.unreadable = 0
        self.decisions: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.probabilities = FineCounts(PROBABILITIES)
        self.lengths = FineCounts(LENGTHS)  # of texts, in characters
        self.texts: UniformSample[str] = UniformSample(sample, seed)

    @property
    def scored(self) -> int:
        """Return the number of messages that were scored."""
        return self.rows - self.decisions[Decision.UNSCORED.value]

    @property
    def only_flagged(self) -> bool:
        """Return whether all messages are flagged, as ``--only-flagged`` leaves them."""
        return self.decisions[Decision.FLAG.value] == self.rows

    def add(self, batch: ScoredBatch) -> None:
        """Count a batch; raise InputError where a column holds what ``score`` never writes."""
        self.unreadable += batch.unreadable
        table = batch.table
        self.rows += table.num_rows
        self.decisions.update(table.column("decision").to_pylist())
        self.models.update(shown(name or "not named") for name in table["model_id"].to_pylist())
        newest = pc.max(table.column("schema_version")).as_py()
        if newest is not None and newest > SCHEMA_VERSION:
            raise InputError(
                f"its scamdetect_ columns are of schema version {newest}, and this scamdetect "
                f"knows {SCHEMA_VERSION}; upgrade it"
            )
        scored = table.filter(pc.not_equal(table["decision"], Decision.UNSCORED.value))
        self.probabilities.add(scored.column("probability").to_numpy())
        self.languages.update(map(_code, scored.column("language").to_pylist()))
        flagged = scored.filter(pc.equal(scored["decision"], Decision.FLAG.value))
        for kinds in flagged.column("kinds").to_pylist():
            self.kinds.update([kind for kind in kinds or () if kind] or [NO_KIND])
        if len(self.models) + len(self.kinds) + len(self.languages) > _MOST_NAMES:
            raise InputError(
                "its scamdetect_ columns hold more languages, kinds or models than `scamdetect "
                "score` writes; score the dump again"
            )
        if "text" in table.column_names:
            self._add_texts(scored.column("text").drop_null())

    def _add_texts(self, texts: pa.ChunkedArray) -> None:
        if len(texts):
            self.lengths.add(pc.utf8_length(texts).to_numpy().astype(np.float64))
            self.texts.add(len(texts), lambda place: beginning(texts[place].as_py()))


def read_profile(dump: ScoredDump, text: str | None, sample: int, seed: int) -> Profile:
    """Return what a dump holds, read once; without a text column there are no texts.

    Raises InputError, naming the file, where it is damaged, holds no message, or what is none.
    """
    profile = Profile(sample, seed)
    for batch in dump.batches(text):
        try:
            profile.add(batch)
        except InputError as problem:
            raise InputError(f"{dump.path}: {problem}") from problem
    if not profile.rows:
        raise InputError(f"{dump.path}: holds no scored message")
    return profile


def _code(language: str | None) -> str:
    """Return the code; what is none may be anything, a message even."""
    return language if language is not None and _CODE.fullmatch(language) else NO_CODE
