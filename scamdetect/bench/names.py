"""Load suites and detectors by name, including those of other packages, and check answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scamdetect.bench.answers import Answers, Bools, Detector, Floats, Material, Setting
from scamdetect.bench.suite import NAME, Suite, check, limited
from scamdetect.bench.suites.calibrate import calibrate
from scamdetect.errors import (
    DetectorError,
    EndpointError,
    InputError,
    MissingExtraError,
    OutputError,
    ScamDetectError,
)
from scamdetect.labels import Kind
from scamdetect.system.os_errors import said
from scamdetect.urls import without_secrets

SUITES = "scamdetect.bench.suites"
DETECTORS = "scamdetect.bench.detectors"


def names(group: str) -> tuple[str, ...]:
    """Return the names registered in the group."""
    return tuple(sorted(entry_points(group=group).names))


def load(group: str, name: str) -> Callable[..., Any]:
    """Return the function that is registered under the name.

    Raises InputError, with the known names, if the name is missing or ambiguous.
    """
    found = tuple(entry_points(group=group, name=name))
    if not found:
        raise InputError(f"unknown name {name!r}; known: {', '.join(names(group))}")
    if len({one.value for one in found}) > 1:
        places = ", ".join(sorted(one.value for one in found))
        raise InputError(f"{name!r} is registered twice ({places}); uninstall one of the packages")
    function: Callable[..., Any] = found[0].load()
    return function


def load_suites(
    suites: Sequence[str], material: Material, *, final: bool, limit: int | None, changed_rows: bool
) -> tuple[list[Suite], str]:
    """Return the suites, first the rows that set thresholds, and the name of the benchmark.

    Raises InputError for an unknown name, for final rows without ``final``, and for rows that
    differ from the release without ``changed_rows``.
    """
    makers = []
    for name in dict.fromkeys(suites):
        if name.endswith("-final") and not final:
            raise InputError(f"{name}: has test or final rows; pass --final for a release")
        makers.append(load(SUITES, name))
    made = [calibrate(material), *(make(material) for make in makers)]
    for suite in made:
        if suite.manifest.final and not final:
            raise InputError(f"{suite.name}: has test or final rows; pass --final for a release")
    differences = [difference for difference in map(check, made) if difference is not None]
    if differences and not changed_rows:
        raise InputError(
            f"{'; '.join(differences)}. To measure these rows anyway, pass --changed-rows"
        )
    if limit is not None:
        made = [made[0], *(limited(suite, limit) for suite in made[1:])]
        return made, f"not {NAME}: a part of its rows"
    return made, f"not {NAME}: other rows" if differences else NAME


_LABEL = re.compile(r"\w[\w.+-]*")
_ROUNDING = 1e-6  # float32 sums of shares can exceed 1 by this


def load_detector(spec: str, setting: Setting) -> Detector:
    """Return the detector for ``[label=]scheme:target``, under its label.

    The default label is the scheme and the last part of the target. Raises InputError, with the
    spec, for an unknown scheme or if its loader fails, MissingExtraError if it needs a package.
    """
    shown = without_secrets(spec)
    label, scheme, target = _parsed(spec)
    loader = load(DETECTORS, scheme)
    try:
        found = loader(target, setting)
    except MissingExtraError:
        raise
    except ScamDetectError as problem:
        raise InputError(f"{shown}: {problem}") from problem
    except Exception as problem:
        raise InputError(
            f"{shown}: its loader failed ({type(problem).__name__}: {said(problem, spec)})"
        ) from None
    if not isinstance(found, Detector):
        raise InputError(
            f"{shown}: its loader returned {type(found).__name__}, not a Detector; correct the "
            f"package that registers {scheme!r}"
        )
    return replace(found, name=label or _short_name(scheme, target))


def checked(detector: Detector, texts: Sequence[str]) -> Answers:
    """Return the detector's answers to n texts, as arrays of the right types.

    Raises DetectorError if it fails or returns something unusable, EndpointError if its endpoint is
    down, OutputError if what it stores cannot be written; the message never quotes the detector,
    which may contain text of a message.
    """
    name = detector.name
    try:
        given = detector.score(texts)
    except (EndpointError, OutputError):
        raise  # it stops the detector or the run, while other failures stop at their row
    except ScamDetectError as problem:
        raise DetectorError(f"{name}: {problem}") from problem
    except Exception as problem:
        raise DetectorError(
            f"{name}: it raised {type(problem).__name__} {_place(problem)} on {len(texts)} texts"
        ) from None
    if not isinstance(given, Answers):
        given = Answers(scam=given)
    n = len(texts)
    return Answers(
        scam=_probabilities(name, given.scam, n),
        flagged=None if given.flagged is None else _flags(name, given.flagged, n),
        kinds=None if given.kinds is None else _kinds(name, given.kinds, n),
        problems=None if given.problems is None else _problems(name, given.problems, n),
        seconds=None if given.seconds is None else _amounts(name, "seconds", given.seconds, n),
        cost=None if given.cost is None else _amounts(name, "cost", given.cost, n),
    )


def _parsed(spec: str) -> tuple[str | None, str, str]:
    head, _, target = spec.partition(":")
    label, equals, scheme = head.rpartition("=")
    if equals and not _LABEL.fullmatch(label):
        raise InputError(
            f"{without_secrets(spec)}: invalid label {label!r}; use letters, digits and . _ + -"
        )
    if not scheme.strip():
        raise InputError(
            f"{without_secrets(spec)!r} is not a detector; write [label=]scheme:target, such as "
            f"mine=sklearn:model.skops; schemes: {', '.join(names(DETECTORS))}"
        )
    return label or None, scheme, target


def _short_name(scheme: str, target: str) -> str:
    address, _, model = target.partition("#")
    address = without_secrets(f"{scheme}:{address}")
    # The name of a model may contain a colon ("some:8b").
    parts = re.split(r"[/\\#]", model) if model.strip() else re.split(r"[/\\:@]", address)
    parts = [part for part in parts if part.strip()]
    words = parts[-1:] if parts and parts[-1].startswith(scheme) else [scheme, *parts[-1:]]
    return "-".join(filter(None, (re.sub(r"[^\w.+]+", "-", word).strip("-.") for word in words)))


def _place(problem: Exception) -> str:
    frames = extract_tb(problem.__traceback__)
    return f"at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _wrong(name: str, what: str, expected: str, came: str) -> DetectorError:
    return DetectorError(f"{name}: {what} must be {expected}; got {came}")


def _array(name: str, what: str, expected: str, given: Any) -> NDArray[Any]:  # noqa: ANN401
    try:
        return np.asarray(given)
    except Exception:
        raise _wrong(name, what, expected, type(given).__name__) from None


def _numbers(name: str, what: str, expected: str, given: Any, n: int) -> Floats:  # noqa: ANN401
    found = _array(name, what, expected, given)
    if found.shape != (n,):
        raise _wrong(name, what, expected, f"the shape {found.shape}")
    try:
        # Strings would be converted to numbers too, and are a mistake.
        if found.dtype.kind not in "fiubO" or any(isinstance(one, str | bytes) for one in found):
            raise TypeError
        return found.astype(np.float64)
    except (TypeError, ValueError):
        raise _wrong(name, what, expected, f"values of the type {found.dtype}") from None


def _probabilities(name: str, given: Any, n: int) -> Floats:  # noqa: ANN401
    expected = f"{n} scam probabilities from 0 to 1, NaN for a missing answer"
    found = _numbers(name, "its answer", expected, given, n)
    bad = found[~np.isnan(found) & ~((found >= -_ROUNDING) & (found <= 1 + _ROUNDING))]
    if bad.size:
        raise _wrong(name, "its answer", expected, f"{bad.size} outside, the first {bad[0]:g}")
    return np.clip(found, 0.0, 1.0)


def _amounts(name: str, what: str, given: Any, n: int) -> Floats:  # noqa: ANN401
    expected = f"{n} numbers of at least 0, NaN if unknown"
    found = _numbers(name, what, expected, given, n)
    bad = found[(found < 0) | np.isinf(found)]
    if bad.size:
        raise _wrong(name, what, expected, f"{bad.size} others, the first {bad[0]:g}")
    return found


def _flags(name: str, given: Any, n: int) -> Bools:  # noqa: ANN401
    expected = f"{n} booleans"
    found = _array(name, "flagged", expected, given)
    if found.shape != (n,) or (n and found.dtype != np.bool_):
        raise _wrong(name, "flagged", expected, f"the shape {found.shape} of {found.dtype}")
    return found.astype(bool)


def _kinds(name: str, given: Any, n: int) -> tuple[frozenset[Kind], ...]:  # noqa: ANN401
    expected = f"{n} sets of {', '.join(Kind)}"
    try:
        if len(given) != n:
            raise _wrong(name, "kinds", expected, str(len(given)))
        if any(isinstance(named, str) for named in given):
            raise TypeError
        return tuple(frozenset(Kind(kind) for kind in named) for named in given)
    except (TypeError, ValueError):
        raise _wrong(name, "kinds", expected, "something else among them") from None


def _problems(name: str, given: Any, n: int) -> tuple[str | None, ...]:  # noqa: ANN401
    expected = f"{n} words or None"
    try:
        found = tuple(given)
    except TypeError:
        raise _wrong(name, "problems", expected, type(given).__name__) from None
    if isinstance(given, str) or len(found) != n:
        raise _wrong(name, "problems", expected, str(len(found)))
    if any(one is not None and not isinstance(one, str) for one in found):
        raise _wrong(name, "problems", expected, "something else among them")
    return found
