"""The model bundle: a folder whose every file is named and hashed in its manifest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from scamdetect.errors import BundleError, InputError
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.onnx_file import has_external_data
from scamdetect.text import NORMALISER_VERSION
from scamdetect.thresholds import OperatingPoint, Thresholds

SCHEMA_VERSION = 1
MANIFEST, SETTINGS, CONFIG = "manifest.json", "scamdetect.json", "config.json"
TOKENIZER, MODEL, CARD = "tokenizer.json", "model.onnx", "README.md"
FILES = (CONFIG, TOKENIZER, MODEL, SETTINGS, CARD)

_EXTENSIONS = {".json", ".onnx", ".md"}
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npy", ".npz", ".ckpt", ".dill"}
_AGAIN = "get or export the bundle again"
_NUMBER = (int, float)
_SETTINGS: dict[str, type | tuple[type, ...]] = {
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
_OPTIONAL: dict[str, type | tuple[type, ...]] = {"known_answers": list}


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A text and the scam probability that the bundle gave it where it was made."""

    text: str
    scam_probability: float


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle: where it lies and what its settings say."""

    folder: Path
    model_id: str
    name: str
    version: str
    languages: tuple[str, ...]
    prefix: str
    normaliser_version: int
    max_tokens: int
    stride: int
    max_windows: int | None
    temperature: float
    kind_temperature: float
    kind_threshold: float
    language_threshold: float
    thresholds: Thresholds
    operating_points: tuple[OperatingPoint, ...]
    known_answers: tuple[KnownAnswer, ...]
    training: Mapping[str, Any]

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Bundle:
        """Return the bundle in a folder (the shipped one by default) after verifying every file.

        Raises BundleError, naming the file and the cure, on anything missing, changed, unlisted,
        executable (pickles), linked, outside the folder or made for a newer scamdetect.
        """
        folder = default_bundle_path() if path is None else Path(path)
        manifest = _verified_manifest(folder)
        settings = _settings(folder / SETTINGS)
        _check_config(folder / CONFIG)
        _check_model(folder / MODEL)
        name, version = settings["name"], settings["version"]
        return cls(
            folder=folder,
            model_id=f"{name}@{version}+{_fingerprint(manifest['files'])}",
            name=name,
            version=version,
            languages=tuple(settings["languages"]),
            prefix=settings["prefix"],
            normaliser_version=settings["normaliser_version"],
            max_tokens=settings["max_tokens"],
            stride=settings["stride"],
            max_windows=settings["max_windows"],
            temperature=float(settings["temperature"]),
            kind_temperature=float(settings["kind_temperature"]),
            kind_threshold=float(settings["kind_threshold"]),
            language_threshold=float(settings["language_threshold"]),
            thresholds=_thresholds(folder / SETTINGS, settings["thresholds"]),
            operating_points=_operating_points(folder / SETTINGS, settings["operating_points"]),
            known_answers=_known_answers(folder / SETTINGS, settings.get("known_answers", [])),
            training=manifest["training"],
        )


def default_bundle_path() -> Path:
    """Return the folder of the shipped bundle: in the installed package, else in the checkout.

    Raises BundleError when neither is there.
    """
    package = Path(__file__).resolve().parent
    places = (
        package / "_bundles" / "scamdetect-small",
        package.parent / "models" / "scamdetect-small",
    )
    for place in places:
        if place.is_dir():
            return place
    raise BundleError(
        f"no shipped bundle at {places[0]} or {places[1]}; "
        "install scamdetect again or pass the folder of a bundle"
    )


def write_manifest(folder: Path, training: Mapping[str, Any]) -> Path:
    """Write ``manifest.json`` over the bundle's other files and return its path.

    ``training`` is a free record of how the bundle was made (JSON types). Raises BundleError when
    a file of the bundle is missing or one is not allowed in a bundle.
    """
    names = _listed(folder)
    for name in FILES:
        if name not in names:
            raise BundleError(f"{folder / name}: missing; write it before the manifest")
    files = {
        name: {"sha256": _sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in sorted(names)
    }
    manifest = {"schema_version": SCHEMA_VERSION, "files": files, "training": dict(training)}
    target, draft = folder / MANIFEST, folder / f".{MANIFEST}.part"
    draft.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(target)
    return target


def _listed(folder: Path) -> set[str]:
    """Return the names of the bundle's files but the manifest; hidden files are never opened."""
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder; pass the folder of a bundle")
    names = set()
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() or not entry.is_file():
            raise BundleError(
                f"{entry}: a bundle holds plain files only, no links and no folders; "
                "copy the file itself there or remove it"
            )
        if entry.suffix.lower() in _PICKLES:
            raise BundleError(
                f"{entry}: pickles and raw weights can run code or hide what they are and are "
                "never loaded; remove the file and ship weights as model.onnx"
            )
        if entry.suffix.lower() not in _EXTENSIONS:
            allowed = ", ".join(sorted(_EXTENSIONS))
            raise BundleError(f"{entry}: not a bundle's file ({allowed}); remove it")
        if entry.name != MANIFEST:
            names.add(entry.name)
    return names


