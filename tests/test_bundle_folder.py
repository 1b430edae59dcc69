"""Every way in which a bundle can be broken is named, with the file and a cure."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest
from tiny_bundle import CLEARING, write_tiny_bundle
from wire import OVER_32_BITS, block, number

from scamdetect.bundle import bundle as bundles
from scamdetect.bundle.bundle import Bundle, default_bundle_path, write_manifest
from scamdetect.bundle.scorer import Scorer
from scamdetect.errors import BundleError

GRAPH, INITIALIZER, EXTERNAL_DATA, DATA_LOCATION = 7, 5, 13, 14  # field numbers of onnx.proto
NOWHERE = CLEARING | {"proven": True, "tensor": "nowhere"}
POINT = {"fpr": 0.1, "threshold": 0.5, "upper_bound": 0.2, "n": 90, "recall": None}


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def edit(path: Path, **entries: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def refused(folder: Path, file: str, reason: str) -> None:
    with pytest.raises(BundleError) as caught:
        Bundle.load(folder)
    message = str(caught.value)
    assert str(folder / file) in message and reason in message


def test_settings_are_typed(tmp_path: Path) -> None:
    folder = write_tiny_bundle(
        tmp_path / "bundle",
        scam_curve=[[-1, -2], [1, 2]],
        language_calibration={"th": [1, -0.5]},
        kind_thresholds={"romance": {"f1": 0.2, "precision": None}},
        calibration_rows={"languages": {"th": [300, 40]}, "kinds": {"romance": 30}},
        operating_points=[POINT, POINT | {"lang": "th"}],
    )
    loaded = Bundle.load(str(folder))
    assert re.fullmatch(r"scamdetect-tiny@0\.0\.1\+[0-9a-f]{8}", loaded.model_id)
    assert loaded.training == {"recipe": "tests/tiny_bundle.py"}
    assert loaded.scam_curve == ((-1.0, -2.0), (1.0, 2.0))
    assert loaded.language_calibration["th"].bias == -0.5
    assert loaded.kind_thresholds["romance"].f1 == 0.2  # type: ignore[index]
    assert loaded.calibration_rows.languages == {"th": (300, 40)}
    assert [point.lang for point in loaded.operating_points] == [None, "th"]


def test_the_model_id_covers_every_file_but_the_card(copy: Path) -> None:
    before = Bundle.load(copy)
    (copy / "README.md").write_text("# Another card\n")
    refused(copy, "README.md", "bytes in manifest.json")
    write_manifest(copy, {})
    assert Bundle.load(copy).model_id == before.model_id
    edit(copy / "config.json", more=1)
    write_manifest(copy, {})
    assert Bundle.load(copy).model_id != before.model_id


@pytest.mark.parametrize("file", [*bundles.FILES, "manifest.json"])
def test_a_missing_cut_or_changed_file_is_named(copy: Path, file: str) -> None:
    content = (copy / file).read_bytes()
    (copy / file).unlink()
    refused(copy, file, "missing")
    if file != "manifest.json":
        (copy / file).write_bytes(content[:-5])
        refused(copy, file, "bytes in manifest.json")
        (copy / file).write_bytes(content[:-1] + b"?")
        refused(copy, file, "changed or damaged")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("weights.pkl", "pickles"),
        ("pytorch_model.bin", "pickles"),
        ("model.PT", "pickles"),
        ("run.py", "not allowed in a bundle"),
        ("notes.md", "not listed in manifest.json"),
    ],
)
def test_a_foreign_file_is_refused(copy: Path, file: str, reason: str) -> None:
    (copy / file).write_bytes(b"\x80\x04.")
    refused(copy, file, reason)


def test_hidden_files_are_ignored_and_links_refused(copy: Path, tmp_path: Path) -> None:
    (copy / ".gitattributes").write_text("*.onnx filter=lfs\n")
    assert Bundle.load(copy).name == "scamdetect-tiny"
    (copy / "sub.onnx").mkdir()
    refused(copy, "sub.onnx", "plain files")
    (copy / "sub.onnx").rmdir()
    (copy / "model.onnx").rename(tmp_path / "elsewhere.onnx")
    (copy / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    refused(copy, "model.onnx", "no links")


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/hosts", "..", "a\\b.json", "sub/x.json"])
def test_a_path_outside_the_folder_is_refused(copy: Path, name: str) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    refused(copy, "manifest.json", "files")


@pytest.mark.parametrize("content", [b"\x80\x04.", b"[]", b"{", b"\xff\xfe{}", b"[" * 10**5])
def test_an_unreadable_manifest_is_refused(copy: Path, content: bytes) -> None:
    (copy / "manifest.json").write_bytes(content)
    refused(copy, "manifest.json", "get or export")


def test_other_versions_are_named(copy: Path) -> None:
    for file, key, version, reason in (
        ("manifest.json", "schema_version", 3, "pip install -U scamdetect"),
        ("manifest.json", "schema_version", 1, "older than this scamdetect"),
        ("scamdetect.json", "schema_version", 2, "newer"),
        ("scamdetect.json", "normaliser_version", 99, "newer"),
        ("scamdetect.json", "normaliser_version", 2, "older"),
    ):
        before = json.loads((copy / file).read_text())
        edit(copy / file, **{key: version, "of_that_version": True})
        if file != "manifest.json":
            write_manifest(copy, {})
        refused(copy, file, f"{key} {version} is")
        refused(copy, file, reason)
        edit(copy / file, **before)
        (copy / file).write_text(json.dumps(before))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("normaliser_version", None),
        ("classes", ["scam", "spam", "legit"]),
        ("kinds", []),
        ("languages", []),
        ("languages", ["ar", "en", "ru", "th", "en"]),
        ("languages", ["ar", "en", "ru", "th", "\u202e"]),
        ("name", "tiny\x1b[2J"),
        ("version", ""),
        ("max_tokens", "256"),
        ("max_tokens", True),
        ("max_windows", 0),
        ("stride", 30),
        ("temperature", 0),
        ("kind_threshold", 1.5),
        ("thresholds", {"flag": 0.5, "review": 0.6}),
        ("thresholds", {"flag": 0.5}),
        ("thresholds_fpr", {"flag": 2.0}),
        ("thresholds_fpr", {"pass": 0.1}),
        ("operating_points", [POINT | {"threshold": 1.5}]),
        ("operating_points", [POINT | {"kind": "weather"}]),
        ("operating_points", [POINT, POINT | {"threshold": 0.6}]),
        ("scam_curve", [[0, 1, 2]]),
        ("language_calibration", {"xx": [1.0, 0.0]}),
        ("language_calibration", {"th": [0.0, 0.0]}),
        ("language_calibration", {"th": [10**400, 0.0]}),
        ("words", {"encoder": 1.0, "words": 1.0}),
        ("words", {"encoder": 1.0, "words": -1.0, "bias": 0.0}),
        ("words", {"encoder": 1.0, "words": 1e308, "bias": 0.0}),
        ("kind_thresholds", {"weather": {"f1": 0.1, "precision": None}}),
        ("kind_thresholds", {"romance": {"f1": 2, "precision": None}}),
        ("calibration_rows", {"kinds": {"weather": 3}}),
        ("known_answers", [{"text": "hello"}]),
        ("cascade", CLEARING | {"proven": 1}),
        ("cascade", CLEARING | {"proven": True, "spam_share": 2}),
        ("cascade", CLEARING | {"proven": True, "exit_scaling": [0, 1]}),
        ("cascade", CLEARING | {"proven": True, "more": 1}),
        ("colour", "red"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, key: str, value: object) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", **{key: value})
    refused(folder, "scamdetect.json", key)


@pytest.mark.parametrize(
    ("file", "entries"),
    [
        ("scamdetect.json", {"scam_curve": [[0, 1], [1, 0]]}),
        ("scamdetect.json", {"known_answers": [{"text": "\ud800", "scam_probability": 0.5}]}),
        ("scamdetect.json", {"kind_temperature": float("nan")}),
        ("config.json", {"model_type": "\ud800"}),
        ("config.json", {"id2label": {"0": "scam", "1": "spam", "2": "legit"}}),
    ],
)
def test_other_wrong_content_is_refused(copy: Path, file: str, entries: dict[str, object]) -> None:
    edit(copy / file, **entries)
    write_manifest(copy, {})
    refused(copy, file, "get or export the bundle again")


@pytest.mark.parametrize(
    "hide",
    [
        lambda entry: block(EXTERNAL_DATA, entry) + number(DATA_LOCATION, 1),
        lambda entry: (
            block(EXTERNAL_DATA, entry, over=OVER_32_BITS)
            + number(DATA_LOCATION, 1, over=OVER_32_BITS)
        ),
        lambda entry: (
            block(EXTERNAL_DATA, entry, over=OVER_32_BITS) + number(DATA_LOCATION, 1 + OVER_32_BITS)
        ),
        lambda entry: block(EXTERNAL_DATA, entry, length=5) + number(DATA_LOCATION, 1, length=5),
    ],
    ids=["plain", "keys over 32 bits", "an enum over 32 bits", "long keys"],
)
def test_weights_in_another_file_are_refused(copy: Path, hide: Callable[[bytes], bytes]) -> None:
    model = onnx.load(str(copy / "model.onnx"))
    table = model.graph.initializer.pop(0)
    (copy / ".hidden").write_bytes(table.raw_data)
    table.ClearField("raw_data")
    entry = onnx.StringStringEntryProto(key="location", value=".hidden").SerializeToString()
    tensor = table.SerializeToString() + hide(entry)
    graph = block(INITIALIZER, tensor) + model.graph.SerializeToString()
    model.ClearField("graph")
    (copy / "model.onnx").write_bytes(model.SerializeToString() + block(GRAPH, graph))
    write_manifest(copy, {})
    # Why the check exists: given a path, the runtime loads these weights.
    assert ort.InferenceSession(str(copy / "model.onnx")).get_outputs()
    refused(copy, "model.onnx", "ONNX")


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("model.onnx", b"\x80\x04\x95 not a graph", "not an ONNX file"),
        ("model.onnx", b"", "model.onnx: "),
        ("tokenizer.json", b"{}", "not a tokenizer"),
        ("cascade.arrow", b"ARROW1\x00\x00 cut", "not a valid table"),
        ("words.arrow", b"", "not a valid table"),
    ],
)
def test_a_listed_file_of_the_wrong_kind_is_named(
    tmp_path: Path, file: str, content: bytes, reason: str
) -> None:
    folder = tmp_path / "bundle"
    if file == "words.arrow":
        folder.mkdir()
        (folder / file).write_bytes(content)
        write_tiny_bundle(folder, words={"encoder": 1.0, "words": 0.0, "bias": 0.0})
    else:
        write_tiny_bundle(folder, proven=True)
    (folder / file).write_bytes(content)
    write_manifest(folder, {})
    with pytest.raises(BundleError, match=reason) as caught:
        Scorer(Bundle.load(folder))
    assert file in str(caught.value)


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "cascade.arrow"])
def test_a_file_that_changes_after_loading_is_not_read(tmp_path: Path, file: str) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path / "bundle", proven=True))
    path = bundle.folder / file
    assert bundle.read(file) == path.read_bytes()
    path.write_bytes(path.read_bytes() + b"\n")
    write_manifest(bundle.folder, {})
    with pytest.raises(BundleError, match=f"{file}: changed since"):
        Scorer(bundle)
    path.unlink()
    with pytest.raises(BundleError, match="missing"):
        bundle.read(file)
    with pytest.raises(BundleError, match="not a file of the bundle"):
        bundle.read("../secret.json")


def test_a_rule_needs_its_file(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True)
    (folder / "cascade.arrow").unlink()
    write_manifest(folder, {})
    with pytest.raises(BundleError, match=r"cascade\.arrow and its entry"):
        Bundle.load(folder)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"languages": ["ar", "en"]}, "language_logits"),
        ({"prefix": "message " * 20}, "no room"),
        (
            {"proven": True, "cascade": CLEARING | {"proven": True, "tensor": "no"}},
            "cannot be split",
        ),
    ],
)
def test_settings_that_do_not_fit_the_graph_are_refused(
    tmp_path: Path, settings: dict[str, object], reason: str
) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", **settings)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=reason):
        Scorer(Bundle.load(folder))


def test_an_unreadable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    for name in ("nowhere", "x" * 5000, "\ud800", "a\0b", "round"):
        with pytest.raises(BundleError, match=r"folder not found|cannot be read"):
            Bundle.load(tmp_path / name)


@pytest.mark.parametrize("parts", [("scamdetect", "_bundles"), ("models",)])
def test_the_shipped_bundle_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: tuple[str, ...]
) -> None:
    module = tmp_path / "scamdetect" / "bundle" / "bundle.py"
    monkeypatch.setattr(bundles, "__file__", str(module))
    with pytest.raises(BundleError, match="no shipped bundle"):
        default_bundle_path()
    folder = tmp_path.joinpath(*parts, "scamdetect-small")
    folder.mkdir(parents=True)
    assert default_bundle_path() == folder
