"""Every way in which a bundle can be broken is named, with the file and a cure."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper
from tiny_bundle import write_tiny_bundle
from wire import OVER_32_BITS, block, number

from scamdetect.bundle import bundle as bundles
from scamdetect.bundle.bundle import Bundle, default_bundle_path, fingerprint, write_manifest
from scamdetect.bundle.scoring import Scorer
from scamdetect.errors import BundleError

GRAPH, INITIALIZER, EXTERNAL_DATA, DATA_LOCATION = 7, 5, 13, 14  # field numbers of onnx.proto
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


def test_a_good_bundle_loads(tiny_bundle: Path) -> None:
    loaded = Bundle.load(str(tiny_bundle))
    assert loaded.model_id.startswith("scamdetect-tiny@0.0.1+")
    assert re.fullmatch(r"[0-9a-f]{8}", loaded.model_id.partition("+")[2])
    assert loaded.operating_points[0].fpr == 0.005
    assert loaded.training == {"recipe": "tests/tiny_bundle.py"}


def test_calibration_is_optional_and_read(tiny_bundle: Path, tmp_path: Path) -> None:
    assert Bundle.load(tiny_bundle).scam_curve.knots == ()
    folder = write_tiny_bundle(
        tmp_path / "bundle",
        scam_curve=[[-1, -2], [1, 2]],
        language_calibration={"th": [1, -0.5]},
        kind_thresholds={"romance": {"f1": 0.2, "precision": None}},
        calibration_rows={"languages": {"th": [300, 40]}, "kinds": {"romance": 30}},
        operating_points=[POINT, POINT | {"lang": "th"}],
    )
    loaded = Bundle.load(folder)
    assert loaded.scam_curve.knots == ((-1.0, -2.0), (1.0, 2.0))
    assert loaded.language_calibration == {"th": (1.0, -0.5)}
    assert loaded.kind_thresholds["romance"].f1 == 0.2  # type: ignore[index]
    assert loaded.calibration_rows.languages == {"th": (300, 40)}
    assert [point.lang for point in loaded.operating_points] == [None, "th"]


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return two folders with other contents of each file that a bundle can have."""
    one, other = (tmp_path_factory.mktemp(name) for name in ("one", "other"))
    join = {"encoder": 1.0, "words": 0.0, "bias": 0.0}
    write_tiny_bundle(one, proven=True, words=join)
    for name in bundles.FILES:
        (other / name).write_bytes((one / name).read_bytes() + b"\n")
    graph = onnx.load(one / bundles.MODEL)
    graph.doc_string = "another"
    onnx.save(graph, other / bundles.MODEL)
    for name in (bundles.CASCADE, bundles.WORDS):  # verified on loading, parsed later
        (one / name).write_bytes(b"one")
        (other / name).write_bytes(b"another")
    return one, other


