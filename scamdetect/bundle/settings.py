"""The settings of a bundle, ``scamdetect.json``: every key is checked when read."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.bundle.cascade import CascadeRule
from scamdetect.bundle.lexical import Join
from scamdetect.calibration.operating_points import CalibrationRows, OperatingPoint
from scamdetect.calibration.probabilities import Curve, Scaling
from scamdetect.calibration.thresholds import KindThresholds, Thresholds
from scamdetect.conversation.rule import ConversationRule, Weights
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import KINDS, VERDICTS, Kind
from scamdetect.system.files import read_bytes
from scamdetect.system.os_errors import unreadable
from scamdetect.text.normalise import NORMALISER_VERSION

SCHEMA_VERSION = 1
AGAIN = "get or export the bundle again"

_NUMBER = (int, float)
_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "schema_version": int,
    "name": str,
    "version": str,
    "normaliser_version": int,
    "classes": list,
    "kinds": list,
    "languages": list,
    "prefix": str,
    "max_tokens": int,
    "stride": int,
    "max_windows": (int, type(None)),
    "temperature": _NUMBER,
    "kind_temperature": _NUMBER,
    "kind_threshold": _NUMBER,
    "language_threshold": _NUMBER,
    "thresholds": dict,
    "operating_points": list,
}
_OPTIONAL: dict[str, type | tuple[type, ...]] = {
    "known_answers": list,
    "scam_curve": list,
    "language_calibration": dict,
    "own_scaling": list,
    "kind_thresholds": dict,
    "calibration_rows": dict,
    "thresholds_fpr": dict,
    "cascade": dict,
    "conversation": dict,
    "words": dict,
}


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A text and its scam probability on the machine that made the bundle."""

    text: str
    scam_probability: float


def read_settings(path: Path, content: bytes) -> dict[str, Any]:
    """Return the checked settings in the content of a file.

    Tables become the dataclasses of their keys. Raises BundleError, with the file, the key and the
    fix.
    """
    settings = json_object(path, content)
    for key, newest in (
        ("schema_version", SCHEMA_VERSION),
        ("normaliser_version", NORMALISER_VERSION),
    ):
        check_version(path, key, settings.get(key), newest)
    for key, allowed in (_REQUIRED | _OPTIONAL).items():
        value = settings.get(key)
        if key in _OPTIONAL and key not in settings:
            continue
        if key not in settings or isinstance(value, bool) or not isinstance(value, allowed):
            raise wrong(path, key, value, f"must be {_type_name(allowed)}")
    if unknown := sorted(settings.keys() - _REQUIRED.keys() - _OPTIONAL.keys()):
        raise wrong(path, unknown[0], settings[unknown[0]], "is unknown")
    for key, names in (("classes", VERDICTS), ("kinds", KINDS)):
        if settings[key] != [name.value for name in names]:
            raise wrong(path, key, settings[key], f"must be {[name.value for name in names]}")
    if not settings["languages"] or not all(isinstance(x, str) for x in settings["languages"]):
        raise wrong(path, "languages", settings["languages"], "must be language codes")
    if len(set(settings["languages"])) < len(settings["languages"]):
        raise wrong(path, "languages", settings["languages"], "contains a language twice")
    for key in ("name", "version", "languages"):  # all of them appear in results and on terminals
        words = [settings[key]] if isinstance(settings[key], str) else settings[key]
        if not all(word.isprintable() and word.strip() for word in words):
            raise wrong(path, key, settings[key], "must be printable and not blank")
    for key in ("temperature", "kind_temperature"):
        if not 0 < settings[key] < math.inf:
            raise wrong(path, key, settings[key], "must be over 0")
    for key in ("kind_threshold", "language_threshold"):
        if not 0 <= settings[key] <= 1:
            raise wrong(path, key, settings[key], "must be in [0, 1]")
    if settings["max_windows"] is not None and settings["max_windows"] < 1:
        raise wrong(path, "max_windows", settings["max_windows"], "must be null or at least 1")
    if not 0 <= settings["stride"] < settings["max_tokens"] - 2:
        raise wrong(path, "stride", settings["stride"], "must be in [0, max_tokens - 2)")
    return settings | {
        "scam_curve": _scam_curve(path, settings.get("scam_curve", [])),
        "language_calibration": _language_calibration(
            path, settings.get("language_calibration", {}), settings["languages"]
        ),
        "own_scaling": _own_scaling(path, settings.get("own_scaling", [1.0, 0.0])),
        "kind_thresholds": _kind_thresholds(path, settings.get("kind_thresholds", {})),
        "calibration_rows": _calibration_rows(path, settings.get("calibration_rows", {})),
        "thresholds": _thresholds(path, settings["thresholds"]),
        "thresholds_fpr": _thresholds_fpr(path, settings.get("thresholds_fpr", {})),
        "operating_points": _operating_points(path, settings["operating_points"]),
        "known_answers": _known_answers(path, settings.get("known_answers", [])),
        "cascade": _cascade_rule(path, settings.get("cascade")),
        "conversation": _conversation(path, settings.get("conversation")),
        "words": _join(path, settings.get("words")),
    }


