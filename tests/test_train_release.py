"""From a finished run to a bundle that the public API loads."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from card_pattern import check_details, check_pattern
from synthetic_corpus import row, table
from tiny_base import TINY_RECIPE, TINY_TEXTS, write_tiny_base

from scamdetect import ScamDetector
from scamdetect.errors import BundleError, RecipeError
from scamdetect.labels import Decision
from scamdetect.train.card import details_text
from scamdetect.train.fit import train
from scamdetect.train.release import KNOWN_TEXTS, release

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    rows = [
        row(n, verdict, role=("train", "calibrate")[n // 4 % 2], norm=f"{TINY_TEXTS[verdict]} {n}")
        | ({"kinds_provenance": "read"} if verdict == "scam" else {})
        for n, verdict in enumerate(["legit", "scam", "legit", "spam"] * 100)
    ]
    rows.append(row(901, "spam", role="calibrate", lang="cs"))
    pq.write_table(table([*rows, row(900, "scam", role="dev", norm="bitcoin tomorrow")]), path)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    folder = tmp_path_factory.mktemp("run")
    recipe = folder / "tiny.toml"
    base = write_tiny_base(tmp_path_factory.mktemp("base"))
    recipe.write_text(TINY_RECIPE.format(base=base.as_posix()), encoding="utf-8")
    train(recipe, corpus, folder / "out", resume=True, log=_ignore)
    return folder / "out"


@pytest.fixture(scope="module")
def log() -> list[str]:
    """Return what the release of the bundle said."""
    return []


@pytest.fixture(scope="module")
def bundle(
    tmp_path_factory: pytest.TempPathFactory, run: Path, corpus: Path, log: list[str]
) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "tiny"
    release(run, corpus, out, "tiny", "1.2.3", log.append)
    return out


def test_the_bundle_tells_scams_from_honest_texts(bundle: Path) -> None:
    with ScamDetector.load(bundle) as detector:
        assert re.fullmatch(r"tiny@1\.2\.3\+[0-9a-f]{8}", detector.model_id)
        # Rows of the calibration: the threshold stands close above the highest of its honest ones.
        scam, legit = detector.predict([f"{TINY_TEXTS['scam']} 5", f"{TINY_TEXTS['legit']} 6"])
    assert scam.decision is Decision.FLAG
    assert legit.decision is not Decision.FLAG


def test_thresholds_and_record_are_in_the_bundle(bundle: Path) -> None:
    settings = json.loads((bundle / "scamdetect.json").read_text(encoding="utf-8"))
    assert 0 < settings["thresholds"]["review"] <= settings["thresholds"]["flag"] <= 1
    assert [answer["text"] for answer in settings["known_answers"]] == list(KNOWN_TEXTS)
    assert len(settings["scam_curve"]) >= 2
    assert settings["calibration_rows"]["languages"]["en"] == [100, 50]
    assert {point["fpr"] for point in settings["operating_points"]} >= {0.05}
    training = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["training"]
    assert training["recipe"]["name"] == "tiny"
    assert training["run"]["threads"] >= 1 and training["run"]["device"] == "cpu"
    assert training["languages"] == {"cs": [0, 1], "en": [200, 200]}
    assert settings["thresholds_fpr"] == {"flag": 0.01, "review": 0.03}
    assert training["parity_int8_fp32"][0]["language"] == "all"
    assert training["sources"] == [{"source": "en_invented", "licence": "permissive", "rows": 200}]


@pytest.mark.usefixtures("bundle")
def test_the_log_names_the_rate_that_the_rows_support(log: list[str]) -> None:
    assert any("FPR 1.0% on the calibrate mix, the lowest rate" in line for line in log)


def test_the_card_names_thresholds_and_sources(bundle: Path) -> None:
    card = (bundle / "README.md").read_text(encoding="utf-8")
    check_pattern(card)
    for pattern in (
        r"(?s)\A---\n.*license: apache-2\.0.*---\n\n# tiny 1\.2\.3",
        r'(?s)\A---\n.*^datasets: \["en_invented"\]$',
        r"`flag` starts at a scam probability of [01]\.\d{4} \(1\.0% false alarms\), `review` at",
        r"\| permissive \| 1 \| 200 \|",
    ):
        assert re.search(pattern, card, re.MULTILINE), pattern


def test_the_details_name_languages_kinds_and_parity(bundle: Path) -> None:
    settings = json.loads((bundle / "scamdetect.json").read_text(encoding="utf-8"))
    training = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["training"]
    page = details_text(settings, training)
    check_details(page)
    for pattern in (
        r"Languages without a calibrate scam, whose recall is not known: cs\.",
        r"\| permissive \| en_invented \(200\) \|",
        r"\| all \| \d+ \| \d+ \| \d+ \|",
        r"\(train and calibrate rows\): cs \(0, 1\)\.",
        r"(?s)measures uk he ro mr on 40 .*: af .* ca cy .* uk ur uz vi xh yi zh\.",
        r"\| lottery \| 50 \|",
        r"## Trimmed vocabulary",
    ):
        assert re.search(pattern, page), pattern


def test_an_existing_bundle_is_not_overwritten(bundle: Path, run: Path, corpus: Path) -> None:
    with pytest.raises(BundleError, match="exists"):
        release(run, corpus, bundle, "tiny", "1", _ignore)


def test_another_corpus_than_that_of_the_run_is_refused(
    run: Path, corpus: Path, tmp_path: Path
) -> None:
    other = tmp_path / "corpus.parquet"
    pq.write_table(pq.read_table(corpus).slice(0, 100), other)
    with pytest.raises(RecipeError, match="not the corpus"):
        release(run, other, tmp_path / "bundle", "tiny", "1", _ignore)
    assert list(tmp_path.iterdir()) == [other]


def test_an_unfinished_run_is_refused(run: Path, corpus: Path, tmp_path: Path) -> None:
    unfinished = tmp_path / "run"
    shutil.copytree(run, unfinished)
    (unfinished / "model.safetensors").unlink()
    with pytest.raises(RecipeError, match="not a finished run"):
        release(unfinished, corpus, tmp_path / "bundle", "tiny", "1", _ignore)


def _ignore(line: str) -> None:
    """Take a line of the log and drop it."""
