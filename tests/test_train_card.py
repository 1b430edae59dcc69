"""The model card: it is written into the bundle, from results of this bundle only."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from card_pattern import check_details, check_pattern
from tiny_bundle import tiny_settings, write_tiny_bundle

from scamdetect.bundle.bundle import Bundle
from scamdetect.errors import InputError
from scamdetect.train import card as card_module
from scamdetect.train.card import card_text, details_text, rewrite_card

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SHIPPED = json.loads((RESULTS / "evaluate-scamdetect-small.json").read_text("utf-8"))["model_id"]
STEM = SHIPPED.replace("@", "-").replace("+", "-")
FILES = {
    "evaluation": RESULTS / "evaluate-scamdetect-small.json",
    "pools": RESULTS / "pools-check.json",
    "final": RESULTS / f"final-{STEM}.json",
    "everyday": RESULTS / f"everyday-{STEM}.json",
    "untrained": RESULTS / f"untrained-{STEM}.json",
    "evasion": RESULTS / "evasion-scamdetect-small.json",
    "bench": RESULTS / "bench-1" / "results.json",
    "conversations": RESULTS / "conversations-scamdetect-small.json",
}
CONVERSATIONS = json.loads(FILES["conversations"].read_text("utf-8"))
(BENCHED,) = set(re.findall(r"scamdetect-small@[\w.+]+", FILES["bench"].read_text("utf-8")))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "bundle", conversation=CONVERSATIONS["rule"])


@pytest.fixture
def files(tmp_path: Path, bundle: Path) -> dict[str, Path]:
    """Return the shipped bundle's results as if the tiny bundle had been measured."""
    found = {kind: tmp_path / f"{kind}.json" for kind in FILES}
    _measured_of(found, Bundle.load(bundle).model_id)
    return found


def _measured_of(files: dict[str, Path], model_id: str) -> None:
    for kind, path in FILES.items():
        text = path.read_text("utf-8")
        for measured in (SHIPPED, CONVERSATIONS["model_id"], BENCHED):
            text = text.replace(measured, model_id)
        files[kind].write_text(text, encoding="utf-8")


def test_the_card_is_written_and_the_id_stays(bundle: Path, files: dict[str, Path]) -> None:
    before = Bundle.load(bundle)
    written = rewrite_card(bundle, files, details=bundle.parent / "details.md")
    after = Bundle.load(bundle)
    assert written.measured and after.model_id == before.model_id
    assert after.sha256["README.md"] != before.sha256["README.md"]
    card = (bundle / "README.md").read_text("utf-8")
    check_pattern(card)
    assert f"as `{before.model_id}`." in card
    check_details((bundle.parent / "details.md").read_text("utf-8"))


def test_a_card_without_results_says_so(tmp_path: Path) -> None:
    card = card_text(tiny_settings(), {"base": str(tmp_path / "base")})
    check_pattern(card)
    assert "Not measured yet" in card
    check_details(details_text(tiny_settings(), {}))


def test_results_of_another_bundle_are_refused(bundle: Path) -> None:
    before = _contents(bundle)
    with pytest.raises(InputError, match=re.escape(f"measured {SHIPPED}, this bundle is")):
        rewrite_card(bundle, {"evaluation": FILES["evaluation"]})
    assert _contents(bundle) == before


def test_a_card_that_cannot_be_finished_leaves_the_bundle(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _contents(bundle)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(card_module, "write_manifest", fail)
    with pytest.raises(KeyboardInterrupt):
        rewrite_card(bundle, {})
    assert _contents(bundle) == before


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
