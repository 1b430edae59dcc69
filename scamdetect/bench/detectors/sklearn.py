"""Score with a scikit-learn pipeline saved by skops, and find its scam labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile

import numpy as np
from numpy.typing import NDArray

from scamdetect.bench.answers import Answers, Detector, Floats, Setting
from scamdetect.errors import InputError, MissingExtraError
from scamdetect.labels import Verdict
from scamdetect.system.files import file_sha256, writing

try:
    import skops.io
except ImportError as error:
    raise MissingExtraError(error.name or "skops", "bench") from error

try:
    from scipy.special import expit
except ImportError as error:
    raise MissingExtraError(error.name or "scipy", "bench") from error

_PICKLES = {".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"}
# In addition to what skops trusts. It calls such classes with arguments from the file, and some of
# numpy and scipy overwrite files on creation (numpy.memmap).
_ALLOWED = "sklearn"


def read_skops(path: Path) -> Any:  # noqa: ANN401
    """Return the object in a skops file.

    Raises InputError for a pickle, a missing or damaged file and types that are not allowed.
    """
    if path.suffix.lower() in _PICKLES:
        raise InputError(
            f"{path}: pickles can run code and are never loaded; save the pipeline with "
            "skops.io.dump(pipeline, 'model.skops')"
        )
    if not path.is_file():
        raise InputError(f"{path}: file not found; pass a file that skops.io.dump wrote")
    try:
        unknown = skops.io.get_untrusted_types(file=path)
        refused = sorted(name for name in unknown if not _is_allowed(name))
        if refused:
            raise InputError(
                f"{path} contains {', '.join(refused)}; only classes of scikit-learn are "
                "loaded; pass a pipeline of them, or your own function as python:module:name"
            )
        return skops.io.load(path, trusted=unknown)
    except InputError:
        raise
    except (BadZipFile, KeyError) as problem:
        raise InputError(f"{path}: not a skops file; save it with skops.io.dump") from problem
    except Exception as problem:
        raise InputError(
            f"{path}: skops cannot load it ({type(problem).__name__}: {problem}); save it again "
            "with the versions of skops and scikit-learn that are installed here"
        ) from problem


def _is_allowed(name: str) -> bool:
    """Return True if the name is that of a scikit-learn class.

    Its functions are excluded: some execute their arguments, and a pipeline may call them on texts.
    """
    module, _, attribute = name.rpartition(".")
    if module.partition(".")[0] != _ALLOWED or "__" in module:
        return False
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError:
        return False
    return isinstance(found, type) and found.__module__.partition(".")[0] == _ALLOWED


def write_skops(path: Path, saved: Any) -> None:  # noqa: ANN401
    """Write the object as a skops file, completely or not at all; create its folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        skops.io.dump(saved, file, compression=ZIP_DEFLATED)


Places = NDArray[np.intp]

_VERDICTS = tuple(verdict.value for verdict in Verdict)


def scam_places(labels: Sequence[Any], label_map: Mapping[str, str] | None) -> Places:
    """Return the indices of the labels that mean scam: those mapped to it, else one with that name.

    Labels of numbers 0 and 1 need no map: 1 is scam. Raises InputError, with the labels, if no
    label or every label means scam, or if the map contains an unknown label or verdict.
    """
    names = [str(label) for label in labels]
    listed = ", ".join(names)
    if label_map:
        for name, verdict in label_map.items():
            if name not in names:
                raise InputError(f"the model has no label {name!r}; its labels are: {listed}")
            if verdict not in _VERDICTS:
                raise InputError(
                    f"the label {name!r} is mapped to {verdict!r}; use {', '.join(_VERDICTS)}"
                )
        found = [label_map.get(name) == Verdict.SCAM.value for name in names]
    elif len(names) == 2 and all(_is_number(label) for label in labels):
        found = [bool(label == 1) for label in labels]
    else:
        found = [name.casefold() == Verdict.SCAM.value for name in names]
    if not any(found) or (all(found) and len(names) > 1):
        many = "all of the model's labels mean" if any(found) else "no label of the model means"
        raise InputError(
            f"{many} scam; its labels are: {listed}; pass the one that does: --label-map LABEL=scam"
        )
    return np.flatnonzero(found)


def _is_number(label: object) -> bool:
    return isinstance(label, bool | np.bool_ | int | float | np.number) and label in (0, 1)


_NO_PROBABILITIES = (
    "It has no predict_proba: its score is 1 / (1 + exp(-d)) of its decision function d, which "
    "is not a calibrated probability."
)


def load(target: str, setting: Setting) -> Detector:
    """Return the fitted pipeline in the skops file ``target``, which takes texts.

    ``setting.label_map`` or the classes themselves define the scam label. Raises InputError for a
    pickle, a file that is not from skops, types that are neither trusted by skops nor from
    scikit-learn, and a pipeline that cannot score or has no scam class.
    """
    path = Path(target)
    model = read_skops(path)
    classes = getattr(model, "classes_", None)
    probable = hasattr(model, "predict_proba")
    if classes is None or not (probable or hasattr(model, "decision_function")):
        raise InputError(
            f"{path} contains {type(model).__name__}, which cannot score; save a fitted "
            "classifier or pipeline with predict_proba or decision_function"
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
        """Return the scam probability of each text, flagged if a scam class is predicted."""
        given = list(texts)
        scores = self._probabilities(given) if self.probable else self._decisions(given)
        named = self.model.classes_[self.scam]
        return Answers(scam=scores, flagged=np.isin(self.model.predict(given), named))

    def _probabilities(self, texts: list[str]) -> Floats:
        found = np.asarray(self.model.predict_proba(texts), dtype=np.float64)
        total: Floats = found[:, self.scam].sum(axis=1)
        return np.minimum(total, 1.0)  # rounding can make a sum exceed 1

    def _decisions(self, texts: list[str]) -> Floats:
        found = np.asarray(self.model.decision_function(texts), dtype=np.float64)
        if found.ndim == 1:
            found = np.column_stack([-found, found])
        if found.shape[1] != self.n_labels:
            raise InputError(
                f"the decision function returns {found.shape[1]} values for {self.n_labels} "
                "classes; fit it one-vs-rest"
            )
        scores: Floats = expit(found[:, self.scam].max(axis=1))
        return scores