@given(changed=st.sets(st.sampled_from([*bundles.FILES, bundles.CASCADE, bundles.WORDS])))
def test_the_model_id_follows_every_file_but_the_card(
    variants: tuple[Path, Path], changed: set[str]
) -> None:
    one, other = variants

    def model_id(changed: set[str]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            for path in other.iterdir():
                source = other if path.name in changed else one
                shutil.copy(source / path.name, folder)
            write_manifest(Path(folder), {"changed": sorted(changed)})
            return Bundle.load(folder).model_id

    assert (model_id(changed) == model_id(set())) is (changed <= {bundles.CARD})


def test_a_new_card_needs_the_manifest_and_keeps_the_id(copy: Path) -> None:
    before = Bundle.load(copy)
    (copy / "README.md").write_text("# A tiny bundle for fests\n")
    refused(copy, "README.md", "changed or damaged")
    write_manifest(copy, {})
    after = Bundle.load(copy)
    assert after.model_id == before.model_id
    assert after.sha256["README.md"] != before.sha256["README.md"]


def test_an_id_of_the_first_schema_version_covers_the_card(copy: Path) -> None:
    now = Bundle.load(copy).model_id
    edit(copy / "manifest.json", schema_version=1)
    before = Bundle.load(copy)
    files = {name: sha for name, sha in before.sha256.items() if name != "manifest.json"}
    assert before.model_id.partition("+")[2] == fingerprint(files) != now.partition("+")[2]
    (copy / "README.md").write_text("# Another card\n")
    write_manifest(copy, {}, before.manifest_version)
    assert Bundle.load(copy).model_id not in (before.model_id, now)
    write_manifest(copy, {})
    assert Bundle.load(copy).model_id == now


@pytest.mark.parametrize("file", bundles.FILES)
def test_a_changed_byte_is_found(copy: Path, file: str) -> None:
    data = bytearray((copy / file).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / file).write_bytes(data)
    refused(copy, file, "changed or damaged")


@pytest.mark.parametrize("file", bundles.FILES)
def test_a_cut_file_is_found(copy: Path, file: str) -> None:
    (copy / file).write_bytes((copy / file).read_bytes()[:-5])
    refused(copy, file, "bytes, expected")


@pytest.mark.parametrize("file", [*bundles.FILES, "manifest.json"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    refused(copy, file, "missing")


def test_a_file_that_the_system_does_not_read_is_named(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr("scamdetect.bundle.settings.read_bytes", broken)
    refused(copy, "manifest.json", "cannot be read")


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


def test_a_listed_pickle_is_refused_too(copy: Path) -> None:
    (copy / "weights.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(BundleError, match="pickles"):
        write_manifest(copy, {})


def test_hidden_files_are_left_alone(copy: Path) -> None:
    (copy / ".gitattributes").write_text("*.onnx filter=lfs\n")
    assert Bundle.load(copy).name == "scamdetect-tiny"


def test_a_link_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "model.onnx").rename(tmp_path / "elsewhere.onnx")
    (copy / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    refused(copy, "model.onnx", "no links")


def test_a_folder_inside_is_refused(copy: Path) -> None:
    (copy / "sub.onnx").mkdir()
    refused(copy, "sub.onnx", "plain files")


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/hosts", "..", "a\\b.json", "sub/x.json"])
def test_a_path_outside_the_folder_is_refused(copy: Path, name: str) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    refused(copy, "manifest.json", "outside the folder")


def test_a_newer_manifest_is_refused(copy: Path) -> None:
    edit(copy / "manifest.json", schema_version=3)
    refused(copy, "manifest.json", "pip install -U scamdetect")


@pytest.mark.parametrize("content", [b"\x80\x04.", b"[]", b"{", b"\xff\xfe{}", b"[" * 10**5])
def test_an_unreadable_manifest_is_refused(copy: Path, content: bytes) -> None:
    (copy / "manifest.json").write_bytes(content)
    refused(copy, "manifest.json", "JSON")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("schema_version", 2, "newer"),
        ("normaliser_version", 99, "newer"),
        ("normaliser_version", None, "integer"),
        ("classes", ["scam", "spam", "legit"], "must be"),
        ("kinds", [], "must be"),
        ("languages", [], "language codes"),
        ("max_tokens", "256", "must be int"),
        ("max_tokens", True, "must be int"),
        ("max_windows", 0, "at least 1"),
        ("stride", 30, "max_tokens"),
        ("temperature", 0, "over 0"),
        ("kind_threshold", 1.5, "[0, 1]"),
        ("thresholds", {"flag": 0.5, "review": 0.6}, "review <= flag"),
        ("thresholds", {"flag": 0.5}, "review <= flag"),
        ("thresholds_fpr", {"flag": 2.0}, "in [0, 1]"),
        ("thresholds_fpr", {"pass": 0.1}, "only flag and review"),
        ("operating_points", [{"fpr": 0.1}], "upper_bound"),
        ("operating_points", [POINT | {"threshold": 1.5}], "in [0, 1]"),
        ("operating_points", [POINT | {"n": "many"}], "needs numbers"),
        ("operating_points", [POINT | {"kind": "weather"}], "unknown kind"),
        ("operating_points", [POINT | {"lang": 3}], "text or null"),
        ("operating_points", [POINT, POINT | {"threshold": 0.6}], "twice"),
        ("languages", ["ar", "en", "ru", "th", "en"], "twice"),
        ("scam_curve", [[0, 1], [1, 0]], "increase in both columns"),
        ("scam_curve", [[0, 1, 2]], "pairs of numbers"),
        ("language_calibration", {"xx": [1.0, 0.0]}, "not in 'languages'"),
        ("language_calibration", {"th": [0.0, 0.0]}, "temperature over 0"),
        ("language_calibration", {"th": [1.0]}, "'th'"),
        ("language_calibration", {"th": [10**400, 0.0]}, "'th'"),
        ("words", {"encoder": 1.0, "words": 1.0}, "encoder, words and bias"),
        ("words", {"encoder": 1.0, "words": -1.0, "bias": 0.0}, "weights from 0"),
        ("words", {"encoder": 1.0, "words": 1e308, "bias": 0.0}, "over a million"),
        ("language_calibration", {"th": [1.0, float("nan")]}, "'th'"),
        ("kind_thresholds", {"weather": {"f1": 0.1, "precision": None}}, "'weather'"),
        ("kind_thresholds", {"romance": {"f1": 2, "precision": None}}, "'romance'"),
        ("kind_thresholds", {"romance": {"f1": 0.2}}, "f1 and precision"),
        ("calibration_rows", {"languages": {"th": 3}}, "[legit, scam]"),
        ("calibration_rows", {"kinds": {"weather": 3}}, "unknown kind"),
        ("known_answers", {}, "must be list"),
        ("known_answers", [{"text": "hello"}], "scam_probability"),
        ("known_answers", [{"text": "hello", "scam_probability": None}], "number"),
        ("colour", "red", "unknown"),
        ("name", "tiny\x1b[2J", "printable"),
        ("version", "1\n", "printable"),
        ("version", "", "printable"),
        ("languages", ["ar", "en", "ru", "th", "\u202e"], "printable"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, key: str, value: object, reason: str) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", **{key: value})
    refused(folder, "scamdetect.json", reason)
    refused(folder, "scamdetect.json", key)


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("scamdetect.json", "prefix", "\ud800"),
        ("scamdetect.json", "name", "\udfff"),
        ("scamdetect.json", "known_answers", [{"text": "\ud800", "scam_probability": 0.5}]),
        ("config.json", "model_type", "\ud800"),
        ("manifest.json", "training", {"\ud800": 1}),
    ],
)
def test_half_a_character_is_refused(copy: Path, file: str, key: str, value: object) -> None:
    edit(copy / file, **{key: value})
    if file != "manifest.json":
        write_manifest(copy, {})
    refused(copy, file, f"'{key}' contains a lone surrogate")


def test_labels_in_another_order_are_refused(copy: Path) -> None:
    edit(copy / "config.json", id2label={"0": "scam", "1": "spam", "2": "legit"})
    write_manifest(copy, {})
    refused(copy, "config.json", "id2label")


def test_weights_in_another_file_are_refused(copy: Path, tmp_path: Path) -> None:
    model = onnx.load(str(copy / "model.onnx"))
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "../weights.md")
    (copy / "model.onnx").write_bytes(model.SerializeToString())
    write_manifest(copy, {})
    refused(copy, "model.onnx", "external data")


def test_weights_of_a_constant_in_another_file_are_refused(copy: Path) -> None:
    tensor = numpy_helper.from_array(
        numpy_helper.to_array(
            onnx.TensorProto(data_type=onnx.TensorProto.FLOAT, dims=[1], float_data=[1.0])
        ),
        "hidden",
    )
    onnx.external_data_helper.set_external_data(_raw(tensor), "x.bin")
    model = onnx.load(str(copy / "model.onnx"))
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["hidden"], value=tensor))
    (copy / "model.onnx").write_bytes(model.SerializeToString())
    write_manifest(copy, {})
    refused(copy, "model.onnx", "external data")


