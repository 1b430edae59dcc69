"""Convert normalised texts to calibrated scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scamdetect.bundle.bundle import CASCADE, MODEL, NGRAMS, Bundle
from scamdetect.bundle.cache import Scores, StaysInProcess, no_scores
from scamdetect.bundle.cascade import Cascade, mean_states
from scamdetect.bundle.ngrams import NgramReader, Ngrams, NgramTable
from scamdetect.bundle.session import Floats, Logits, Session, no_logits
from scamdetect.bundle.tokens import Batch, Ids, TokenWindows, is_full
from scamdetect.calibration.probabilities import (
    Curve,
    Doubles,
    Scaling,
    scam_logits,
    sigmoid,
    softmax,
    verdict_probabilities,
)
from scamdetect.errors import BundleError
from scamdetect.labels import VERDICTS, Verdict

_SCAM = VERDICTS.index(Verdict.SCAM)
_CHUNK = 4096


class Scorer(StaysInProcess):
    """Score texts in this process; thread-safe.

    ``tensor`` names where the graph is split if the bundle has no cascade.
    """

    def __init__(
        self, bundle: Bundle, threads: int | None = None, tensor: str | None = None
    ) -> None:
        self.bundle, rule = bundle, bundle.cascade
        with ThreadPoolExecutor(1) as pool:  # the vocabulary takes as long to load as the graph
            session = pool.submit(Session, bundle, tensor if rule is None else rule.tensor)
            self.windows = TokenWindows(bundle, threads)
            self.session = session.result()
        self._cascade: Cascade | None = None
        if rule is not None:
            path, languages = bundle.folder / CASCADE, len(bundle.languages)
            self._cascade = Cascade.load(bundle.read(CASCADE), path, rule, languages)
        self._ngrams: Ngrams | None = None
        if bundle.join is not None:
            table = NgramTable.load(bundle.read(NGRAMS), bundle.folder / NGRAMS)
            self._ngrams = Ngrams(table, self.ngram_reader())
        self._curve = Curve(bundle.scam_curve)
        # The last row is for texts in an uncertain language, whose index is -1.
        by_language = [
            bundle.language_calibration.get(name, Scaling()) for name in bundle.languages
        ]
        scalings = [bundle.own_scaling.after(one) for one in (*by_language, Scaling())]
        self._scalings = np.array([(one.temperature, one.bias) for one in scalings])

    def score(self, texts: Sequence[str], *, clear: bool = False) -> Scores:
        """Return the scores of normalised texts, in order; deduplicate texts first.

        With ``clear`` the bundle's cascade, if any, answers what it clears. In a call with several
        texts, a score depends exactly on its text only; a call with one text can differ in the last
        digit. Raises BundleError if the graph returns invalid numbers.
        """
        alone = len(texts) == 1
        scores = no_scores(len(texts))
        for start in range(0, len(texts), _CHUNK):
            end = start + _CHUNK
            self._score(texts[start:end], scores[start:end].view(Scores), clear, alone)
        return scores

    def _score(self, texts: Sequence[str], scores: Scores, clear: bool, alone: bool) -> None:
        cuts = [self.windows.cut(tokens) for tokens in self.windows.encode(texts)]
        rows = [row for kept, _ in cuts for row in kept]
        scores.scored = [len(kept) for kept, _ in cuts]
        scores.windows = [count for _, count in cuts]
        if not rows:
            return
        odds = self.ngram_odds(rows)
        texts_of = np.repeat(np.arange(len(texts)), scores.scored)
        first = np.flatnonzero(np.diff(texts_of, prepend=-1))
        cascade = self._cascade if clear else None
        if cascade is None:
            logits, cleared = self.run(rows, alone=alone), np.zeros(len(rows), np.bool_)
            codes = self.languages(logits)
        else:
            # A text of several windows may hide its lure in one of them: all are read.
            may_clear = np.array([count == 1 for _, count in cuts])[texts_of]
            run = self._run_in_steps(cascade, rows, odds, may_clear, alone)
            logits, cleared, codes = run.logits, run.cleared, run.codes
        # A text's language shows at the start; all its windows are calibrated with it.
        of_rows = np.repeat(codes[first], scores.scored[texts_of[first]])
        verdict = self.verdicts(logits.verdict, odds, of_rows)
        if cascade is not None:
            own = self.bundle.own_scaling
            verdict[cleared] = cascade.probabilities(odds[cleared], run.exits[cleared], own)
        # A text is as suspicious as its most suspicious window, which also sets the kinds.
        order = np.lexsort((-np.arange(len(rows)), verdict[:, _SCAM], texts_of))
        worst = order[np.append(first[1:], len(rows)) - 1]
        given_scam = sigmoid(logits.kind[worst], self.bundle.kind_temperature)
        kinds = verdict[worst, _SCAM, None] * given_scam
        scored = texts_of[first]
        scores.kind[scored] = np.where(cleared[worst, None], 0, kinds)
        scores.verdict[scored] = verdict[worst]
        scores.language[scored] = codes[first]
        scores.cleared[scored] = cleared[worst]

    def run(self, rows: Sequence[list[int]], *, alone: bool = False) -> Logits:
        """Return the logits of windows."""
        logits = no_logits(len(rows), len(self.bundle.languages))

        def read(batches: Iterator[Batch]) -> None:
            for indices, ids, mask in batches:
                put(logits, indices, self.session.run(ids, mask, alone=alone))

        self.windows.read(rows, read)
        return self.checked(logits)

    def _run_in_steps(
        self,
        cascade: Cascade,
        rows: Sequence[list[int]],
        odds: Doubles,
        may_clear: NDArray[np.bool_],
        alone: bool,
    ) -> _Run:
        """Return the logits of the windows, except of those that the cascade clears."""
        languages = len(self.bundle.languages)
        logits, exits = no_logits(len(rows), languages), np.full(len(rows), np.nan)
        by_ngrams = may_clear & (odds < cascade.rule.ngrams_below)

        def finish(waiting: _Waiting) -> None:
            if waiting.indices:
                states, mask = waiting.batch()
                language = logits.language[waiting.indices]
                upper = self.session.upper(states, language, mask, alone=alone)
                put(logits, waiting.indices, upper)

        def read(batches: Iterator[Batch]) -> None:
            waiting = _Waiting()
            for batch, ids, mask in batches:
                indices = np.array(batch)
                states, logits.language[indices] = self.session.lower(ids, mask, alone=alone)
                odds_here = cascade.exit_odds(mean_states(states, mask), odds[indices])
                done = may_clear[indices] & (odds_here < cascade.rule.exit_below)
                exits[indices[done]] = odds_here[done]
                for line in np.flatnonzero(~done).tolist():
                    if is_full(len(waiting.indices), mask.shape[1]):
                        finish(waiting)
                        waiting = _Waiting()
                    waiting.add(batch[line], states[line].copy(), mask[line])
            finish(waiting)

        self.windows.read(rows, read, np.flatnonzero(~by_ngrams).tolist())
        self.checked(logits)
        codes = self.languages(logits)
        bare = [self.windows.bare(rows[row]) for row in np.flatnonzero(by_ngrams).tolist()]
        codes[by_ngrams] = cascade.languages_of(bare, languages)
        return _Run(logits, by_ngrams | ~np.isnan(exits), exits, codes)

    def ngram_odds(self, rows: Sequence[list[int]]) -> Doubles:
        """Return the n-grams' log-odds (n,) of windows, 0 in a bundle without n-grams."""
        if self._ngrams is None:
            return np.zeros(len(rows))
        return self._ngrams.log_odds([self.windows.bare(row) for row in rows])

    def ngram_shares(self, text: str) -> dict[str, float]:
        """Return the contribution of each known n-gram to the joined logit of a normalised text.

        Only the first window of a text is used; a bundle without n-grams returns nothing.
        """
        windows, _ = self.windows.cut(self.windows.encode([text])[0])
        join = self.bundle.join
        if self._ngrams is None or join is None or not windows:
            return {}
        shares = self._ngrams.shares(self.windows.bare(windows[0]))
        return {ngram: join.ngrams * share for ngram, share in shares.items()}

    def ngram_reader(self) -> NgramReader:
        """Return a reader of the n-grams of the bundle's tokens."""
        return NgramReader(self.windows.tokenizer)

    def languages(self, logits: Logits) -> NDArray[np.int32]:
        """Return the index (n,) of the language by its logits, -1 if uncertain."""
        language = softmax(logits.language)
        unsure = language.max(axis=1) < self.bundle.language_threshold
        return np.where(unsure, -1, language.argmax(axis=1)).astype(np.int32)

    def verdicts(self, logits: Floats, odds: Doubles, codes: NDArray[np.int32]) -> Floats:
        """Return the probabilities (windows, 3) from the encoder's logits and the n-grams' odds."""
        join, joined = self.bundle.join, logits.astype(np.float64)
        if join is not None:
            before = scam_logits(logits)
            joined[:, _SCAM] += join(before, odds) - before
        temperature = self.bundle.temperature
        return verdict_probabilities(joined, temperature, self._curve, self._scalings[codes])

    def checked(self, logits: Logits) -> Logits:
        """Return the logits; raise BundleError if they are not finite."""
        if not all(np.isfinite(part).all() for part in logits):
            raise BundleError(
                f"{self.bundle.folder / MODEL}: returned invalid scores (NaN or infinite) on this "
                "machine; run `scamdetect model check`, then get or export the bundle again"
            )
        return logits


