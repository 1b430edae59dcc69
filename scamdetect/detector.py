"""ScamDetector: the public predict API, thin over bundle, scoring, thresholds and output."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, get_args, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.cache import CACHE_SIZE, ScoreCache, Scores
from scamdetect.bundle.cascade import Tier
from scamdetect.bundle.scorer import Scorer
from scamdetect.calibration.operating_points import OperatingPoint, find_point
from scamdetect.calibration.presets import Preset, find_preset, preset_at, presets
from scamdetect.calibration.probabilities import Scaling
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
    from scamdetect.conversation.predict import ConversationPrediction
    from scamdetect.dumps.score import Report, Stop
    from scamdetect.dumps.summary import Summary
    from scamdetect.explain.explanation import Explanation

STREAM_WINDOW = 1024

_EMPTY = "empty after normalisation"


class ScamDetector:
    """Classify messages with a bundle; one detector can be used from many threads.

    Copies share the open model. It cannot be pickled (SharingError): load the bundle in each
    process. ``threads`` limits the threads of one call (None: all cores). ``tier="full"`` reads
    every message in full; ``tier="auto"`` lets the bundle's cascade clear harmless messages early
    in ``predict``, ``stream`` and ``score_table``, if the bundle was tested for that. The scores of
    the last ``cache_size`` distinct messages are cached (about 300 bytes each, no text); 0 disables
    the cache. Raises InputError for an invalid option, BundleError if the bundle is unusable.
    """

    classes_: tuple[str, ...] = tuple(verdict.value for verdict in VERDICTS)
    kinds_: tuple[str, ...] = tuple(kind.value for kind in KINDS)

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        tier: Tier = "auto",
        cache_size: int = CACHE_SIZE,
    ) -> None:
        if tier not in get_args(Tier):
            raise InputError(f"unknown tier {tier!r}; use one of {get_args(Tier)}")
        self.bundle = bundle
        self.thresholds: Thresholds = bundle.thresholds
        self._cache = ScoreCache(cache_size)
        self._scorer = Scorer(bundle, threads)
        self._tier = tier
        default = KindThresholds(bundle.kind_threshold, None)
        listed_from = [bundle.kind_thresholds.get(kind, default).f1 for kind in KINDS]
        self._listed = np.array([threshold is not None for threshold in listed_from])
        self._listed_from = np.array(
            [default.f1 if threshold is None else threshold for threshold in listed_from],
            dtype=np.float32,
        )

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        revision: str | None = None,
        threads: int | None = None,
        tier: Tier = "auto",
        cache_size: int = CACHE_SIZE,
    ) -> Self:
        """Load a detector from a bundle folder, by default from the shipped bundle.

        A string ``owner/name`` that is not a folder names a bundle on the Hugging Face hub, which
        is downloaded once; ``revision`` is its branch, tag or commit. Options are those of the
        class.
        """
        on_hub = isinstance(path, str) and path.count("/") == 1 and not os.path.exists(path)
        if on_hub and isinstance(path, str):
            from scamdetect.hub import download

            path = download(path, revision)
        elif revision is not None:
            raise InputError("revision refers to a bundle on the hub; remove it for a folder")
        return cls(Bundle.load(path), threads=threads, tier=tier, cache_size=cache_size)

    from_pretrained = load

    @property
    def model_id(self) -> str:
        """Return name@version+hash of the bundle."""
        return self.bundle.model_id

    @property
    def clears(self) -> bool:
        """Return True if the cascade clears some messages of ``predict`` early.

        It is off if ``review`` is lower than in the bundle, because it was tested only at that
        threshold.
        """
        rule, shipped = self.bundle.cascade, self.bundle.thresholds
        proven = rule is not None and rule.proven and self.thresholds.review >= shipped.review
        return proven and self._tier == "auto"

    @property
    def kind_thresholds(self) -> Mapping[Kind, KindThresholds]:
        """Return the thresholds of the kinds that have separate ones; other kinds share one."""
        return self.bundle.kind_thresholds

    def operating_point(
        self, fpr: float, *, lang: str | None = None, kind: str | None = None
    ) -> OperatingPoint:
        """Return the threshold for a false-positive rate, with its bound and the expected recall.

        ``lang`` gives the threshold and figures for one language, ``kind`` the recall on scams of
        one kind at the common threshold. Raises InputError, which lists the stored rates, languages
        and kinds, if the bundle had too few calibration rows.
        """
        return find_point(
            self.bundle.operating_points, self.bundle.calibration_rows, fpr, lang, kind
        )

    @property
    def presets(self) -> Mapping[str, OperatingPoint]:
        """Return the named operating points that the bundle has enough calibration rows for.

        They are ``balanced`` (0.5 % false alarms), ``sweep`` (2 %) and ``strict`` (0.1 %).
        """
        return presets(self.bundle.operating_points)

    @property
    def preset(self) -> Preset | None:
        """Return the preset whose threshold equals ``flag``, if any and without ``kind_flags``."""
        if self.thresholds.kind_flags:
            return None
        return preset_at(self.bundle.operating_points, self.thresholds.flag)

    def with_thresholds(
        self,
        *,
        preset: str | None = None,
        flag: float | OperatingPoint | None = None,
        review: float | OperatingPoint | None = None,
        kind_flags: Mapping[str, float] | Mapping[Kind, float] | None = None,
    ) -> Self:
        """Return a detector with other thresholds that shares this one's open model.

        ``preset`` names a ``flag`` threshold (see ``presets``); an OperatingPoint can be passed as
        a threshold. Arguments left out keep their value, but ``review`` is lowered to ``flag`` if
        it would exceed it. With ``kind_flags``, such as ``{"romance": 0.3}``, a message in review
        is flagged if one of its ``kind_proba`` reaches the value for that kind; ``reason`` then
        lists the kinds. ``{}`` removes them. If ``review`` is above the bundle's, it decides
        strictly: a message below it passes, even if its verdict is scam. Raises InputError for
        invalid values, an unknown kind or preset, and kind flags without effect.
        """
        if preset is not None:
            if flag is not None:
                raise InputError(f"preset {preset!r} sets the flag threshold; remove flag (--flag)")
            flag = find_preset(self.bundle.operating_points, preset)
        shipped, current = self.bundle.thresholds, self.thresholds
        flag_from = current.flag if flag is None else _threshold("flag", flag)
        review_from = (
            min(current.review, flag_from) if review is None else _threshold("review", review)
        )
        by_kind = current.kind_flags if kind_flags is None else known_kind_flags(kind_flags)
        # Half of the probability decides the verdict, so a higher review threshold has no effect.
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
        scores, indices = self._scores(_listed(texts))
        return _rows(scores.verdict, indices)

    def kind_proba(self, texts: Iterable[object] | None) -> NDArray[np.float32]:
        """Return float32 (n, kinds), columns ``kinds_``; rows of unscored texts are NaN.

        Each value is the probability that the text is a scam of that kind, so it never exceeds the
        scam probability. A text can have several kinds, so rows do not sum to 1. One text gives one
        row.
        """
        scores, indices = self._scores(_listed(texts))
        return _rows(scores.kind, indices)

    def stream(self, texts: Iterable[object]) -> Iterator[Prediction]:
        """Yield a prediction for each text of an iterable, in order and in bounded memory.

        Reads ahead by up to 1,024 texts. Raises TextsError for a single string.
        """
        check_several(texts)
        parts = chunked(_items(texts), STREAM_WINDOW)
        return (prediction for part in parts for prediction in self._predict(part))

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

        normalised, reason = _normalised(text)
        shares = {} if reason else self._scorer.ngram_shares(normalised[:LONGEST_WEIGHED])
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
        from scamdetect.conversation.predict import judge, read_conversations

        rule = self.conversation_rule
        readings = read_conversations(self._in_full(), rule.window_characters, conversations, me)
        return [judge(reading, rule, self.model_id) for reading in readings]

    @property
    def conversation_rule(self) -> ConversationRule:
        """Return the rule that conversations are judged by, with no ``fitted_on`` if unfitted."""
        return self.bundle.conversation or unfitted_rule(self.thresholds)

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
        there for formats and errors.
        """
        # Imported late: most detectors score no file.
        from scamdetect.dumps.score import ScoreOptions, score_file

        chosen = ScoreOptions(**options)
        return score_file(
            source, destination, detector=self, options=chosen, progress=progress, stop=stop
        )

    def close(self) -> None:
        """Clear the score cache; the detector remains usable."""
        self._cache.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        bands = f"flag={self.thresholds.flag}, review={self.thresholds.review}"
        for kind, probability in self.thresholds.kind_flags.items():
            bands += f", {kind.value}={probability}"
        return f"ScamDetector({self.model_id!r}, {bands})"

    def _in_full(self) -> Self:
        """Return a detector with the cascade off that shares everything else."""
        other = copy(self)
        other._tier = "full"
        return other

    def _scores(
        self, values: Sequence[object], *, clear: bool = False
    ) -> tuple[Scores, list[int | str]]:
        """Return the scores of the distinct texts and, for each value, its row or a reason."""
        read = [_normalised(value) for value in values]
        texts, inverse = fold_duplicates([text for text, reason in read if reason is None])
        scores = self._cache.score(texts, partial(self._scorer.score, clear=clear), clear=clear)
        following = iter(inverse.tolist())
        return scores, [next(following) if reason is None else reason for _, reason in read]

    def _predict(self, values: Sequence[object]) -> list[Prediction]:
        scores, indices = self._scores(values, clear=self.clears)
        columns = [scores[name].tolist() for name in ("language", "scored", "windows", "cleared")]
        records = zip(scores.verdict, scores.kind, *columns, strict=True)
        predictions = [self._prediction(*record) for record in records]
        return [
            unscored(index, self.model_id) if isinstance(index, str) else predictions[index]
            for index in indices
        ]

    def _prediction(
        self,
        verdicts: NDArray[np.float32],
        kinds: NDArray[np.float32],
        language: int,
        scored: int,
        windows: int,
        cleared: bool,
    ) -> Prediction:
        if scored == 0:
            return unscored(_EMPTY, self.model_id)
        legit, spam, scam = map(_decimal, verdicts)
        verdict = VERDICTS[int(verdicts.argmax())]
        decision = self.thresholds.decide(scam, verdict)
        reasons = []
        if decision is Decision.REVIEW:
            by_kind = {k: _decimal(kinds[KINDS.index(k)]) for k in self.thresholds.kind_flags}
            flagging = self.thresholds.flagging_kinds(by_kind)
            if flagging:
                decision = Decision.FLAG
                reasons.append(f"{FLAGGED_BY_KIND} {', '.join(kind.value for kind in flagging)}")
            elif self.thresholds.reviewed_by_verdict(scam, verdict):
                reasons.append(REVIEWED_BY_VERDICT)
        if scored != windows:
            reasons.append(f"scored {scored} of {windows} windows")
        return Prediction(
            decision=decision,
            verdict=verdict,
            legit_probability=legit,
            spam_probability=spam,
            scam_probability=scam,
            kinds=self._kinds(kinds, scam),
            language=self.bundle.languages[language] if language >= 0 else "und",
            n_windows=scored,
            reason=CLEARED if cleared else "; ".join(reasons) or None,
            model_id=self.model_id,
        )

    def _kinds(self, kinds: NDArray[np.float32], scam: float) -> tuple[KindScore, ...]:
        over = kinds * self._former(scam) >= self._listed_from
        if not over.any():
            return ()
        listed = np.flatnonzero(over & self._listed).tolist()
        if not listed and scam >= self.thresholds.review:
            return (KindScore(Kind.OTHER, _decimal(kinds[over].max())),)
        return ranked(KindScore(KINDS[index], _decimal(kinds[index])) for index in listed)

    def _former(self, scam: float) -> np.float32:
        """Return the ratio of the original probability to the recalibrated one.

        The kind thresholds refer to the original probabilities. They cannot be mapped to new ones,
        because the change of a kind's probability depends on the scam probability.
        """
        scaling = self.bundle.own_scaling
        if scaling == Scaling() or not 0 < scam < 1:
            return np.float32(1)
        return np.float32(scaling.inverse(scam) / scam)