def _verified_manifest(folder: Path) -> dict[str, Any]:
    present = _listed(folder)
    path = folder / MANIFEST
    manifest = _json(path)
    _check_version(path, "schema_version", manifest.get("schema_version"), SCHEMA_VERSION)
    files = manifest.get("files")
    if not isinstance(files, dict) or not isinstance(manifest.get("training"), dict):
        raise BundleError(f"{path}: 'files' and 'training' must be tables; {_AGAIN}")
    for name in files:
        pure = PurePosixPath(name)
        if len(pure.parts) != 1 or name == ".." or "\\" in name or ":" in name:
            raise BundleError(f"{path}: lists {name!r}, outside the folder; {_AGAIN}")
    for name in (*FILES, *files):
        if name not in present:
            raise BundleError(f"{folder / name}: missing; {_AGAIN}")
    for name in (*FILES, *sorted(present)):
        if name not in files:
            raise BundleError(f"{folder / name}: not listed in {MANIFEST}; remove it or {_AGAIN}")
    for name, entry in files.items():
        _check_file(folder / name, entry)
    return manifest


def _check_file(path: Path, entry: object) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
        raise BundleError(f"{path}: {MANIFEST} has no sha256 for it; {_AGAIN}")
    size = path.stat().st_size
    if size != entry.get("bytes"):
        raise BundleError(
            f"{path}: {size} bytes where {MANIFEST} says {entry.get('bytes')}; {_AGAIN}"
        )
    found = _sha256(path)
    if found != entry["sha256"]:
        raise BundleError(
            f"{path}: changed or damaged (sha256 {found[:16]}..., "
            f"{MANIFEST} says {entry['sha256'][:16]}...); {_AGAIN}"
        )


def _settings(path: Path) -> dict[str, Any]:
    settings = _json(path)
    for key, newest in (
        ("schema_version", SCHEMA_VERSION),
        ("normaliser_version", NORMALISER_VERSION),
    ):
        _check_version(path, key, settings.get(key), newest)
    for key, allowed in (_SETTINGS | _OPTIONAL).items():
        value = settings.get(key)
        if key in _OPTIONAL and key not in settings:
            continue
        if key not in settings or isinstance(value, bool) or not isinstance(value, allowed):
            raise _wrong(path, key, value, f"must be {_type_name(allowed)}")
    if unknown := sorted(settings.keys() - _SETTINGS.keys() - _OPTIONAL.keys()):
        raise _wrong(path, unknown[0], settings[unknown[0]], "is unknown")
    for key, names in (("classes", VERDICTS), ("kinds", KINDS)):
        if settings[key] != [name.value for name in names]:
            raise _wrong(path, key, settings[key], f"must be {[name.value for name in names]}")
    if not settings["languages"] or not all(isinstance(x, str) for x in settings["languages"]):
        raise _wrong(path, "languages", settings["languages"], "must be language codes")
    for key in ("temperature", "kind_temperature"):
        if not 0 < settings[key] < float("inf"):
            raise _wrong(path, key, settings[key], "must be over 0")
    for key in ("kind_threshold", "language_threshold"):
        if not 0 <= settings[key] <= 1:
            raise _wrong(path, key, settings[key], "must lie in [0, 1]")
    if settings["max_windows"] is not None and settings["max_windows"] < 1:
        raise _wrong(path, "max_windows", settings["max_windows"], "must be null or at least 1")
    if not 0 <= settings["stride"] < settings["max_tokens"] - 2:
        raise _wrong(path, "stride", settings["stride"], "must lie in [0, max_tokens - 2)")
    return settings


