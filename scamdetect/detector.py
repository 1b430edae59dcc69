"""ScamDetector: the public predict API, thin over bundle, scoring, thresholds and output."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

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
    from scamdetect.dumps.job import ScoreOptions
    from scamdetect.dumps.tally import Summary
    from scamdetect.explain.explanation import Explanation

STREAM_WINDOW = 1024

_EMPTY = "empty after normalisation"
# Fewer texts than this are done before a worker process has even received them.
_POOL_FROM = 64


class ScamDetector:
    """Scores messages with a bundle; one detector may serve many threads at once.

    ``load`` opens it; the constructor does not. Copies share the open model. It cannot be pickled
    (SharingError): load the bundle in each process, or let ``load`` start processes by ``workers``.
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
            "ScamDetector() opens no bundle; use ScamDetector.load(), or ScamDetector.load(folder)"
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
        """Return a detector over the bundle in a folder, by default the shipped one.

        ``threads`` bounds the threads of one call (None: all cores); ``workers`` adds that many
        single-threaded processes, started when a long input first needs them, ended by ``close``.
        ``tier`` says how much is read: ``full`` reads all of every message; ``auto`` lets the
        bundle's cascade clear plainly honest ones early in ``predict``, ``stream`` and
        ``score_table``, where the bundle proves that harmless. The scores of the last
        ``cache_size`` different messages are kept (some 300 bytes each, no text), and copies of
        these in later calls are not scored again; 0 keeps none. Raises BundleError on a bundle that
        fails its checks, InputError on an impossible option, MissingExtraError where the runtime is
        not installed.
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
        """Return whether the cascade clears some messages of ``predict`` early.

        It does not where ``review`` was set lower than shipped: its proof holds for that alone.
        """
        rule, shipped = self._bundle.cascade, self._bundle.thresholds
        proven = rule is not None and rule.proven and self.thresholds.review >= shipped.review
        return proven and self._tier == "auto"

    @property
    def kind_thresholds(self) -> Mapping[Kind, KindThresholds]:
        """Return the thresholds of the kinds that have their own; others share one in the bundle.

        ``kinds`` of a prediction names those over ``f1``; a kind with ``f1`` None is never named,
        and ``other`` stands for it. Compare ``kind_proba`` with ``precision`` where naming a wrong
        kind costs more than naming none. In a bundle whose probabilities were
        refitted to own messages ``f1`` is of those before, by which ``kinds`` goes on to name, and
        ``precision`` is None.
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
        """Return the threshold at a false-positive rate, with its bound and the expected recall.

        ``lang`` gives the threshold and figures on the rows of that language, ``kind`` the recall
        on scams of that kind at the threshold for all. With ``review_rate`` instead of ``fpr`` it
        is the lowest stored threshold that at most this share of all messages reaches: of the
        messages in the shipped calibrate mix, with scams weighted to ``base_rate`` (by default one
        in five), not of your traffic. For your traffic use ``scamdetect calibrate
        --reviews-per-day``. Raises InputError, naming the stored rates, languages and kinds, where
        the bundle's calibrate rows were too few.
        """
        points, rows = self._bundle.operating_points, self._bundle.calibration_rows
        if review_rate is not None:
            if fpr is not None or kind is not None:
                raise InputError("review_rate is of all messages: leave fpr and kind out")
            share = BASE_RATE if base_rate is None else base_rate
            return review_point(points, rows, review_rate, base_rate=share, lang=lang)
        if base_rate is not None:
            raise InputError("base_rate is for review_rate: give both, or leave it out")
        if fpr is None:
            raise InputError("give a false-positive rate fpr such as 0.01, or a review_rate")
        return find_point(points, rows, fpr, lang, kind)

    @property
    def presets(self) -> Mapping[str, OperatingPoint]:
        """Return the named operating points that the bundle has.

        The names are ``balanced`` (0.5 % false alarms), ``sweep`` (2 %) and ``strict`` (0.1 %). A
        preset is absent if the legit calibrate rows are worth less than three divided by its rate.
        """
        return presets(self._bundle.operating_points)

    @property
    def preset(self) -> Preset | None:
        """Return the preset whose threshold ``flag`` is.

        None if it is another threshold, or if flags of kinds add to it.
        """
        if self.thresholds.kind_flags:
            return None
        return preset_at(self._bundle.operating_points, self.thresholds.flag)

    def operating_point_by_cost(
        self, *, cost_fp: float, cost_fn: float, base_rate: float, lang: str | None = None
    ) -> OperatingPoint:
        """Return the stored point with the least expected cost a message.

        ``cost_fp`` is the cost of flagging an honest message, ``cost_fn`` of missing a scam,
        ``base_rate`` the share of scams. Raises InputError on impossible costs and where flagging
        nothing, or every message, would cost less than every point.
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

        A ``preset`` is the name of a ``flag`` (see ``presets``), and an operating point gives its
        threshold. What is not given stays, but a ``review`` that was not given follows a lower
        ``flag`` down to it. A message that would go to review is flagged
        where one of its kinds reaches its own in ``kind_flags``, such as ``{"romance": 0.3}``,
        compared with ``kind_proba``; ``reason`` then names the kinds. ``{}`` takes them back.
        A ``review`` over that of the bundle is exact: a message below it passes, even if its
        verdict is scam.

        Raises InputError unless 0 < review <= flag <= 1, on a preset that the bundle lacks or that
        comes with a ``flag``, on an unknown kind, and on flags of kinds that change nothing: of
        ``flag`` and over, or where nothing goes to review.
        """
        if preset is not None:
            if flag is not None:
                raise InputError(f"preset {preset!r} is a flag threshold: leave flag (--flag) out")
            flag = find_preset(self._bundle.operating_points, preset)
        flag_from = self.thresholds.flag if flag is None else _threshold("flag", flag)
        review_from = (
            min(self.thresholds.review, flag_from)
            if review is None
            else _threshold("review", review)
        )
        by_kind = self.thresholds.kind_flags if kind_flags is None else known_kind_flags(kind_flags)
        # Half of the probability makes the verdict, so that a higher review would change nothing.
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
        """Return the prediction for one text, or a list of them for several, order kept.

        What is not scorable (None, NaN, not text, empty) is answered by a prediction with the
        decision ``unscored`` and a reason; nothing is cut. Raises TextsError on an array without a
        dimension alone, here and in all that takes texts.
        """
        if is_several(texts):
            return self._predict(list(_items(texts)))
        return self._predict([texts])[0]

    def predict_proba(self, texts: Iterable[object] | None) -> NDArray[np.float32]:
        """Return float32 (n, 3), columns ``classes_``; the row of an unscored text is NaN.

        One text gives one row.
        """
        scores, places = self._scores(_listed(texts))
        return _rows(scores.verdict, places)

    def kind_proba(self, texts: Iterable[object] | None) -> NDArray[np.float32]:
        """Return float32 (n, kinds), columns ``kinds_``; the row of an unscored text is NaN.

        Each is the probability that the text is a scam and of that kind, so none exceeds the scam
        probability; several kinds may hold and a row does not sum to 1. One text gives one row.
        """
        scores, places = self._scores(_listed(texts))
        return _rows(scores.kind, places)

    def stream(self, texts: Iterable[object]) -> Iterator[Prediction]:
        """Yield a prediction for each text of any iterable, order kept, in bounded memory.

        Reads ahead by up to 1,024 texts (times the workers). Raises TextsError on a bare string.
        """
        check_several(texts)
        window = STREAM_WINDOW * (self._pool.workers if self._pool else 1)
        return (p for chunk in chunked(_items(texts), window) for p in self._predict(chunk))

    def explain(self, text: object) -> Explanation:
        """Return the prediction for one text with what carries its score and what it shows.

        What cannot be scored has no spans, words and cues, and a reason. Of a long text the first
        4,000 characters are weighed and the first 100,000 looked at. Raises TextsError on several
        texts.
        """
        if is_several(text):
            raise TextsError(
                f"expected one text, got {type(text).__name__}; explain each by itself"
            )
        # Cues take as long to import as half of the package, and few callers explain.
        from scamdetect.explain.explanation import LONGEST_WEIGHED, explain_text

        readable, problem = _scorable(text, self._bundle.normaliser_version)
        shares = {} if problem else self._scorer.word_shares(readable[:LONGEST_WEIGHED])
        return explain_text(self, text, self._in_full()._predict([text])[0], shares)

    def predict_conversation(
        self, messages: Iterable[object], *, me: str | int | None = None
    ) -> ConversationPrediction:
        """Return the risk of a conversation after each turn, from each sender's own words.

        A message is a text, or a mapping with ``text`` and, if known, ``sender`` and ``time`` (a
        datetime, ISO 8601 text or seconds since 1970). What ``me`` writes is not judged; without it
        all senders are. Lines that quote others are left out. Raises TextsError on a bare text and
        on a table, InputError on a mapping without ``text`` or with other keys and on a blank
        ``me``.
        """
        return self.predict_conversations([messages], me=me)[0]

    def predict_conversations(
        self, conversations: Iterable[Iterable[object]], *, me: str | int | None = None
    ) -> list[ConversationPrediction]:
        """Return the prediction for each conversation, order kept; all are scored together.

        Every turn is read in full: what the cascade clears is proven for single messages.
        """
        from scamdetect.conversation.predict import predict_conversations

        return predict_conversations(self._in_full(), self.conversation_rule, conversations, me)

    @property
    def conversation_rule(self) -> ConversationRule:
        """Return how conversations are judged.

        Where the bundle says not, ``fitted_on`` is empty and the thresholds are those of messages,
        compared with the probability alone: a risk has no verdict.
        """
        return self._bundle.conversation or unfitted_rule(self.thresholds)

    def score_table(
        self,
        table: Any,  # noqa: ANN401
        text_column: str = "text",
        *,
        overwrite_columns: bool = False,
    ) -> Any:  # noqa: ANN401
        """Return the table, same kind, with the ``scamdetect_*`` columns appended.

        Takes a pyarrow Table or RecordBatch, a pandas or polars DataFrame; rows, columns and their
        order stay. Raises InputError when the text column is missing, when output columns exist
        already (unless ``overwrite_columns``), or on another kind of object.
        """
        return append(table, text_column, self.stream, overwrite_columns=overwrite_columns)

    def score_file(
        self,
        source: str | Path,
        destination: str | Path | None = None,
        **options: Unpack[ScoreOptions],
    ) -> Summary:
        """Score every row of a dump and write it with the ``scamdetect_*`` columns appended.

        Returns what was counted. ``scamdetect.dumps.score_file`` says what is read and written,
        what the options are and what is raised.
        """
        # Loaded when it is needed: most detectors score no file.
        from scamdetect.dumps.job import score_file

        return score_file(source, destination, detector=self, **options)

    def _in_full(self) -> Self:
        """Return a detector that clears nothing early and shares all else."""
        other = copy(self)
        other._tier = "full"
        return other

    def close(self) -> None:
        """End the worker processes, if any, and forget the kept scores.

        The detector itself stays usable.
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
        """Return scores of the distinct texts and, for each value, its place or why it has none."""
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
        # The shortest decimals of the float32 values print well and keep their order.
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
        """Return what the probabilities were times before they were refitted to own messages.

        The thresholds of kinds are of those before, and no map of a threshold does the same: what
        a kind's probability becomes depends on the scam probability beside it.
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
            f"{name} is a number over 0 and up to 1 or an OperatingPoint; got {value!r}"
        )
    return value


def _scorable(value: object, version: int) -> tuple[str, str | None]:
    """Return the normalised text and None, or "" and the reason why there is none."""
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