def _decimal(probability: np.float32) -> float:
    # The shortest decimals of a float32 print well and keep their order.
    return float(str(probability))


def _threshold(name: str, value: float | OperatingPoint) -> float:
    if isinstance(value, OperatingPoint):
        return value.threshold
    if not is_number(value):
        raise InputError(
            f"{name} must be a number above 0 and at most 1, or an OperatingPoint; got {value!r}"
        )
    return value


def _normalised(value: object) -> tuple[str, str | None]:
    """Return the normalised text and None, or "" and the reason it cannot be scored."""
    if isinstance(value, str):
        text = normalise(value)
        return text, None if text else _EMPTY
    is_nan = isinstance(value, float | np.floating) and np.isnan(value)
    if is_nan or value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "", "missing"
    return "", f"not text: {type(value).__name__}"


def _rows(distinct: NDArray[np.float32], indices: list[int | str]) -> NDArray[np.float32]:
    order = np.array([index if isinstance(index, int) else -1 for index in indices], dtype=np.intp)
    rows = np.full((len(indices), distinct.shape[1]), np.nan, np.float32)
    rows[order >= 0] = distinct[order[order >= 0]]
    return rows


def _listed(texts: Iterable[object] | None) -> list[object]:
    if texts is None or isinstance(texts, str | bytes):
        return [texts]
    check_several(texts)
    return list(_items(texts))


def _items(texts: Iterable[object]) -> Iterable[object]:
    return texts_of(texts) if isinstance(texts, pa.Array | pa.ChunkedArray) else texts
