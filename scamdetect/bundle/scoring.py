"""Convert normalised texts to calibrated scores with one session that stays in its process."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from hashlib import blake2b
from threading import Lock
from typing import Any, NoReturn, Self, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from scamdetect.bundle.bundle import CASCADE, MODEL, WORDS, Bundle
from scamdetect.bundle.cascade import Cascade, mean_states
from scamdetect.bundle.lexical import Pieces, Words, WordTable
from scamdetect.bundle.runtime import Ids, Logits, RuntimeName, Session, open_session
from scamdetect.bundle.tokens import Batch, TokenWindows, is_full
from scamdetect.calibration.probabilities import (
    Doubles,
    Floats,
    Scaling,
    scam_logits,
    sigmoid,
    softmax,
    verdict_probabilities,
)
from scamdetect.errors import BundleError, InputError, SharingError
from scamdetect.frames.tables import chunked
from scamdetect.labels import KINDS, VERDICTS, Verdict


class StaysInProcess:
    """Base class of objects that cannot be pickled; the error suggests what to do instead."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise SharingError(
            "a detector, or another object with an open model, cannot be pickled; pass its "
            "bundle folder and call ScamDetector.load in each process, or let one detector "
            "start processes with workers="
        )


_Run = Callable[..., Sequence[Floats]]
_SCAM = VERDICTS.index(Verdict.SCAM)
_CHUNK = 4096
CACHE_SIZE = 100_000  # messages; about 30 MB, of which a short stream needs little
MOST_CACHED = 10_000_000  # more are probably a mistake and would fill the memory
_DIGEST = 15  # bytes: one more would cost 16 bytes per entry


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of n texts; a text without tokens has 0 windows and NaN.

    ``verdict`` float32 (n, verdicts), ``kind`` float32 (n, kinds) the probability of being a scam
    of that kind, ``language`` (n,) the index of the bundle's language or -1 if uncertain,
    ``scored`` and ``windows`` (n,) how many windows were scored and how many the text has,
    ``cleared`` (n,) whether the cascade cleared the text before the whole encoder read it.
    """

    verdict: NDArray[np.float32]
    kind: NDArray[np.float32]
    language: NDArray[np.int32]
    scored: NDArray[np.int32]
    windows: NDArray[np.int32]
    cleared: NDArray[np.bool_]


def join(parts: Sequence[Scores]) -> Scores:
    """Return the concatenated scores of all parts."""
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


@dataclass(frozen=True, slots=True)
class LowerReadings:
    """The results of the words, the lower layers and the whole model for n texts of one window.

    ``places`` (n,) the indices among all texts, ``rows`` their token ids, ``means`` (n, width) the
    mean states, ``odds`` (n,) the words' log-odds, ``verdict`` float32 (n, verdicts) the whole
    model's probabilities, ``codes`` (n,) the index of the language or -1.
    """

    places: NDArray[np.intp]
    rows: list[list[int]]
    means: Doubles
    odds: Doubles
    verdict: NDArray[np.float32]
    codes: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Windows, with their states and masks, that wait for the upper layers to form a batch."""

    places: list[int]
    states: list[Floats]
    masks: list[Ids]

    def add(self, place: int, states: Floats, mask: Ids) -> None:
        self.places.append(place)
        self.states.append(states)
        self.masks.append(mask)

    def batch(self) -> tuple[Floats, Ids]:
        """Return the states (n, tokens, width) and the mask (n, tokens), padded to the longest."""
        size, longest = len(self.places), max(map(len, self.masks))
        states = np.zeros((size, longest, self.states[0].shape[1]), np.float32)
        mask = np.zeros((size, longest), np.int64)
        for line, (state, own) in enumerate(zip(self.states, self.masks, strict=True)):
            states[line, : len(own)], mask[line, : len(own)] = state, own
        return states, mask

    def clear(self) -> None:
        for part in (self.places, self.states, self.masks):
            part.clear()