def put(logits: Logits, indices: Sequence[int], part: Logits) -> None:
    """Write the logits of a batch to the rows with these indices."""
    for whole, piece in zip(logits, part, strict=True):
        whole[indices] = piece


@dataclass(frozen=True, slots=True)
class _Run:
    """What the cascade read: exits are NaN for windows that it did not clear after a layer."""

    logits: Logits
    cleared: NDArray[np.bool_]
    exits: Doubles
    codes: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Windows, with their states and masks, that wait for the upper layers to form a batch."""

    indices: list[int] = field(default_factory=list)
    states: list[Floats] = field(default_factory=list)
    masks: list[Ids] = field(default_factory=list)

    def add(self, index: int, states: Floats, mask: Ids) -> None:
        self.indices.append(index)
        self.states.append(states)
        self.masks.append(mask)

    def batch(self) -> tuple[Floats, Ids]:
        """Return the states (n, tokens, width) and the mask (n, tokens), padded to the longest."""
        size, longest = len(self.indices), max(map(len, self.masks))
        states = np.zeros((size, longest, self.states[0].shape[1]), np.float32)
        mask = np.zeros((size, longest), np.int64)
        for line, (state, own) in enumerate(zip(self.states, self.masks, strict=True)):
            states[line, : len(own)], mask[line, : len(own)] = state, own
        return states, mask
