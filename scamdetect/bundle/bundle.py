"""The model bundle: a folder whose manifest lists and hashes every file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from scamdetect.bundle.cascade import CascadeRule
from scamdetect.bundle.graph import has_external_data
from scamdetect.bundle.lexical import Join
from scamdetect.bundle.settings import (
    AGAIN,
    KnownAnswer,
    check_version,
    json_object,
    read_settings,
    read_whole,
    wrong,
)
from scamdetect.calibration.operating_points import CalibrationRows, OperatingPoint
from scamdetect.calibration.probabilities import Curve, Scaling
from scamdetect.calibration.thresholds import KindThresholds, Thresholds
from scamdetect.conversation.rule import ConversationRule
from scamdetect.errors import BundleError
from scamdetect.labels import VERDICTS, Kind
from scamdetect.system.files import file_sha256, write_text
from scamdetect.system.os_errors import files_read, no_folder, unreadable

MANIFEST, SETTINGS, CONFIG = "manifest.json", "scamdetect.json", "config.json"
TOKENIZER, MODEL, CARD = "tokenizer.json", "model.onnx", "README.md"
CASCADE, WORDS = "cascade.arrow", "words.arrow"
OPTIONAL = (CASCADE, WORDS)  # optional in a bundle
FILES = (CONFIG, TOKENIZER, MODEL, SETTINGS, CARD)
# Version of the manifest: in 1 the id covers the card, in 2 it does not. An older program would
# compute another id for 2, so it must refuse it.
MANIFEST_VERSION = 2

_EXTENSIONS = {".json", ".onnx", ".md", ".arrow"}
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npy", ".npz", ".ckpt", ".dill"}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle: its folder and its settings."""

    folder: Path
    sha256: Mapping[str, str]  # of every file by name, including the manifest
    manifest_version: int
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
    scam_curve: Curve
    language_calibration: Mapping[str, tuple[float, float]]  # temperature and bias after the curve
    own_scaling: Scaling  # after the language: probabilities recalibrated on a team's own messages
    kind_temperature: float
    kind_threshold: float
    kind_thresholds: Mapping[Kind, KindThresholds]
    language_threshold: float
    thresholds: Thresholds
    thresholds_fpr: Mapping[str, float]  # rates at which flag and review were set, if known
    operating_points: tuple[OperatingPoint, ...]
    calibration_rows: CalibrationRows
    known_answers: tuple[KnownAnswer, ...]
    cascade: CascadeRule | None  # if the bundle has one
    conversation: ConversationRule | None  # if one was fitted
    join: Join | None  # of the encoder and the words, if the bundle has words
    training: Mapping[str, Any]

    @classmethod
    @files_read(BundleError)
    def load(cls, path: str | os.PathLike[str] | None = None) -> Bundle:
        """Load the bundle in a folder (by default the shipped one) and verify every file.

        Raises BundleError, with the file and the fix, for any file that is missing, changed,
        unlisted, executable (pickles), a link, outside the folder or made for a newer scamdetect.
        """
        folder = default_bundle_path() if path is None else Path(path)
        present = _listed(folder)
        content = read_whole(folder / MANIFEST)
        manifest = manifest_of(folder / MANIFEST, content)
        settings = _verified_settings(folder, present, manifest["files"])
        name, version = settings["name"], settings["version"]
        files = {file: entry["sha256"] for file, entry in manifest["files"].items()}
        covered = _covered_by_id(files, manifest["schema_version"])
        return cls(
            folder=folder,
            sha256=files | {MANIFEST: sha256(content).hexdigest()},
            manifest_version=manifest["schema_version"],
            model_id=f"{name}@{version}+{fingerprint(covered)}",
            name=name,
            version=version,
            languages=tuple(settings["languages"]),
            prefix=settings["prefix"],
            normaliser_version=settings["normaliser_version"],
            max_tokens=settings["max_tokens"],
            stride=settings["stride"],
            max_windows=settings["max_windows"],
            temperature=float(settings["temperature"]),
            scam_curve=settings["scam_curve"],
            language_calibration=settings["language_calibration"],
            own_scaling=settings["own_scaling"],
            kind_temperature=float(settings["kind_temperature"]),
            kind_threshold=float(settings["kind_threshold"]),
            kind_thresholds=settings["kind_thresholds"],
            language_threshold=float(settings["language_threshold"]),
            thresholds=settings["thresholds"],
            thresholds_fpr=settings["thresholds_fpr"],
            operating_points=settings["operating_points"],
            calibration_rows=settings["calibration_rows"],
            known_answers=settings["known_answers"],
            cascade=_with_file(folder, settings, "cascade", CASCADE, files),
            conversation=settings["conversation"],
            join=_with_file(folder, settings, "words", WORDS, files),
            training=manifest["training"],
        )

    def read(self, name: str) -> bytes:
        """Return the content of a file of the bundle, exactly as it was verified.

        Raises BundleError if the file has changed or is not part of the bundle.
        """
        path = self.folder / name
        if name not in self.sha256:
            raise BundleError(f"{path}: not a file of the bundle {self.model_id}")
        content = read_whole(path)
        if sha256(content).hexdigest() != self.sha256[name]:
            raise BundleError(
                f"{path}: changed since the bundle was loaded; load it again or restore the "
                f"file of {self.model_id}"
            )
        return content


