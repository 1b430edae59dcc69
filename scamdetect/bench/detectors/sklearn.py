"""Score with a pipeline of scikit-learn that skops saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect.bench.answers import Answers, Detector, Floats, Setting
from scamdetect.bench.detectors.model_labels import Places, scam_places
from scamdetect.bench.detectors.skops_files import read_skops
from scamdetect.errors import InputError, MissingExtraError
from scamdetect.system.files import file_sha256

try:
    from scipy.special import expit
except ImportError as error:
    raise MissingExtraError(error.name or "scipy", "bench") from error

_NO_PROBABILITIES = (
    "It has no predict_proba: its score is 1 / (1 + exp(-d)) of its decision function d, which is "
    "no calibrated probability."
)


def load(target: str, setting: Setting) -> Detector:
    """Return the fitted pipeline in the skops file ``target``, which takes texts.

    ``setting.label_map`` or the classes themselves say which means scam. Raises InputError on a
    pickle, a file that is none of skops, types that skops does not trust and scikit-learn does not
    have, and a pipeline that neither scores nor names a scam class.
    """
    path = Path(target)
    model = read_skops(path)
    classes = getattr(model, "classes_", None)
    probable = hasattr(model, "predict_proba")
    if classes is None or not (probable or hasattr(model, "decision_function")):
        raise InputError(
            f"{path} holds {type(model).__name__}, which cannot score; save a fitted classifier "
            "or pipeline with predict_proba or decision_function"
        )
    labels = list(classes)
    scam = scam_places(labels, setting.label_map)
    names = ",".join(str(labels[place]) for place in scam)
    return Detector(
        name=path.stem,
        identity=f"{file_sha256(path)} scam={names}",
        score=_Scoring(model, probable, len(labels), scam),
        note="" if probable else _NO_PROBABILITIES,
    )


@dataclass(frozen=True)
class _Scoring:
    model: Any
    probable: bool
    n_labels: int
    scam: Places

    def __call__(self, texts: Sequence[str], /) -> Answers:
        """Return the scam probability of each text, flagged where a scam class is predicted."""
        given = list(texts)
        scores = self._probabilities(given) if self.probable else self._decisions(given)
        named = self.model.classes_[self.scam]
        return Answers(scam=scores, flagged=np.isin(self.model.predict(given), named))

    def _probabilities(self, texts: list[str]) -> Floats:
        found = np.asarray(self.model.predict_proba(texts), dtype=np.float64)
        total: Floats = found[:, self.scam].sum(axis=1)
        return np.minimum(total, 1.0)  # a sum may end a rounding error above

    def _decisions(self, texts: list[str]) -> Floats:
        found = np.asarray(self.model.decision_function(texts), dtype=np.float64)
        if found.ndim == 1:
            found = np.column_stack([-found, found])
        if found.shape[1] != self.n_labels:
            raise InputError(
                f"the decision function gives {found.shape[1]} values for {self.n_labels} classes; "
                "fit it one-vs-rest"
            )
        scores: Floats = expit(found[:, self.scam].max(axis=1))
        return scores