@pytest.mark.parametrize(
    "hide",
    [
        lambda named: (
            block(EXTERNAL_DATA, named, over=OVER_32_BITS)
            + number(DATA_LOCATION, 1, over=OVER_32_BITS)
        ),
        lambda named: (
            block(EXTERNAL_DATA, named, over=OVER_32_BITS) + number(DATA_LOCATION, 1 + OVER_32_BITS)
        ),
        lambda named: block(EXTERNAL_DATA, named, length=5) + number(DATA_LOCATION, 1, length=5),
    ],
    ids=["keys over 32 bits", "an enum over 32 bits", "long keys"],
)
def test_weights_that_only_the_runtime_sees_in_another_file_are_refused(
    copy: Path, hide: Callable[[bytes], bytes]
) -> None:
    model = onnx.load(str(copy / "model.onnx"))
    table = model.graph.initializer.pop(0)
    (copy / ".hidden").write_bytes(table.raw_data)
    table.ClearField("raw_data")
    named = onnx.StringStringEntryProto(key="location", value=".hidden").SerializeToString()
    tensor = table.SerializeToString() + hide(named)
    graph = block(INITIALIZER, tensor) + model.graph.SerializeToString()
    model.ClearField("graph")
    (copy / "model.onnx").write_bytes(model.SerializeToString() + block(GRAPH, graph))
    write_manifest(copy, {})
    # What the check is for: by its path the runtime loads these weights.
    assert ort.InferenceSession(str(copy / "model.onnx")).get_outputs()
    refused(copy, "model.onnx", "not an ONNX file")