def _with_file(
    folder: Path, settings: Mapping[str, Any], key: str, name: str, files: Mapping[str, str]
) -> Any:  # noqa: ANN401
    """Return a setting that needs a file; raise BundleError if one of the two is missing."""
    if (settings[key] is None) == (name in files):
        raise BundleError(
            f"{folder}: {name} and {key!r} in {SETTINGS} require each other, but one is "
            f"missing; {AGAIN}"
        )
    return settings[key]


def default_bundle_path() -> Path:
    """Return the folder of the shipped bundle: in the installed package, else in the checkout.

    Raises BundleError if it is in neither.
    """
    package = Path(__file__).resolve().parent.parent
    places = (
        package / "_bundles" / "scamdetect-small",
        package.parent / "models" / "scamdetect-small",
    )
    for place in places:
        if place.is_dir():
            return place
    raise BundleError(
        f"no shipped bundle in {places[0]} or {places[1]}; install scamdetect again or pass a "
        "bundle folder"
    )


def write_manifest(
    folder: Path, training: Mapping[str, Any], version: int = MANIFEST_VERSION
) -> Path:
    """Write ``manifest.json`` for the other files of the bundle and return its path.

    ``training`` is a free-form record of how the bundle was made (JSON types). ``version`` sets
    which files the id covers; pass the bundle's own to keep its id. Raises BundleError if a file is
    missing or not allowed in a bundle.
    """
    names = _listed(folder)
    for name in FILES:
        if name not in names:
            raise BundleError(f"{folder / name}: missing; write it before the manifest")
    files = {
        name: {"sha256": file_sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in sorted(names)
    }
    manifest = {"schema_version": version, "files": files, "training": dict(training)}
    target = folder / MANIFEST
    write_text(target, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return target


def _listed(folder: Path) -> set[str]:
    """Return the names of the bundle's files except the manifest; never open hidden files."""
    try:
        if not folder.is_dir():
            raise no_folder(folder, error=BundleError, cure="pass a bundle folder")
        entries = sorted(folder.iterdir())
    except OSError as problem:
        raise unreadable(
            folder, problem, error=BundleError, cure="pass a bundle folder"
        ) from problem
    names = set()
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() or not entry.is_file():
            raise BundleError(
                f"{entry}: a bundle contains only plain files, no links or folders; copy the "
                "file itself there or remove it"
            )
        if entry.suffix.lower() in _PICKLES:
            raise BundleError(
                f"{entry}: pickles and raw weights can run code and are never loaded; remove "
                "the file and ship the weights as model.onnx"
            )
        if entry.suffix.lower() not in _EXTENSIONS:
            allowed = ", ".join(sorted(_EXTENSIONS))
            raise BundleError(f"{entry}: not allowed in a bundle ({allowed}); remove it")
        if entry.name != MANIFEST:
            names.add(entry.name)
    return names


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest if all its files are inside the folder; their contents are not read.

    Raises BundleError, with the entry and the fix.
    """
    return manifest_of(path, read_whole(path))


def manifest_of(path: Path, content: bytes) -> dict[str, Any]:
    """Return the manifest in the content of a file; raise as ``read_manifest`` does."""
    manifest = json_object(path, content)
    check_version(path, "schema_version", manifest.get("schema_version"), MANIFEST_VERSION)
    files = manifest.get("files")
    if not isinstance(files, dict) or not isinstance(manifest.get("training"), dict):
        raise BundleError(f"{path}: 'files' and 'training' must be tables; {AGAIN}")
    for name in files:
        pure = PurePosixPath(name)
        if len(pure.parts) != 1 or name == ".." or "\\" in name or ":" in name:
            raise BundleError(f"{path}: lists {name!r}, outside the folder; {AGAIN}")
    return manifest


def _verified_settings(
    folder: Path, present: set[str], files: Mapping[str, object]
) -> dict[str, Any]:
    """Return the settings after reading and checking every file once."""
    for name in (*FILES, *files):
        if name not in present:
            raise BundleError(f"{folder / name}: missing; {AGAIN}")
    for name in (*FILES, *sorted(present)):
        if name not in files:
            raise BundleError(f"{folder / name}: not listed in {MANIFEST}; remove it or {AGAIN}")
    for name in files:
        if name not in (SETTINGS, CONFIG, MODEL):
            _verified(folder / name, files[name])
    settings = _verified(folder / SETTINGS, files[SETTINGS])
    config = _verified(folder / CONFIG, files[CONFIG])
    graph = _verified(folder / MODEL, files[MODEL])
    read = read_settings(folder / SETTINGS, settings)
    _check_config(folder / CONFIG, config)
    _check_model(folder / MODEL, graph)
    return read


def _verified(path: Path, entry: object) -> bytes:
    """Return the content of a file; raise BundleError if it does not match the manifest."""
    listed = entry if isinstance(entry, dict) else {}
    expected, size = listed.get("sha256"), listed.get("bytes")
    if not isinstance(expected, str) or not isinstance(size, int):
        raise BundleError(f"{path}: {MANIFEST} lacks its sha256 and bytes; {AGAIN}")
    content = read_whole(path, size)
    found = sha256(content).hexdigest()
    if found != expected:
        raise BundleError(
            f"{path}: changed or damaged (sha256 {found[:16]}..., expected {expected[:16]}... "
            f"from {MANIFEST}); {AGAIN}"
        )
    return content


def _check_config(path: Path, content: bytes) -> None:
    names = json_object(path, content).get("id2label")
    expected = {str(place): verdict.value for place, verdict in enumerate(VERDICTS)}
    if names != expected:
        raise wrong(path, "id2label", names, f"must be {expected}")


def _check_model(path: Path, graph: bytes) -> None:
    try:
        external = has_external_data(graph)
    except ValueError as problem:
        raise BundleError(f"{path}: not an ONNX file ({problem}); {AGAIN}") from problem
    if external:
        raise BundleError(
            f"{path}: stores weights in other files (ONNX external data); export it as a single "
            "file"
        )


def trained_sources(training: Mapping[str, Any]) -> frozenset[str]:
    """Return the sources of the training rows from a manifest's training record."""
    return frozenset(str(entry["source"]) for entry in training.get("sources", ()))


def _covered_by_id(files: Mapping[str, str], manifest_version: int) -> dict[str, str]:
    """Return the sha256 of the files that a bundle's id covers, given those of all files."""
    without = {MANIFEST} if manifest_version == 1 else {MANIFEST, CARD}
    return {name: digest for name, digest in files.items() if name not in without}


def fingerprint(covered: Mapping[str, str]) -> str:
    """Return the last part of a model id from the sha256 of the files that it covers, by name."""
    lines = "".join(f"{name} {covered[name]}\n" for name in sorted(covered))
    return sha256(lines.encode()).hexdigest()[:8]
