"""The model bundle: a folder whose manifest lists and hashes every file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec

from scamdetect.bundle.graph import has_external_data
from scamdetect.bundle.settings import AGAIN, Settings, check_version, decode, read_settings
from scamdetect.errors import BundleError
from scamdetect.labels import VERDICTS
from scamdetect.system.files import file_sha256, read_bytes, write_text
from scamdetect.system.os_errors import no_folder, unreadable

MANIFEST, SETTINGS, CONFIG = "manifest.json", "scamdetect.json", "config.json"
TOKENIZER, MODEL, CARD = "tokenizer.json", "model.onnx", "README.md"
CASCADE, NGRAMS = "cascade.arrow", "words.arrow"
FILES = (CONFIG, TOKENIZER, MODEL, SETTINGS, CARD)  # the other two are optional
MANIFEST_VERSION = 2

_EXTENSIONS = {".json", ".onnx", ".md", ".arrow"}
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npy", ".npz", ".ckpt", ".dill"}
_Name = Annotated[str, msgspec.Meta(pattern=r"^(?!\.)[^/\\:]+$")]


class _File(msgspec.Struct, frozen=True, rename={"size": "bytes"}):
    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of ``manifest.json``; ``training`` records how the bundle was made."""

    schema_version: int
    files: dict[_Name, _File]
    training: dict[str, Any]


class Bundle(Settings, frozen=True, kw_only=True):
    """A verified bundle: its folder, the sha256 of its files by name, and its settings."""

    folder: Path
    sha256: Mapping[str, str]
    model_id: str
    training: Mapping[str, Any]

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Bundle:
        """Load the bundle in a folder (by default the shipped one) and verify every file.

        Raises BundleError, with the file and the fix, for any file that is missing, changed,
        unlisted, executable (pickles), a link, outside the folder or made for another scamdetect.
        """
        folder = default_bundle_path() if path is None else Path(path)
        names = _file_names(folder)
        content = _read(folder / MANIFEST)
        manifest = read_manifest(folder / MANIFEST, content)
        for name in sorted({*FILES, *manifest.files} - names):
            raise BundleError(f"{folder / name}: missing; {AGAIN}")
        for name in sorted({*FILES, *names} - manifest.files.keys()):
            raise BundleError(f"{folder / name}: not listed in {MANIFEST}; remove it or {AGAIN}")
        digests = {name: file.sha256 for name, file in manifest.files.items()}
        for name, file in manifest.files.items():
            if name not in (SETTINGS, CONFIG, MODEL):
                _read(folder / name, file)
        settings_json = _read(folder / SETTINGS, manifest.files[SETTINGS])
        config = _read(folder / CONFIG, manifest.files[CONFIG])
        _check_model(folder / MODEL, _read(folder / MODEL, manifest.files[MODEL]))
        settings = read_settings(folder / SETTINGS, settings_json)
        labels = {str(index): verdict.value for index, verdict in enumerate(VERDICTS)}
        if decode(folder / CONFIG, config, dict[str, Any]).get("id2label") != labels:
            raise BundleError(f"{folder / CONFIG}: id2label must be {labels}; {AGAIN}")
        for part, name in ((settings.cascade, CASCADE), (settings.join, NGRAMS)):
            if (part is None) == (name in digests):
                raise BundleError(
                    f"{folder}: {name} and its entry in {SETTINGS} require each other, but one is "
                    f"missing; {AGAIN}"
                )
        covered = {name: digest for name, digest in digests.items() if name != CARD}
        return cls(
            **msgspec.structs.asdict(settings),
            folder=folder,
            sha256=digests | {MANIFEST: sha256(content).hexdigest()},
            model_id=f"{settings.name}@{settings.version}+{fingerprint(covered)}",
            training=manifest.training,
        )

    def read(self, name: str) -> bytes:
        """Return the content of a file of the bundle, exactly as it was verified.

        Raises BundleError if the file has changed or is not part of the bundle.
        """
        path = self.folder / name
        if name not in self.sha256:
            raise BundleError(f"{path}: not a file of the bundle {self.model_id}")
        content = _read(path)
        if sha256(content).hexdigest() != self.sha256[name]:
            raise BundleError(
                f"{path}: changed since the bundle was loaded; load it again or restore the "
                f"file of {self.model_id}"
            )
        return content


