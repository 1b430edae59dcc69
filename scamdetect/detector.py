"""ScamDetector: the public predict API, thin over bundle, scoring, thresholds and output."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.cascade import Tier, check_tier
from scamdetect.bundle.runtime import RuntimeName
from scamdetect.bundle.scoring import CACHE_SIZE, ScoreCache, Scorer, Scores
from scamdetect.calibration.operating_points import (
    OperatingPoint,
    ReviewPoint,
    cheapest_point,
    find_point,
    review_point,
)
from scamdetect.calibration.presets import Preset, find_preset, preset_at, presets
from scamdetect.calibration.probabilities import Scaling
from scamdetect.calibration.statistics import BASE_RATE
from scamdetect.calibration.thresholds import (
    KindThresholds,
    Thresholds,
    is_number,
    known_kind_flags,
)
from scamdetect.conversation.rule import ConversationRule, unfitted_rule
from scamdetect.errors import InputError, TextsError
from scamdetect.frames.tables import (
    append,
    check_several,
    chunked,
    fold_duplicates,
    is_several,
    texts_of,
)
from scamdetect.labels import KINDS, VERDICTS, Decision, Kind
from scamdetect.prediction import (
    CLEARED,
    FLAGGED_BY_KIND,
    REVIEWED_BY_VERDICT,
    KindScore,
    Prediction,
    ranked,
    unscored,
)
from scamdetect.text.normalise import normalise

if TYPE_CHECKING:
    from scamdetect.bundle.workers import WorkerPool
    from scamdetect.conversation.predict import ConversationPrediction
    from scamdetect.dumps.score import Report, Stop
    from scamdetect.dumps.summary import Summary
    from scamdetect.explain.explanation import Explanation

STREAM_WINDOW = 1024

_EMPTY = "empty after normalisation"
# Fewer texts are scored before a worker process has received them.
_POOL_FROM = 64


class ScamDetector:
    """Classify messages with a bundle; one detector can be used from many threads.

    Create it with ``load``, not with the constructor. Copies share the open model. It cannot be
    pickled (SharingError): load the bundle in each process, or pass ``workers`` to ``load``.
    """

    classes_: tuple[str, ...] = tuple(verdict.value for verdict in VERDICTS)
    kinds_: tuple[str, ...] = tuple(kind.value for kind in KINDS)

    thresholds: Thresholds
    _bundle: Bundle
    _scorer: Scorer
    _pool: WorkerPool | None
    _cache: ScoreCache
    _tier: Tier
    _named: NDArray[np.bool_]
    _named_from: NDArray[np.float32]

    def __init__(self, *given: object, **named: object) -> None:
        raise InputError(
            "ScamDetector() cannot be called; use ScamDetector.load() or ScamDetector.load(folder)"
        )

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        runtime: RuntimeName = "auto",
        threads: int | None = None,
        workers: int = 0,
        tier: Tier = "auto",
        cache_size: int = CACHE_SIZE,
    ) -> Self:
        """Load a detector from a bundle folder, by default from the shipped bundle.

        ``threads`` limits the threads of one call (None: all cores). ``workers`` adds that many
        single-threaded processes, started when a long input first needs them and ended by
        ``close``. ``tier="full"`` reads every message in full; ``tier="auto"`` lets the bundle's
        cascade clear harmless messages early in ``predict``, ``stream`` and ``score_table``, if the
        bundle was tested for that. The scores of the last ``cache_size`` distinct messages are
        cached (about 300 bytes each, no text); 0 disables the cache. Raises BundleError if the
        bundle fails its checks, InputError for an invalid option, MissingExtraError if the runtime
        is not installed.
        """
        bundle = Bundle.load(path)
        pool = None
        if workers:
            from scamdetect.bundle.workers import WorkerPool

            pool = WorkerPool(bundle, runtime, workers)
        check_tier(tier)
        own, default = bundle.kind_thresholds, bundle.kind_threshold
        stored = [own[kind].f1 if kind in own else default for kind in KINDS]
        opened = cls.__new__(cls)
        opened.thresholds = bundle.thresholds
        opened._bundle = bundle
        opened._scorer = Scorer(bundle, runtime, threads)
        opened._pool = pool
        opened._cache = ScoreCache(cache_size)
        opened._tier = tier
        opened._named = np.array([one is not None for one in stored])
        opened._named_from = np.array(
            [default if one is None else one for one in stored], dtype=np.float32
        )
        return opened

    @property
    def model_id(self) -> str:
        """Return name@version+hash of the bundle."""
        return self._bundle.model_id

    @property
    def bundle(self) -> Bundle:
        """Return the verified bundle behind this detector."""
        return self._bundle

    @property
    def clears(self) -> bool:
        """Return True if the cascade clears some messages of ``predict`` early.

        It is off if ``review`` is lower than in the bundle, because it was tested only at that
        threshold.
        """
        rule, shipped = self._bundle.cascade, self._bundle.thresholds
        proven = rule is not None and rule.proven and self.thresholds.review >= shipped.review
        return proven and self._tier == "auto"

    @property
    def kind_thresholds(self) -> Mapping[Kind, KindThresholds]:
        """Return the thresholds of the kinds that have separate ones; other kinds share one.

        ``kinds`` of a prediction lists the kinds above ``f1``. A kind whose ``f1`` is None is never
        listed; ``other`` is listed instead. Compare ``kind_proba`` with ``precision`` if a wrong
        kind costs more than a missing one. In a bundle whose probabilities were recalibrated on
        your own messages, ``f1`` refers to the original probabilities, which still decide
        ``kinds``, and ``precision`` is None.
        """
        return self._bundle.kind_thresholds

    @overload
    def operating_point(
        self, fpr: float, *, lang: str | None = None, kind: str | None = None
    ) -> OperatingPoint: ...
    @overload
    def operating_point(
        self, *, review_rate: float, base_rate: float = BASE_RATE, lang: str | None = None
    ) -> ReviewPoint: ...
    def operating_point(
        self,
        fpr: float | None = None,
        *,
        review_rate: float | None = None,
        base_rate: float | None = None,
        lang: str | None = None,
        kind: str | None = None,
    ) -> OperatingPoint:
        """Return the threshold for a false-positive rate, with its bound and the expected recall.

        ``lang`` gives the threshold and figures for one language, ``kind`` the recall on scams of
        one kind at the common threshold. With ``review_rate`` instead of ``fpr``, return the lowest
        stored threshold that at most this share of messages reaches. That share refers to the
        calibration data, with scams weighted to ``base_rate`` (default: one in five), not to your
        traffic. For your own traffic use ``scamdetect calibrate --reviews-per-day``. Raises
        InputError, which lists the stored rates, languages and kinds, if the bundle had too few
        calibration rows.
        """
        points, rows = self._bundle.operating_points, self._bundle.calibration_rows
        if review_rate is not None:
            if fpr is not None or kind is not None:
                raise InputError("review_rate refers to all messages; remove fpr and kind")
            share = BASE_RATE if base_rate is None else base_rate
            return review_point(points, rows, review_rate, base_rate=share, lang=lang)
        if base_rate is not None:
            raise InputError("base_rate needs review_rate; pass both or neither")
        if fpr is None:
            raise InputError("pass a false-positive rate, such as fpr=0.01, or a review_rate")
        return find_point(points, rows, fpr, lang, kind)

    @property
    def presets(self) -> Mapping[str, OperatingPoint]:
        """Return the named operating points of the bundle.

        The names are ``balanced`` (0.5 % false alarms), ``sweep`` (2 %) and ``strict`` (0.1 %). A
        preset is missing if the calibration set has too few legitimate messages for its rate (an
        effective number below three divided by the rate).
        """
        return presets(self._bundle.operating_points)

    @property
    def preset(self) -> Preset | None:
        """Return the preset whose threshold equals ``flag``.

        Return None for another threshold, or if ``kind_flags`` are set.
        """
        if self.thresholds.kind_flags:
            return None
        return preset_at(self._bundle.operating_points, self.thresholds.flag)

    def operating_point_by_cost(
        self, *, cost_fp: float, cost_fn: float, base_rate: float, lang: str | None = None
    ) -> OperatingPoint:
        """Return the stored operating point with the lowest expected cost per message.

        ``cost_fp`` is the cost of flagging an honest message, ``cost_fn`` of missing a scam,
        ``base_rate`` the share of scams. Raises InputError for invalid costs, and if flagging no
        message, or every message, costs less than every stored point.
        """
        return cheapest_point(
            self._bundle.operating_points,
            self._bundle.calibration_rows,
            cost_fp=cost_fp,
            cost_fn=cost_fn,
            base_rate=base_rate,
            lang=lang,
        )

    def with_thresholds(
        self,
        *,
        preset: str | None = None,
        flag: float | OperatingPoint | None = None,
        review: float | OperatingPoint | None = None,
        kind_flags: Mapping[str, float] | Mapping[Kind, float] | None = None,
    ) -> Self:
        """Return a detector with other thresholds that shares this one's session and workers.

        ``preset`` names a ``flag`` threshold (see ``presets``); an OperatingPoint can be passed as
        a threshold. Arguments left out keep their value, but ``review`` is lowered to ``flag`` if
        it would exceed it. With ``kind_flags``, such as ``{"romance": 0.3}``, a message in review
        is flagged if one of its ``kind_proba`` reaches the value for that kind; ``reason`` then
        lists the kinds. ``{}`` removes them. If ``review`` is above the bundle's, it decides
        strictly: a message below it passes, even if its verdict is scam.

        Raises InputError unless 0 < review <= flag <= 1, for a preset that the bundle lacks or that
        is combined with ``flag``, for an unknown kind, and for kind flags without effect: at or
        above ``flag``, or if no message goes to review.
        """
        if preset is not None:
            if flag is not None:
                raise InputError(f"preset {preset!r} sets the flag threshold; remove flag (--flag)")
            flag = find_preset(self._bundle.operating_points, preset)
        flag_from = self.thresholds.flag if flag is None else _threshold("flag", flag)
        review_from = (
            min(self.thresholds.review, flag_from)
            if review is None
            else _threshold("review", review)
        )
        by_kind = self.thresholds.kind_flags if kind_flags is None else known_kind_flags(kind_flags)
        # Half of the probability decides the verdict, so a higher review threshold has no effect.
        shipped = self._bundle.thresholds
        by_verdict = shipped.review_scam_verdicts and review_from <= shipped.review
        other = copy(self)
        other.thresholds = Thresholds(flag_from, review_from, by_kind, by_verdict)
        return other

    @overload
    def predict(self, texts: str | None) -> Prediction: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, texts: Iterable[object]) -> list[Prediction]: ...
    def predict(self, texts: object) -> Prediction | list[Prediction]:
        """Predict one text, or a list of texts in their order.

        Values that cannot be scored (None, NaN, not text, empty) get the decision ``unscored`` and
        a reason; no text is truncated. Raises TextsError for an array without dimensions, as do all
        methods that take texts.
        """
        if is_several(texts):
            return self._predict(list(_items(texts)))
        return self._predict([texts])[0]

    def predict_proba(self, texts: Iterable[object] | None) -> NDArray[np.float32]:
        """Return float32 (n, 3), columns ``classes_``; rows of unscored texts are NaN.

        One text gives one row.
        """
        scores, places = self._scores(_listed(texts))
        return _rows(scores.verdict, places)

    def kind_proba(self, texts: Iterable[object] | None) -> NDArray[np.float32]:
        """Return float32 (n, kinds), columns ``kinds_``; rows of unscored texts are NaN.

        Each value is the probability that the text is a scam of that kind, so it never exceeds the
        scam probability. A text can have several kinds, so rows do not sum to 1. One text gives one
        row.
        """
        scores, places = self._scores(_listed(texts))
        return _rows(scores.kind, places)

    def stream(self, texts: Iterable[object]) -> Iterator[Prediction]:
        """Yield a prediction for each text of an iterable, in order and in bounded memory.

        Reads ahead by up to 1,024 texts (times the workers). Raises TextsError for a single string.
        """
        check_several(texts)
        window = STREAM_WINDOW * (self._pool.workers if self._pool else 1)
        return (p for chunk in chunked(_items(texts), window) for p in self._predict(chunk))

    def explain(self, text: object) -> Explanation:
        """Predict one text and explain its score with spans, words and cues.

        A text that cannot be scored has a reason, and no spans, words or cues. Spans and words
        cover the first 4,000 characters of a long text, cues the first 100,000. Raises TextsError
        for several texts.
        """
        if is_several(text):
            raise TextsError(
                f"expected one text, got {type(text).__name__}; call explain() once per text"
            )
        # Importing cues takes as long as half of the package, and few callers explain.
        from scamdetect.explain.explanation import LONGEST_WEIGHED, explain_text

        readable, problem = _scorable(text, self._bundle.normaliser_version)
        shares = {} if problem else self._scorer.word_shares(readable[:LONGEST_WEIGHED])
        return explain_text(self, text, self._in_full()._predict([text])[0], shares)

    def predict_conversation(
        self, messages: Iterable[object], *, me: str | int | None = None
    ) -> ConversationPrediction:
        """Return the risk of a conversation after each turn, from each sender's own words.

        A message is a text, or a mapping with ``text`` and optionally ``sender`` and ``time`` (a
        datetime, ISO 8601 text or seconds since 1970). Messages of ``me`` are not scored; without
        ``me`` all senders are. Quoted lines are ignored. Raises TextsError for a single text and
        for a table, InputError for a mapping without ``text`` or with unknown keys and for a blank
        ``me``.
        """
        return self.predict_conversations([messages], me=me)[0]

    def predict_conversations(
        self, conversations: Iterable[Iterable[object]], *, me: str | int | None = None
    ) -> list[ConversationPrediction]:
        """Return the prediction for each conversation, in order; all are scored together.

        Every turn is read in full: the cascade is tested only on single messages.
        """
        from scamdetect.conversation.predict import predict_conversations

        return predict_conversations(self._in_full(), self.conversation_rule, conversations, me)

    @property
    def conversation_rule(self) -> ConversationRule:
        """Return the rule that conversations are judged by.

        If the bundle has no rule, ``fitted_on`` is empty and the message thresholds are compared
        with the probability only, because a conversation's risk has no verdict.
        """
        return self._bundle.conversation or unfitted_rule(self.thresholds)

    def score_table(
        self,
        table: Any,  # noqa: ANN401
        text_column: str = "text",
        *,
        overwrite_columns: bool = False,
    ) -> Any:  # noqa: ANN401
        """Return the table, of the same type, with the ``scamdetect_*`` columns appended.

        Accepts a pyarrow Table or RecordBatch, or a pandas or polars DataFrame. Rows, columns and
        their order are kept. Raises InputError if the text column is missing, if output columns
        exist already (unless ``overwrite_columns``), or for an object of another type.
        """
        return append(table, text_column, self.stream, overwrite_columns=overwrite_columns)

    def score_file(
        self,
        source: str | Path,
        destination: str | Path | None = None,
        *,
        progress: Report | None = None,
        stop: Stop | None = None,
        **options: Any,  # noqa: ANN401 - those of ScoreOptions
    ) -> Summary:
        """Score every row of a dump and write it with the ``scamdetect_*`` columns appended.

        Returns the counts. ``options`` are those of ``scamdetect.dumps.score.ScoreOptions``; see
        ``scamdetect.dumps.score.score_file`` for the formats, the other arguments and errors.
        """
        # Imported late: most detectors score no file.
        from scamdetect.dumps.score import ScoreOptions, score_file

        return score_file(
            source,
            destination,
            detector=self,
            options=ScoreOptions(**options),
            progress=progress,
            stop=stop,
        )

    def _in_full(self) -> Self:
        """Return a detector with the cascade off that shares everything else."""
        other = copy(self)
        other._tier = "full"
        return other

    def close(self) -> None:
        """End the worker processes, if any, and clear the score cache.

        The detector remains usable.
        """
        self._cache.forget()
        if self._pool is not None:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        bands = f"flag={self.thresholds.flag}, review={self.thresholds.review}"
        for kind, probability in self.thresholds.kind_flags.items():
            bands += f", {kind.value}={probability}"
        return f"ScamDetector({self.model_id!r}, {bands})"

    def _scores(
        self, values: Sequence[object], *, clear: bool = False
    ) -> tuple[Scores, list[int | str]]:
        """Return the scores of the distinct texts and, for each value, its row or a reason."""
        version = self._bundle.normaliser_version
        read = [_scorable(value, version) for value in values]
        texts, inverse = fold_duplicates([text for text, reason in read if reason is None])
        scores = self._cache.score(texts, partial(self._computed, clear=clear), clear=clear)
        following = iter(inverse.tolist())
        places = [next(following) if reason is None else reason for _, reason in read]
        return scores, places

    def _computed(self, texts: Sequence[str], *, clear: bool) -> Scores:
        if self._pool is not None and len(texts) >= _POOL_FROM:
            return self._pool.score(texts, clear=clear)
        return self._scorer.score(texts, clear=clear)

    def _predict(self, values: Sequence[object]) -> list[Prediction]:
        scores, places = self._scores(values, clear=self.clears)
        made = [self._prediction(scores, place) for place in range(len(scores.scored))]
        return [
            unscored(place, self.model_id) if isinstance(place, str) else made[place]
            for place in places
        ]

    def _prediction(self, scores: Scores, place: int) -> Prediction:
        scored, found = int(scores.scored[place]), int(scores.windows[place])
        if scored == 0:
            return unscored(_EMPTY, self.model_id)
        # The shortest decimals of a float32 print well and keep their order.
        legit, spam, scam = (float(str(p)) for p in scores.verdict[place])
        code = int(scores.language[place])
        verdict = VERDICTS[int(scores.verdict[place].argmax())]
        flagging = self.thresholds.flagging_kinds(
            scam,
            {
                kind: float(str(scores.kind[place, KINDS.index(kind)]))
                for kind in self.thresholds.kind_flags
            },
            verdict,
        )
        by_verdict = not flagging and self.thresholds.reviewed_by_verdict(scam, verdict)
        return Prediction(
            decision=Decision.FLAG if flagging else self.thresholds.decide(scam, verdict),
            verdict=verdict,
            legit_probability=legit,
            spam_probability=spam,
            scam_probability=scam,
            kinds=self._kinds(scores.kind[place], scam),
            language=self._bundle.languages[code] if code >= 0 else "und",
            n_windows=scored,
            reason=CLEARED
            if scores.cleared[place]
            else _reason(flagging, by_verdict, scored, found),
            model_id=self.model_id,
        )

    def _kinds(self, row: NDArray[np.float32], scam: float) -> tuple[KindScore, ...]:
        over = row * self._former(scam) >= self._named_from
        named = np.flatnonzero(over & self._named)
        if not named.size and over.any() and scam >= self.thresholds.review:
            return (KindScore(Kind.OTHER, float(str(row[over].max()))),)
        return ranked(KindScore(KINDS[place], float(str(row[place]))) for place in named.tolist())

    def _former(self, scam: float) -> np.float32:
        """Return the ratio of the original probability to the recalibrated one.

        The kind thresholds refer to the original probabilities. They cannot be mapped to new ones,
        because the change of a kind's probability depends on the scam probability.
        """
        scaling = self._bundle.own_scaling
        if scaling == Scaling() or not 0 < scam < 1:
            return np.float32(1)
        return np.float32(scaling.inverse(scam) / scam)


def _reason(flagging: Sequence[Kind], by_verdict: bool, scored: int, found: int) -> str | None:
    reasons = []
    if flagging:
        reasons.append(f"{FLAGGED_BY_KIND} {', '.join(kind.value for kind in flagging)}")
    if by_verdict:
        reasons.append(REVIEWED_BY_VERDICT)
    if scored != found:
        reasons.append(f"scored {scored} of {found} windows")
    return "; ".join(reasons) or None


def _threshold(name: str, value: float | OperatingPoint) -> float:
    if isinstance(value, OperatingPoint):
        return value.threshold
    if not is_number(value):
        raise InputError(
            f"{name} must be a number above 0 and at most 1, or an OperatingPoint; got {value!r}"
        )
    return value


def _scorable(value: object, version: int) -> tuple[str, str | None]:
    """Return the normalised text and None, or "" and the reason it cannot be scored."""
    if not isinstance(value, str):
        return "", "missing" if _is_missing(value) else f"not text: {type(value).__name__}"
    text = normalise(value, version)
    return text, None if text else _EMPTY


def _is_missing(value: object) -> bool:
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _rows(distinct: NDArray[np.float32], places: list[int | str]) -> NDArray[np.float32]:
    order = np.array([place if isinstance(place, int) else -1 for place in places], dtype=np.intp)
    rows = np.full((len(places), distinct.shape[1]), np.nan, np.float32)
    rows[order >= 0] = distinct[order[order >= 0]]
    return rows


def _listed(texts: Iterable[object] | None) -> list[object]:
    if texts is None or isinstance(texts, str | bytes):
        return [texts]
    check_several(texts)
    return list(_items(texts))


def _items(texts: Iterable[object]) -> Iterable[object]:
    return texts_of(texts) if isinstance(texts, pa.Array | pa.ChunkedArray) else texts
