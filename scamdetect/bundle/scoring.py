"""Normalised texts in, calibrated scores out, over one session that stays in its process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Self, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from scamdetect.bundle.bundle import FIRST_TIER, MODEL, WORDS, Bundle
from scamdetect.bundle.first_tier import FirstTier
from scamdetect.bundle.lexical import Pieces, Words, WordTable
from scamdetect.bundle.runtime import Logits, RuntimeName, open_session
from scamdetect.bundle.tokens import TokenWindows
from scamdetect.calibration.probabilities import (
    Doubles,
    Floats,
    Scaling,
    scam_logits,
    sigmoid,
    softmax,
    verdict_probabilities,
)
from scamdetect.errors import BundleError, SharingError
from scamdetect.frames.tables import chunked
from scamdetect.labels import KINDS, VERDICTS, Verdict


class StaysInProcess:
    """A base for what cannot be written down; whoever pickles it is told what to do instead."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise SharingError(
            "a detector, or what else holds an open model, cannot be pickled; pass the folder of "
            "its bundle and call ScamDetector.load in each process, or let one detector start "
            "processes of its own by workers="
        )


_SCAM = VERDICTS.index(Verdict.SCAM)
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of n texts; a text without a token has 0 windows and NaN.

    ``verdict`` float32 (n, verdicts), ``kind`` float32 (n, kinds) the probability of being a scam
    and of that kind, ``language`` (n,) the place in the bundle's languages or -1 where unsure,
    ``scored`` and ``windows`` (n,) how many windows were scored and how many the text has,
    ``cleared`` (n,) whether the first tier alone read the text.
    """

    verdict: NDArray[np.float32]
    kind: NDArray[np.float32]
    language: NDArray[np.int32]
    scored: NDArray[np.int32]
    windows: NDArray[np.int32]
    cleared: NDArray[np.bool_]


def join(parts: Sequence[Scores]) -> Scores:
    """Return the scores of all parts, in their order."""
    if not parts:
        return _empty(0)
    return Scores(
        verdict=np.concatenate([part.verdict for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        language=np.concatenate([part.language for part in parts]),
        scored=np.concatenate([part.scored for part in parts]),
        windows=np.concatenate([part.windows for part in parts]),
        cleared=np.concatenate([part.cleared for part in parts]),
    )


class Scorer(StaysInProcess):
    """Scores texts in this process; safe to share between threads."""

    def __init__(
        self, bundle: Bundle, runtime: RuntimeName = "auto", threads: int | None = None
    ) -> None:
        self.bundle = bundle
        self._session = open_session(
            bundle.read(MODEL), bundle.folder / MODEL, len(bundle.languages), runtime, threads
        )
        self._cutter = TokenWindows(bundle)
        self._tier: FirstTier | None = None
        if (rule := bundle.clearing) is not None:
            weights = bundle.read(FIRST_TIER)
            self._tier = FirstTier.load(weights, bundle.folder / FIRST_TIER, rule)
        self._words: Words | None = None
        if bundle.join is not None:
            table = WordTable.load(bundle.read(WORDS), bundle.folder / WORDS)
            self._words = Words(table, self._cutter.pieces())
        # The last line is that of texts in no certain language, whose place is -1.
        of = [bundle.language_calibration.get(name, (1.0, 0.0)) for name in bundle.languages]
        own = [bundle.own_scaling.after(Scaling(*pair)) for pair in (*of, (1.0, 0.0))]
        self._by_language = np.array([(one.temperature, one.bias) for one in own])

    def score(self, texts: Sequence[str], *, clear: bool = False) -> Scores:
        """Return the scores of normalised texts, order kept; equal texts are worth folding first.

        With ``clear`` the bundle's first tier, if it has one, answers what it clears. Raises
        BundleError when the graph gives scores that are no numbers.
        """
        return join([self._score_chunk(chunk, clear) for chunk in chunked(texts, _CHUNK)])

    def _score_chunk(self, texts: Sequence[str], clear: bool) -> Scores:
        result = _empty(len(texts))
        rows: list[list[int]] = []
        spans: list[range] = []
        tokens_of = [self.tokens(text) for text in texts]
        if clear and self._tier is not None:
            self._clear(self._tier, tokens_of, result)
        for place, tokens in enumerate(tokens_of):
            if result.cleared[place]:
                spans.append(range(0))
                continue
            kept, result.windows[place] = self._cutter.cut(tokens)
            result.scored[place] = len(kept)
            spans.append(range(len(rows), len(rows) + len(kept)))
            rows += kept
        if not rows:
            return result
        logits = self._run(rows)
        language = softmax(logits.language)
        unsure = language.max(axis=1) < self.bundle.language_threshold
        found = [place for place, span in enumerate(spans) if span]
        # A text's language shows at the start; all of its windows are calibrated alike.
        first = [spans[place][0] for place in found]
        codes = np.where(unsure, -1, language.argmax(axis=1))[first]
        of_window = np.repeat(codes, [len(spans[place]) for place in found])
        verdict = verdict_probabilities(
            self._joined(logits.verdict, rows),
            self.bundle.temperature,
            self.bundle.scam_curve,
            self._by_language[of_window],
        )
        # A text is as suspicious as its most suspicious window, which also tells the kinds.
        worst = [spans[place][int(verdict[spans[place], _SCAM].argmax())] for place in found]
        result.verdict[found] = verdict[worst]
        given_scam = sigmoid(logits.kind[worst], self.bundle.kind_temperature)
        result.kind[found] = verdict[worst, _SCAM, None] * given_scam
        result.language[found] = codes
        return result

    def word_shares(self, text: str) -> dict[str, float]:
        """Return how far each known run of words raises the joined logit of a normalised text.

        Of a text of several windows the first one is looked at; a bundle without words has none.
        """
        windows, _ = self._cutter.cut(self.tokens(text))
        join = self.bundle.join
        if self._words is None or join is None or not windows:
            return {}
        shares = self._words.shares(self._cutter.bare(windows[0]))
        return {phrase: join.words * share for phrase, share in shares.items()}

    def encoder_logits(self, rows: Sequence[list[int]]) -> Doubles:
        """Return the encoder's raw logit of scam (n,) of the first window of rows of token ids.

        No row may be empty.
        """
        return scam_logits(self._run([self._cutter.cut(row)[0][0] for row in rows]).verdict)

    def _joined(self, logits: Floats, rows: Sequence[list[int]]) -> Floats | Doubles:
        """Return the verdicts' logits (windows, 3) with that of scam joined with the words'."""
        join = self.bundle.join
        if self._words is None or join is None:
            return logits
        before = scam_logits(logits)
        joined = logits.astype(np.float64)
        odds = self._words.log_odds([self._cutter.bare(row) for row in rows])
        joined[:, _SCAM] += join(before, odds) - before
        return joined

    def _clear(self, tier: FirstTier, tokens_of: Sequence[list[int]], result: Scores) -> None:
        # A text of several windows may hide its lure in one of them: that is the encoder's to see.
        short = [place for place, ids in enumerate(tokens_of) if 0 < len(ids) <= self._cutter.room]
        cleared = tier.clears([tokens_of[place] for place in short])
        places = np.array(short, dtype=np.intp)[cleared]
        result.cleared[places] = True
        result.windows[places] = result.scored[places] = 1
        result.verdict[places] = tier.rule.probabilities
        result.kind[places] = 0

    def _run(self, rows: Sequence[list[int]]) -> Logits:
        widths = (len(VERDICTS), len(KINDS), len(self.bundle.languages))
        merged = Logits(*(np.empty((len(rows), width), np.float32) for width in widths))
        for places, ids, mask in self._cutter.padded(rows):
            part = self._session.run(ids, mask)
            for whole, piece in zip(merged, part, strict=True):
                whole[places] = piece
        if not all(np.isfinite(whole).all() for whole in merged):
            raise BundleError(
                f"{self.bundle.folder / MODEL}: gave scores that are no numbers on this machine; "
                "run `scamdetect doctor`, then get or export the bundle again"
            )
        return merged

    def tokens(self, text: str) -> list[int]:
        """Return the token ids of a normalised text, without the special ones."""
        return self._cutter.tokens(text)

    @property
    def room(self) -> int:
        """Return how many tokens of a text one window holds."""
        return self._cutter.room

    def pieces(self) -> Pieces:
        """Return what words need to know of the bundle's tokeniser."""
        return self._cutter.pieces()


def _empty(size: int) -> Scores:
    return Scores(
        verdict=np.full((size, len(VERDICTS)), np.nan, np.float32),
        kind=np.full((size, len(KINDS)), np.nan, np.float32),
        language=np.full(size, -1, np.int32),
        scored=np.zeros(size, np.int32),
        windows=np.zeros(size, np.int32),
        cleared=np.zeros(size, np.bool_),
    )