def _thresholds(path: Path, table: dict[str, Any]) -> Thresholds:
    try:
        return Thresholds(flag=table["flag"], review=table["review"])
    except (KeyError, TypeError, InputError) as problem:
        raise _wrong(path, "thresholds", table, "needs 0 < review <= flag <= 1") from problem


def _operating_points(path: Path, rows: list[Any]) -> tuple[OperatingPoint, ...]:
    try:
        return tuple(OperatingPoint(**row) for row in rows)
    except TypeError as problem:
        raise _wrong(
            path, "operating_points", rows, "each needs fpr, threshold, upper_bound, n, recall"
        ) from problem


def _known_answers(path: Path, rows: list[Any]) -> tuple[KnownAnswer, ...]:
    try:
        answers = tuple(KnownAnswer(**row) for row in rows)
    except TypeError as problem:
        raise _wrong(
            path, "known_answers", rows, "each needs text and scam_probability"
        ) from problem
    for answer in answers:
        probability = answer.scam_probability
        if not isinstance(answer.text, str) or not isinstance(probability, _NUMBER):
            raise _wrong(path, "known_answers", rows, "each needs a text and a number")
    return answers


def _check_config(path: Path) -> None:
    names = _json(path).get("id2label")
    expected = {str(place): verdict.value for place, verdict in enumerate(VERDICTS)}
    if names != expected:
        raise _wrong(path, "id2label", names, f"must be {expected}")


def _check_model(path: Path) -> None:
    try:
        external = has_external_data(path.read_bytes())
    except (ValueError, RecursionError) as problem:
        raise BundleError(f"{path}: not an ONNX file ({problem}); {_AGAIN}") from problem
    if external:
        raise BundleError(
            f"{path}: keeps weights in other files (ONNX external data); "
            "export it as one file with the weights inside"
        )


def _check_version(path: Path, key: str, value: object, newest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _wrong(path, key, value, "must be a whole number from 1")
    if value > newest:
        raise BundleError(
            f"{path}: {key} {value} is newer than this scamdetect knows ({newest}); "
            "run: pip install -U scamdetect"
        )


def _wrong(path: Path, key: str, value: object, rule: str) -> BundleError:
    seen = repr(value)
    short = seen if len(seen) <= 80 else f"{seen[:77]}..."
    return BundleError(f"{path}: {key!r} {rule}; found {short}; {_AGAIN}")


def _type_name(allowed: type | tuple[type, ...]) -> str:
    kinds = allowed if isinstance(allowed, tuple) else (allowed,)
    return " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as problem:
        raise BundleError(f"{path}: missing; {_AGAIN}") from problem
    except (OSError, ValueError, RecursionError) as problem:
        raise BundleError(f"{path}: not readable as JSON ({problem}); {_AGAIN}") from problem
    if not isinstance(value, dict):
        raise BundleError(f"{path}: must hold one JSON object; {_AGAIN}")
    return value


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(files: Mapping[str, Mapping[str, Any]]) -> str:
    lines = "".join(f"{name} {files[name]['sha256']}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()[:8]
