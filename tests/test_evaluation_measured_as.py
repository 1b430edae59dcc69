"""Results remain valid under a new card or version, and for no other bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny_bundle import write_tiny_bundle

from scamdetect.bundle.bundle import MANIFEST_VERSION, Bundle, write_manifest
from scamdetect.errors import BundleError, InputError
from scamdetect.train.measured_as import (
    RECORD,
    MeasuredAs,
    attribute,
    left_behind,
    same_bundle_ids,
    with_entries,
)


@pytest.fixture(params=[1, MANIFEST_VERSION])
def measured(request: pytest.FixtureRequest, tmp_path: Path, tiny_bundle: Path) -> Bundle:
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "measured"))
    write_manifest(folder, {}, request.param)
    return Bundle.load(folder)


def _with_new_card(bundle: Bundle, folder: Path) -> Bundle:
    shutil.copytree(bundle.folder, folder)
    (folder / "README.md").write_text("# Another card\n", encoding="utf-8")
    record = with_entries(bundle, [MeasuredAs.now(bundle)])
    write_manifest(folder, record, bundle.manifest_version)
    return Bundle.load(folder)


def test_a_new_card_keeps_the_results(measured: Bundle, tmp_path: Path) -> None:
    now = _with_new_card(measured, tmp_path / "now")
    assert (now.model_id == measured.model_id) is (measured.manifest_version > 1)
    assert set(same_bundle_ids(now)) == {now.model_id, measured.model_id}
    (entry,) = attribute(now, {"found.json": measured.model_id})
    assert entry.model_id == measured.model_id and not entry.differs_from(MeasuredAs.now(now))


def test_a_bundle_whose_id_stays_needs_no_record(measured: Bundle) -> None:
    stays = measured.manifest_version > 1
    assert left_behind(measured, [MeasuredAs.now(measured)]) == (
        () if stays else (MeasuredAs.now(measured),)
    )


def test_a_new_version_keeps_them_where_the_old_folder_is_shown(
    measured: Bundle, tmp_path: Path
) -> None:
    now = Bundle.load(write_tiny_bundle(tmp_path / "now", version="0.0.2"))
    with pytest.raises(InputError, match=r"found\.json: measured .*--measured"):
        attribute(now, {"found.json": measured.model_id})
    (entry,) = attribute(now, {"found.json": measured.model_id}, [measured])
    assert entry.model_id == measured.model_id


def test_a_later_version_keeps_them_by_the_record_alone(measured: Bundle, tmp_path: Path) -> None:
    carded = _with_new_card(measured, tmp_path / "carded")
    folder = write_tiny_bundle(tmp_path / "later", version="0.0.2")
    write_manifest(folder, carded.training)
    assert measured.model_id in same_bundle_ids(Bundle.load(folder))


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"thresholds": {"flag": 0.95, "review": 0.6}}, "scamdetect.json"),
        ({"proven": False}, "first_tier.arrow"),
    ],
)
def test_other_settings_or_files_are_another_bundle(
    measured: Bundle, tmp_path: Path, change: dict[str, object], differs: str
) -> None:
    now = Bundle.load(write_tiny_bundle(tmp_path / "now", **change))
    with pytest.raises(InputError, match=f"another .*{differs}"):
        attribute(now, {"found.json": measured.model_id}, [measured])


def test_a_record_that_does_not_give_its_id_is_refused(measured: Bundle, tmp_path: Path) -> None:
    folder = _with_new_card(measured, tmp_path / "now").folder
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["training"][RECORD][0]["files"]["model.onnx"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match="its files give"):
        same_bundle_ids(Bundle.load(folder))
    del manifest["training"][RECORD][0]["files"]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match="is not of model_id, files and scoring"):
        same_bundle_ids(Bundle.load(folder))