def default_bundle_path() -> Path:
    """Return the folder of the shipped bundle: in the installed package, else in the checkout.

    Raises BundleError if it is in neither.
    """
    package = Path(__file__).resolve().parent.parent
    paths = (package / "_bundles" / "scamdetect-small",
             package.parent / "models" / "scamdetect-small")  # fmt: skip
    for path in paths:
        if path.is_dir():
            return path
    raise BundleError(
        f"no shipped bundle in {paths[0]} or {paths[1]}; install scamdetect again or pass a "
        "bundle folder"
    )


def write_manifest(folder: Path, training: Mapping[str, Any]) -> Path:
    """Write ``manifest.json`` for the other files of the bundle and return its path.

    ``training`` is a free-form record of how the bundle was made (JSON types). Raises BundleError
    if a file is missing or not allowed in a bundle.
    """
    names = _file_names(folder)
    for name in sorted({*FILES} - names):
        raise BundleError(f"{folder / name}: missing; write it before the manifest")
    files = {
        name: {"sha256": file_sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in sorted(names)
    }
    manifest = {"schema_version": MANIFEST_VERSION, "files": files, "training": dict(training)}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return folder / MANIFEST


def read_manifest(path: Path, content: bytes | None = None) -> Manifest:
    """Return the manifest in a file, or in its content; the listed files are not read.

    Raises BundleError, with the entry and the fix.
    """
    content = _read(path) if content is None else content
    version = decode(path, content, dict[str, Any]).get("schema_version")
    if isinstance(version, int):
        check_version(path, "schema_version", version, MANIFEST_VERSION)
    return decode(path, content, Manifest)


def fingerprint(covered: Mapping[str, str]) -> str:
    """Return the last part of a model id from the sha256 of the files that it covers, by name."""
    lines = "".join(f"{name} {covered[name]}\n" for name in sorted(covered))
    return sha256(lines.encode()).hexdigest()[:8]


def trained_sources(training: Mapping[str, Any]) -> frozenset[str]:
    """Return the sources of the training rows from a manifest's training record."""
    return frozenset(str(entry["source"]) for entry in training.get("sources", ()))


def _file_names(folder: Path) -> set[str]:
    """Return the names of the bundle's files except the manifest; never open hidden files."""
    try:
        if not folder.is_dir():
            raise no_folder(folder, error=BundleError, cure="pass a bundle folder")
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as problem:
        raise unreadable(folder, problem, error=BundleError) from problem
    for entry in entries:
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
    return {entry.name for entry in entries} - {MANIFEST}


def _read(path: Path, listed: _File | None = None) -> bytes:
    """Return the content of a file; raise BundleError if it does not match the manifest."""
    try:
        if listed is not None and path.stat().st_size != listed.size:
            raise BundleError(f"{path}: is not of the {listed.size} bytes in {MANIFEST}; {AGAIN}")
        content = read_bytes(path)
    except FileNotFoundError as problem:
        raise BundleError(f"{path}: missing; {AGAIN}") from problem
    except OSError as problem:
        raise unreadable(path, problem, error=BundleError) from problem
    if listed is not None and sha256(content).hexdigest() != listed.sha256:
        raise BundleError(
            f"{path}: changed or damaged (its sha256 is not that in {MANIFEST}); {AGAIN}"
        )
    return content


def _check_model(path: Path, graph: bytes) -> None:
    try:
        external = has_external_data(graph)
    except ValueError as problem:
        raise BundleError(f"{path}: not an ONNX file ({problem}); {AGAIN}") from problem
    if external:
        raise BundleError(
            f"{path}: stores weights in other files (ONNX external data); export it as one file"
        )
