"""Which of a foreign model's labels mean scam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scamdetect.errors import InputError
from scamdetect.labels import Verdict

Places = NDArray[np.intp]

_VERDICTS = tuple(verdict.value for verdict in Verdict)


def scam_places(labels: Sequence[Any], label_map: Mapping[str, str] | None) -> Places:
    """Return the places of the labels that mean scam: those mapped to it, else one named so.

    Labels of numbers 0 and 1 need no map: 1 is scam. Raises InputError, listing the labels, where
    none means scam, all do or the map names a label or verdict that is not there.
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
            f"{many} scam; its labels are: {listed}; say which does: --label-map LABEL=scam"
        )
    return np.flatnonzero(found)


def _is_number(label: object) -> bool:
    return isinstance(label, bool | np.bool_ | int | float | np.number) and label in (0, 1)