class Scorer(StaysInProcess):
    """Score texts in this process; thread-safe."""

    def __init__(
        self,
        bundle: Bundle,
        runtime: RuntimeName = "auto",
        threads: int | None = None,
        cut: str | None = None,
    ) -> None:
        """Open the bundle; ``cut`` names a tensor for ``lower_readings`` if there is no cascade."""
        self.bundle = bundle
        rule = bundle.cascade
        tensor = cut if rule is None else rule.tensor
        with ThreadPoolExecutor(1) as pool:  # the vocabulary takes as long to load as the graph
            session = pool.submit(_session, bundle, runtime, threads, tensor)
            self._cutter = TokenWindows(bundle, threads)
            self._session = session.result()
        self._cascade: Cascade | None = None
        if rule is not None:
            path, languages = bundle.folder / CASCADE, len(bundle.languages)
            self._cascade = Cascade.load(bundle.read(CASCADE), path, rule, languages)
        self._words: Words | None = None
        if bundle.join is not None:
            table = WordTable.load(bundle.read(WORDS), bundle.folder / WORDS)
            self._words = Words(table, self._cutter.pieces())
        # The last row is for texts in an uncertain language, whose index is -1.
        of = [bundle.language_calibration.get(name, (1.0, 0.0)) for name in bundle.languages]
        own = [bundle.own_scaling.after(Scaling(*pair)) for pair in (*of, (1.0, 0.0))]
        self._by_language = np.array([(one.temperature, one.bias) for one in own])

    def score(self, texts: Sequence[str], *, clear: bool = False) -> Scores:
        """Return the scores of normalised texts, in order; deduplicate texts first.

        With ``clear`` the bundle's cascade, if any, answers what it clears. In a call with several
        texts, a score depends exactly on its text only; a call with one text can differ in the last
        digit. Raises BundleError if the graph returns invalid numbers.
        """
        alone = len(texts) == 1
        return join([self._score_chunk(chunk, clear, alone) for chunk in chunked(texts, _CHUNK)])

    def _score_chunk(self, texts: Sequence[str], clear: bool, alone: bool) -> Scores:
        result = _empty(len(texts))
        rows: list[list[int]] = []
        spans: list[range] = []
        for place, tokens in enumerate(self._cutter.tokens(texts)):
            kept, result.windows[place] = self._cutter.cut(tokens)
            result.scored[place] = len(kept)
            spans.append(range(len(rows), len(rows) + len(kept)))
            rows += kept
        if not rows:
            return result
        odds = self._word_odds(rows)
        cascade = self._cascade if clear else None
        single = np.repeat(result.windows == 1, [len(span) for span in spans])
        by_words = np.zeros(len(rows), np.bool_)
        if cascade is not None:
            # A text of several windows may hide its lure in one of them: all are read.
            by_words = single & (odds < cascade.rule.words_below)
        may_exit = None if cascade is None else single
        logits, exits = self._read(rows, odds, ~by_words, may_exit, alone)
        cleared = by_words | ~np.isnan(exits)
        found = [place for place, span in enumerate(spans) if span]
        # A text's language shows at the start; all its windows are calibrated with it.
        first = [spans[place][0] for place in found]
        codes = self._languages(logits.language)
        if cascade is not None and by_words.any():
            bare = [self._cutter.bare(rows[row]) for row in np.flatnonzero(by_words)]
            codes[by_words] = cascade.languages_of(bare, len(self.bundle.languages))
        of_window = np.repeat(codes[first], [len(spans[place]) for place in found])
        verdict = np.empty((len(rows), len(VERDICTS)), np.float32)
        verdict[~cleared] = self._verdicts(
            logits.verdict[~cleared], odds[~cleared], of_window[~cleared]
        )
        if cascade is not None:
            verdict[cleared] = cascade.probabilities(
                odds[cleared], exits[cleared], self.bundle.own_scaling
            )
        # A text is as suspicious as its most suspicious window, which also sets the kinds.
        worst = [spans[place][int(verdict[spans[place], _SCAM].argmax())] for place in found]
        given_scam = sigmoid(logits.kind[worst], self.bundle.kind_temperature)
        result.kind[found] = np.where(
            cleared[worst, None], 0, verdict[worst, _SCAM, None] * given_scam
        )
        result.verdict[found] = verdict[worst]
        result.language[found] = codes[first]
        result.cleared[found] = cleared[worst]
        return result

    def word_shares(self, text: str) -> dict[str, float]:
        """Return the contribution of each known n-gram to the joined logit of a normalised text.

        Only the first window of a text is used; a bundle without words returns nothing.
        """
        windows, _ = self._cutter.cut(self.tokens(text))
        join = self.bundle.join
        if self._words is None or join is None or not windows:
            return {}
        shares = self._words.shares(self._cutter.bare(windows[0]))
        return {phrase: join.words * share for phrase, share in shares.items()}

    def encoder_logits(self, rows: Sequence[list[int]]) -> Doubles:
        """Return the encoder's raw logit of scam (n,) of the first window of rows of token ids.

        Rows must not be empty.
        """
        return scam_logits(self._run([self._cutter.cut(row)[0][0] for row in rows]).verdict)

    def _word_odds(self, rows: Sequence[list[int]]) -> Doubles:
        """Return the words' log-odds (n,) of windows, 0 in a bundle without words."""
        if self._words is None:
            return np.zeros(len(rows))
        return self._words.log_odds([self._cutter.bare(row) for row in rows])

    def lower_readings(self, texts: Sequence[str]) -> LowerReadings:
        """Return the data to fit a cascade on, for each normalised text of one window."""
        places, rows = [], []
        for place, tokens in enumerate(self._cutter.tokens(texts)):
            kept, windows = self._cutter.cut(tokens)
            if windows == 1:
                places.append(place)
                rows += kept
        odds, logits = self._word_odds(rows), self._no_logits(len(rows))
        parts: list[tuple[list[int], Doubles]] = []

        def read(batches: Iterator[Batch]) -> None:
            for batch, ids, mask in batches:
                states, language = self._session.lower(ids, mask)
                _put(logits, batch, self._session.upper(states, language, mask))
                parts.append((batch, mean_states(states, mask)))

        self._cutter.read(rows, read)
        means = np.zeros((len(rows), parts[0][1].shape[1] if parts else 0))
        for batch, part in parts:
            means[batch] = part
        codes = self._languages(logits.language)
        return LowerReadings(
            places=np.array(places, np.intp),
            rows=[self._cutter.bare(row) for row in rows],
            means=means,
            odds=odds,
            verdict=self._verdicts(self._checked(logits).verdict, odds, codes),
            codes=codes,
        )

    def _verdicts(
        self, logits: Floats, odds: Doubles, codes: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the probabilities (windows, 3) from the encoder's logits and the words' odds."""
        return verdict_probabilities(
            self._joined(logits, odds),
            self.bundle.temperature,
            self.bundle.scam_curve,
            self._by_language[codes],
        )

    def _joined(self, logits: Floats, odds: Doubles) -> Floats | Doubles:
        """Return the verdicts' logits (windows, 3) with that of scam combined with the words'."""
        join = self.bundle.join
        if join is None:
            return logits
        before = scam_logits(logits)
        joined = logits.astype(np.float64)
        joined[:, _SCAM] += join(before, odds) - before
        return joined

    def _languages(self, logits: Floats) -> NDArray[np.int32]:
        """Return the index (n,) of the language by its logits, -1 if uncertain."""
        language = softmax(logits)
        unsure = language.max(axis=1) < self.bundle.language_threshold
        return np.where(unsure, -1, language.argmax(axis=1)).astype(np.int32)

    def _read(
        self,
        rows: Sequence[list[int]],
        odds: Doubles,
        wanted: NDArray[np.bool_],
        may_exit: NDArray[np.bool_] | None,
        alone: bool,
    ) -> tuple[Logits, Doubles]:
        """Return the logits of the wanted windows and, if they were cleared, the exit's odds.

        Both have a row per window. Only windows that ``may_exit`` are cleared: they have exit
        log-odds, and only their language logits are set.
        """
        places = np.flatnonzero(wanted)
        merged, exits = self._no_logits(len(rows)), np.full(len(rows), np.nan)
        chosen = [rows[place] for place in places.tolist()]
        if may_exit is None or self._cascade is None:
            logits = self._run(chosen, alone)
        else:
            logits, exits[places] = self._run_in_steps(
                self._cascade, chosen, odds[places], may_exit[places], alone
            )
        for whole, part in zip(merged, logits, strict=True):
            whole[places] = part
        return merged, exits

    def _run(self, rows: Sequence[list[int]], alone: bool = False) -> Logits:
        merged, run = self._no_logits(len(rows)), _exactly(self._session.run, alone)

        def read(batches: Iterator[Batch]) -> None:
            for places, ids, mask in batches:
                _put(merged, places, run(ids, mask))

        self._cutter.read(rows, read)
        return self._checked(merged)

    def _run_in_steps(
        self,
        cascade: Cascade,
        rows: Sequence[list[int]],
        odds: Doubles,
        may_exit: NDArray[np.bool_],
        alone: bool,
    ) -> tuple[Logits, Doubles]:
        """Return the logits and, for windows cleared after the lower layers, the exit's odds."""
        merged, exits = self._no_logits(len(rows)), np.full(len(rows), np.nan)
        lower, upper = (_exactly(run, alone) for run in (self._session.lower, self._session.upper))

        def finish(waiting: _Waiting) -> None:
            if waiting.places:
                states, mask = waiting.batch()
                language = merged.language[waiting.places]
                _put(merged, waiting.places, upper(states, language, mask))
                waiting.clear()

        def read(batches: Iterator[Batch]) -> None:
            waiting = _Waiting([], [], [])
            for batch, ids, mask in batches:
                places = np.array(batch)
                states, language = lower(ids, mask)
                merged.language[places] = language
                found = cascade.exit_odds(mean_states(states, mask), odds[places])
                done = may_exit[places] & (found < cascade.rule.exit_below)
                exits[places[done]] = found[done]
                for line in np.flatnonzero(~done).tolist():
                    if is_full(len(waiting.places), mask.shape[1]):
                        finish(waiting)
                    waiting.add(batch[line], states[line].copy(), mask[line])
            finish(waiting)

        self._cutter.read(rows, read)
        done = ~np.isnan(exits)
        self._checked(Logits(*(part[~done] for part in merged)))
        return merged, exits

    def _no_logits(self, size: int) -> Logits:
        widths = (len(VERDICTS), len(KINDS), len(self.bundle.languages))
        return Logits(*(np.zeros((size, width), np.float32) for width in widths))

    def _checked(self, logits: Logits) -> Logits:
        if not all(np.isfinite(part).all() for part in logits):
            raise BundleError(
                f"{self.bundle.folder / MODEL}: returned invalid scores (NaN or infinite) on "
                "this machine; run `scamdetect doctor`, then get or export the bundle again"
            )
        return logits

    def tokens(self, text: str) -> list[int]:
        """Return the token ids of a normalised text, without special tokens."""
        return self._cutter.tokens([text])[0]

    @property
    def room(self) -> int:
        """Return how many tokens of a text fit into one window."""
        return self._cutter.room

    def pieces(self) -> Pieces:
        """Return what the words need to know of the bundle's tokenizer."""
        return self._cutter.pieces()


class ScoreCache(StaysInProcess):
    """Cache the scores of the last ``size`` distinct texts; thread-safe.

    The key is a digest of the normalised text, which is all that the scorer reads: numbers, names
    and links are tokens there, so copies that differ only in these share an entry. A cached score
    is exactly that of scoring the text again: calls for one text, whose last digit can differ, have
    separate entries. No text is stored, and the digests are keyed by random bytes of the cache, so
    a guess of a message cannot be tested without them.
    """

    def __init__(self, size: int = CACHE_SIZE) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MOST_CACHED:
            raise InputError(
                f"cache_size={size!r} is invalid; use 0 to cache no scores, or up to {MOST_CACHED}"
            )
        self._size = size
        self._secret = os.urandom(32)
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = Lock()
        self._row: np.dtype[np.void] | None = None

    def score(
        self, texts: Sequence[str], compute: Callable[[Sequence[str]], Scores], *, clear: bool
    ) -> Scores:
        """Return the scores of normalised texts, in order; ``compute`` returns the missing ones.

        ``compute`` is called at most once, and with one text only if ``texts`` has one. ``clear``
        is True if it may clear texts; the two cases have separate entries.
        """
        if not self._size:
            return compute(texts)
        alone = len(texts) == 1
        keys = [self._key(text, clear=clear, alone=alone) for text in texts]
        rows = self._find(keys)
        new = [place for place, row in enumerate(rows) if row is None]
        if new or not texts:
            wanted = [texts[place] for place in new]
            if len(new) == 1 and not alone:
                wanted.append(texts[new[0] - 1])
            computed = compute(wanted)
            packed = self._packed(computed)[: len(new)]
            self._keep([keys[place] for place in new], packed)
            if len(new) == len(texts):
                return computed
            for place, row in zip(new, packed, strict=True):
                rows[place] = row
        return self._unpacked(b"".join(row for row in rows if row is not None))

    def forget(self) -> None:
        """Drop all scores."""
        with self._lock:
            self._kept.clear()

    def _key(self, text: str, *, clear: bool, alone: bool) -> bytes:
        content = text.encode("utf-8", "surrogatepass")
        salt = bytes([clear, alone])
        return blake2b(content, digest_size=_DIGEST, key=self._secret, salt=salt).digest()

    def _find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        with self._lock:
            rows = [self._kept.get(key) for key in keys]
            for key, row in zip(keys, rows, strict=True):
                if row is not None:
                    self._kept.move_to_end(key)
        return rows

    def _keep(self, keys: Sequence[bytes], rows: Sequence[bytes]) -> None:
        with self._lock:
            self._kept.update(zip(keys, rows, strict=True))
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def _packed(self, scores: Scores) -> list[bytes]:
        """Return the bytes of each text's scores."""
        columns: dict[str, NDArray[Any]] = {
            field.name: getattr(scores, field.name) for field in fields(scores)
        }
        if self._row is None:
            self._row = np.dtype(
                [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
            )
        table = np.empty(len(scores.scored), self._row)
        for name, column in columns.items():
            table[name] = column
        content, width = table.tobytes(), self._row.itemsize
        return [content[start : start + width] for start in range(0, len(content), width)]

    def _unpacked(self, content: bytes) -> Scores:
        table = np.frombuffer(content, self._row)
        # Copies, because a field in packed rows is not aligned.
        return Scores(*(table[field.name].copy() for field in fields(Scores)))


def _session(
    bundle: Bundle, runtime: RuntimeName, threads: int | None, tensor: str | None
) -> Session:
    path, languages = bundle.folder / MODEL, len(bundle.languages)
    return open_session(bundle.read(MODEL), path, languages, runtime, threads, tensor)


def _exactly(run: _Run, alone: bool) -> _Run:
    """Return a function to run a batch so that a row's results do not depend on its neighbours.

    ONNX Runtime sums a batch of one row in another order, which changes the last digit, so such a
    row runs twice. A call for one text ``alone`` does not, because two rows take longer.
    """

    def twice(*batch: NDArray[Any]) -> Sequence[Floats]:
        if len(batch[0]) > 1:
            return run(*batch)
        return [part[:1] for part in run(*(np.repeat(part, 2, axis=0) for part in batch))]

    return run if alone else twice


def _put(merged: Logits, places: Sequence[int], part: Sequence[Floats]) -> None:
    for whole, piece in zip(merged, part, strict=True):
        whole[places] = piece


def _empty(size: int) -> Scores:
    return Scores(
        verdict=np.full((size, len(VERDICTS)), np.nan, np.float32),
        kind=np.full((size, len(KINDS)), np.nan, np.float32),
        language=np.full(size, -1, np.int32),
        scored=np.zeros(size, np.int32),
        windows=np.zeros(size, np.int32),
        cleared=np.zeros(size, np.bool_),
    )
