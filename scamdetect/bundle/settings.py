"""The settings of a bundle, ``scamdetect.json``: typed, with the limits of each value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from scamdetect.bundle.cascade import CascadeRule
from scamdetect.bundle.ngrams import Join
from scamdetect.calibration.operating_points import CalibrationRows, Count, OperatingPoint
from scamdetect.calibration.probabilities import Curve, Scaling, Share
from scamdetect.calibration.thresholds import KindThresholds, Thresholds
from scamdetect.conversation.rule import ConversationRule
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import KINDS, VERDICTS, Kind, Verdict
from scamdetect.text.normalise import NORMALISER_VERSION

SCHEMA_VERSION = 1
AGAIN = "get or export the bundle again"

T = TypeVar("T")
_Positive = Annotated[float, Meta(gt=0)]
_Languages = Annotated[tuple[str, ...], Meta(min_length=1)]


class KnownAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """A text and its scam probability on the machine that made the bundle."""

    text: str
    scam_probability: Share


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of ``scamdetect.json``."""

    schema_version: int
    name: str
    version: str
    normaliser_version: int
    classes: tuple[Verdict, ...]
    kinds: tuple[Kind, ...]
    languages: _Languages
    prefix: str
    max_tokens: Count
    stride: Count
    max_windows: Annotated[int, Meta(ge=1)] | None
    temperature: _Positive
    kind_temperature: _Positive
    kind_threshold: Share
    language_threshold: Share
    thresholds: Thresholds
    operating_points: tuple[OperatingPoint, ...]
    thresholds_fpr: Mapping[str, Share] = {}  # at which flag and review were set, if known
    known_answers: tuple[KnownAnswer, ...] = ()
    scam_curve: tuple[tuple[float, float], ...] = ()  # the knots
    language_calibration: Mapping[str, Scaling] = {}  # after the curve
    own_scaling: Scaling = Scaling()  # after that: recalibrated on a team's own messages
    kind_thresholds: Mapping[Kind, KindThresholds] = {}
    calibration_rows: CalibrationRows = CalibrationRows()
    cascade: CascadeRule | None = None
    conversation: ConversationRule | None = None
    join: Join | None = msgspec.field(name="words", default=None)

    def __post_init__(self) -> None:
        Curve(self.scam_curve)
        points = {(point.fpr, point.lang, point.kind) for point in self.operating_points}
        names = [self.name, self.version, *self.languages]
        for ok, problem in (
            (self.classes == VERDICTS, f"classes must be {list(map(str, VERDICTS))}"),
            (self.kinds == KINDS, f"kinds must be {list(map(str, KINDS))}"),
            (len(set(self.languages)) == len(self.languages), "languages has one twice"),
            (set(self.language_calibration) <= set(self.languages),
             "language_calibration has a language that languages lacks"),
            (all(name.isprintable() and name.strip() for name in names),
             "name, version and languages must be printable and not blank"),
            (self.stride < self.max_tokens - 2, "stride must be less than max_tokens - 2"),
            (set(self.thresholds_fpr) <= {"flag", "review"},
             "thresholds_fpr may contain only flag and review"),
            (len(points) == len(self.operating_points),
             "operating_points has a rate, lang and kind twice"),
        ):  # fmt: skip
            if not ok:
                raise InputError(problem)


class _Versions(Struct):
    schema_version: int
    normaliser_version: int


def read_settings(path: Path, content: bytes) -> Settings:
    """Return the settings in the content of a file; raise BundleError with the file and the key."""
    versions = decode(path, content, _Versions)
    check_version(path, "schema_version", versions.schema_version, SCHEMA_VERSION)
    check_version(path, "normaliser_version", versions.normaliser_version, NORMALISER_VERSION)
    return decode(path, content, Settings)


def decode(path: Path, content: bytes, kind: type[T]) -> T:
    """Return the JSON content of a file as an object of a type; raise BundleError."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise BundleError(f"{path}: {problem}; {AGAIN}") from problem


def check_version(path: Path, key: str, version: int, current: int) -> None:
    """Raise BundleError for a version other than the current one."""
    if version > current:
        raise BundleError(
            f"{path}: {key} {version} is newer than this scamdetect supports ({current}); run: pip "
            "install -U scamdetect"
        )
    if version < current:
        raise BundleError(
            f"{path}: {key} {version} is older than this scamdetect supports ({current}); get the "
            "current bundle, or use the scamdetect that made this one"
        )