def read_whole(path: Path, size: int | None = None) -> bytes:
    """Return the content of a file of a bundle.

    Raises BundleError if it cannot be read, or, before reading, if its size is not ``size``, the
    one in the manifest.
    """
    try:
        found = path.stat().st_size
        if size is not None and found != size:
            raise BundleError(
                f"{path}: has {found} bytes, expected {size} from manifest.json; {AGAIN}"
            )
        return read_bytes(path)
    except FileNotFoundError as problem:
        raise BundleError(f"{path}: missing; {AGAIN}") from problem
    except OSError as problem:
        raise unreadable(path, problem, error=BundleError) from problem


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; raise BundleError for anything else."""
    return json_object(path, read_whole(path))


def json_object(path: Path, content: bytes) -> dict[str, Any]:
    """Return the JSON object in the content of a file; raise BundleError for anything else."""
    try:
        value = json.loads(content)
        if not isinstance(value, dict):
            raise BundleError(f"{path}: must contain one JSON object; {AGAIN}")
        for key, part in value.items():
            if not _is_unicode([key, part]):
                raise BundleError(
                    f"{path}: {key!r} contains a lone surrogate (half a character); {AGAIN}"
                )
    except BundleError:
        raise
    except (ValueError, RecursionError) as problem:
        raise BundleError(f"{path}: not readable as JSON ({problem}); {AGAIN}") from problem
    return value


def _is_unicode(value: object) -> bool:
    # JSON allows such text, but tokenizers and result files do not.
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def check_version(path: Path, key: str, value: object, newest: int) -> None:
    """Raise BundleError unless the version is an integer from 1 to the newest known."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise wrong(path, key, value, "must be an integer from 1")
    if value > newest:
        raise BundleError(
            f"{path}: {key} {value} is newer than this scamdetect supports ({newest}); run: pip "
            "install -U scamdetect"
        )


def wrong(path: Path, key: str, value: object, rule: str) -> BundleError:
    """Return the error for a key whose value breaks a rule."""
    seen = repr(value)
    short = seen if len(seen) <= 80 else f"{seen[:77]}..."
    return BundleError(f"{path}: {key!r} {rule}; found {short}; {AGAIN}")


def _thresholds(path: Path, table: dict[str, Any]) -> Thresholds:
    by_verdict = table.get("review_scam_verdicts", True)
    if not isinstance(by_verdict, bool):
        raise wrong(path, "thresholds", table, "needs review_scam_verdicts true or false")
    try:
        return Thresholds(table["flag"], table["review"], review_scam_verdicts=by_verdict)
    except (KeyError, TypeError, InputError) as problem:
        raise wrong(path, "thresholds", table, "needs 0 < review <= flag <= 1") from problem