def _raw(tensor: onnx.TensorProto) -> onnx.TensorProto:
    tensor.raw_data = tensor.raw_data or b"\0\0\0\0"
    return tensor


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("model.onnx", b"\x80\x04\x95 not a graph", "not an ONNX file"),
        ("model.onnx", b"", "cannot load"),
        ("tokenizer.json", b"{}", "not a tokenizer"),
    ],
)
def test_a_listed_file_of_the_wrong_kind_is_named(
    copy: Path, file: str, content: bytes, reason: str
) -> None:
    (copy / file).write_bytes(content)
    write_manifest(copy, {})
    with pytest.raises(BundleError, match=reason) as caught:
        Scorer(Bundle.load(copy))
    assert file in str(caught.value)


@pytest.mark.parametrize("file", [*bundles.FILES, bundles.CASCADE, "manifest.json"])
@pytest.mark.parametrize("change", [lambda data: data[:-1] + b"?", lambda data: None])
def test_a_file_that_changed_after_loading_is_not_read(
    tmp_path: Path, file: str, change: Callable[[bytes], bytes | None]
) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", proven=True)
    bundle, before = Bundle.load(folder), (folder / file).read_bytes()
    assert bundle.read(file) == before
    changed = change(before)
    (folder / file).unlink()
    if changed is not None:
        (folder / file).write_bytes(changed)
    with pytest.raises(BundleError, match=re.escape(str(folder / file))):
        bundle.read(file)


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "cascade.arrow"])
def test_another_whole_bundle_in_its_place_is_not_scored_with(tmp_path: Path, file: str) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path / "bundle", proven=True))
    (bundle.folder / file).write_bytes((bundle.folder / file).read_bytes() + b"\n")
    write_manifest(bundle.folder, {})
    with pytest.raises(BundleError, match=f"{file}: changed since"):
        Scorer(bundle)


def test_a_bundle_has_no_other_files(tiny_bundle: Path) -> None:
    for name in ("../secret.json", "cascade.arrow"):
        with pytest.raises(BundleError, match="not a file of the bundle"):
            Bundle.load(tiny_bundle).read(name)


def test_a_graph_that_does_not_fit_its_settings_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", languages=["ar", "en"])
    with pytest.raises(BundleError, match="language_logits"):
        Scorer(Bundle.load(folder))


def test_a_prefix_that_fills_the_window_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle", prefix="message " * 20)
    with pytest.raises(BundleError, match="no room"):
        Scorer(Bundle.load(folder))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere: folder not found"):
        Bundle.load(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    for name in ("x" * 5000, "x/" * 5000, "\ud800", "a\0b", "round"):
        with pytest.raises(BundleError, match=r"folder not found|cannot be read"):
            Bundle.load(tmp_path / name)


def test_a_manifest_needs_all_files(copy: Path) -> None:
    (copy / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx: missing"):
        write_manifest(copy, {})


def _packaged(root: Path) -> Path:
    return root / "scamdetect" / "_bundles" / "scamdetect-small"


def _checkout(root: Path) -> Path:
    return root / "models" / "scamdetect-small"


@pytest.mark.parametrize("place", [_packaged, _checkout])
def test_the_shipped_bundle_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Callable[[Path], Path]
) -> None:
    module = tmp_path / "scamdetect" / "bundle" / "bundle.py"
    monkeypatch.setattr(bundles, "__file__", str(module))
    with pytest.raises(BundleError, match="no shipped bundle"):
        default_bundle_path()
    place(tmp_path).mkdir(parents=True)
    assert default_bundle_path() == place(tmp_path)