def _thresholds_fpr(path: Path, table: dict[str, Any]) -> dict[str, float]:
    if not set(table) <= {"flag", "review"}:
        raise wrong(path, "thresholds_fpr", table, "may contain only flag and review")
    if not all(_is_number(rate) and 0 <= rate <= 1 for rate in table.values()):
        raise wrong(path, "thresholds_fpr", table, "needs rates in [0, 1]")
    return {name: float(rate) for name, rate in table.items()}


def _scam_curve(path: Path, rows: list[Any]) -> Curve:
    try:
        return Curve(tuple((float(x), float(y)) for x, y in rows))
    except (TypeError, ValueError) as problem:
        rule = "needs pairs of numbers that increase in both columns"
        raise wrong(path, "scam_curve", rows, rule) from problem


def _language_calibration(
    path: Path, table: dict[str, Any], languages: list[str]
) -> dict[str, tuple[float, float]]:
    for language, pair in table.items():
        if language not in languages:
            raise wrong(path, "language_calibration", language, "has a language not in 'languages'")
        numbers = isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair))
        if not numbers or pair[0] <= 0:
            rule = f"needs [temperature over 0, bias] for {language!r}"
            raise wrong(path, "language_calibration", pair, rule)
    return {language: (float(pair[0]), float(pair[1])) for language, pair in table.items()}


def _own_scaling(path: Path, pair: list[Any]) -> Scaling:
    try:
        return _scaling(pair)
    except InputError as problem:
        raise wrong(path, "own_scaling", pair, "needs [temperature over 0, bias]") from problem


def _scaling(pair: object) -> Scaling:
    """Return the scaling of a temperature and a bias; raise InputError if they are invalid."""
    if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_number, pair)):
        raise InputError(f"a scaling needs a temperature and a bias; got {pair!r}")
    return Scaling(float(pair[0]), float(pair[1]))


def _kind_thresholds(path: Path, table: dict[str, Any]) -> dict[Kind, KindThresholds]:
    found = {}
    for kind, row in table.items():
        try:
            found[Kind(kind)] = KindThresholds(**row)
        except (TypeError, ValueError) as problem:
            rule = f"needs f1 and precision, in [0, 1] or null, for each kind; wrong for {kind!r}"
            raise wrong(path, "kind_thresholds", row, rule) from problem
    return found


def _calibration_rows(path: Path, table: dict[str, Any]) -> CalibrationRows:
    try:
        languages = {name: (int(a), int(b)) for name, (a, b) in table.get("languages", {}).items()}
        kinds = {name: int(n) for name, n in table.get("kinds", {}).items()}
    except (TypeError, ValueError, AttributeError) as problem:
        rule = "needs languages with [legit, scam] and kinds with a number"
        raise wrong(path, "calibration_rows", table, rule) from problem
    if unknown := sorted(kinds.keys() - set(KINDS)):
        raise wrong(path, "calibration_rows", unknown[0], "contains an unknown kind")
    return CalibrationRows(languages, kinds)


def _operating_points(path: Path, rows: list[Any]) -> tuple[OperatingPoint, ...]:
    points: dict[tuple[float, str | None, str | None], OperatingPoint] = {}
    for row in rows:
        try:
            point = OperatingPoint(**row)
        except TypeError as problem:
            rule = "each needs fpr, threshold, upper_bound, n, recall"
            raise wrong(path, "operating_points", row, rule) from problem
        shares = (point.fpr, point.threshold, point.upper_bound, point.recall)
        counts = (point.n, point.n_scam, point.effective_n)
        given = [value for value in (*shares, *counts) if value is not None]
        if None in (*shares[:3], point.n) or not all(map(_is_number, given)):
            raise wrong(path, "operating_points", row, "needs numbers")
        if not all(0 <= share <= 1 for share in shares if share is not None) or min(given) < 0:
            raise wrong(path, "operating_points", row, "needs shares in [0, 1] and counts from 0")
        if point.kind is not None and point.kind not in KINDS:
            raise wrong(path, "operating_points", row, "contains an unknown kind")
        if not isinstance(point.lang, str | None):
            raise wrong(path, "operating_points", row, "needs a lang that is text or null")
        key = (point.fpr, point.lang, point.kind)
        if key in points:
            raise wrong(path, "operating_points", row, "contains a rate, lang and kind twice")
        points[key] = point
    return tuple(points.values())


def _known_answers(path: Path, rows: list[Any]) -> tuple[KnownAnswer, ...]:
    try:
        answers = tuple(KnownAnswer(**row) for row in rows)
    except TypeError as problem:
        raise wrong(
            path, "known_answers", rows, "each needs text and scam_probability"
        ) from problem
    for answer in answers:
        probability = answer.scam_probability
        if not isinstance(answer.text, str) or not isinstance(probability, _NUMBER):
            raise wrong(path, "known_answers", rows, "each needs a text and a number")
    return answers


def _cascade_rule(path: Path, table: dict[str, Any] | None) -> CascadeRule | None:
    if table is None:
        return None
    numbers = ("words_below", "exit_below", "spam_share")
    scalings = ("words_scaling", "exit_scaling")
    if set(table) != {"tensor", "proven", *numbers, *scalings}:
        rule = f"needs tensor, proven, {', '.join((*numbers, *scalings))}, and nothing else"
        raise wrong(path, "cascade", table, rule)
    if not isinstance(table["tensor"], str) or not isinstance(table["proven"], bool):
        raise wrong(path, "cascade", table, "needs a name as tensor, and proven true or false")
    if not all(_is_number(table[name]) for name in numbers) or not 0 <= table["spam_share"] <= 1:
        raise wrong(path, "cascade", table, "needs numbers, and a spam_share in [0, 1]")
    try:
        pairs = {name: _scaling(table[name]) for name in scalings}
    except InputError as problem:
        raise wrong(path, "cascade", table, "needs scalings [temperature over 0, bias]") from (
            problem
        )
    return CascadeRule(
        tensor=table["tensor"],
        words_below=float(table["words_below"]),
        words_scaling=pairs["words_scaling"],
        exit_below=float(table["exit_below"]),
        exit_scaling=pairs["exit_scaling"],
        spam_share=float(table["spam_share"]),
        proven=table["proven"],
    )


def _join(path: Path, table: dict[str, Any] | None) -> Join | None:
    if table is None:
        return None
    if set(table) != {"encoder", "words", "bias"} or not all(map(_is_number, table.values())):
        raise wrong(path, "words", table, "needs the numbers encoder, words and bias")
    if min(table["encoder"], table["words"]) < 0 or max(map(abs, table.values())) > 1e6:
        raise wrong(path, "words", table, "needs weights from 0 and no number over a million")
    return Join(**{name: float(value) for name, value in table.items()})


def _conversation(path: Path, table: dict[str, Any] | None) -> ConversationRule | None:
    if table is None:
        return None
    try:
        rule = ConversationRule(
            **table
            | {
                "weights": Weights(**table["weights"]),
                "thresholds": _thresholds(path, table["thresholds"]),
                "thresholds_fpr": _thresholds_fpr(path, table["thresholds_fpr"]),
            }
        )
    except (KeyError, TypeError, InputError) as problem:
        needs = "needs weights, window_characters, thresholds, thresholds_fpr, enough_turns and "
        raise wrong(path, "conversation", table, f"{needs}fitted_on") from problem
    if not all(_is_count(count, 1) for count in (rule.window_characters, rule.enough_turns)):
        raise wrong(path, "conversation", table, "needs whole numbers over 0")
    fitted_on = rule.fitted_on
    if not isinstance(fitted_on, dict) or not all(_is_count(n, 0) for n in fitted_on.values()):
        raise wrong(path, "conversation", table, "needs counts by verdict in fitted_on")
    return rule


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: object) -> bool:
    # A whole number of JSON may be too large for a float.
    return (
        isinstance(value, _NUMBER)
        and not isinstance(value, bool)
        and abs(value) < sys.float_info.max
    )


def _type_name(allowed: type | tuple[type, ...]) -> str:
    kinds = allowed if isinstance(allowed, tuple) else (allowed,)
    return " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
