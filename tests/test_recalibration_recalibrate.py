"""A bundle with thresholds moved to own rows, from the command to the scores."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import command
from tiny_bundle import write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle import MANIFEST, MODEL, SETTINGS, Bundle
from scamdetect.errors import BundleError, InputError
from scamdetect.recalibration.label_map import read_label_map
from scamdetect.recalibration.new_bundle import noted
from scamdetect.recalibration.recalibrate import recalibrate, recalibrated_lines

_LETTERS = list("abcdefghijklmnopqrstuvwxyz")


def words(random: np.random.Generator, n: int) -> Iterator[str]:
    for _ in range(n):
        yield "".join(random.choice(_LETTERS, 6))


def message(random: np.random.Generator, lures: int) -> str:
    return " ".join([*words(random, 5), *["profit"] * lures])


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    honest = [message(random, int(random.random() < 0.02) * 2) for _ in range(500)]
    scams = [message(random, int(random.integers(0, 4))) for _ in range(80)]
    rows = [
        *((text, "ok") for text in honest),
        *((text, "fraud") for text in scams),
        *((honest[0], "ok") for _ in range(300)),
        *((text, "hm") for text in honest[:5]),
        ("", "ok"),
        ("no label here", ""),
    ]
    path = tmp_path_factory.mktemp("own") / "own.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("body", "what"), *rows])
    (path.parent / "map.toml").write_text(
        'ok = "legit"\nfraud = "scam"\nhm = "ignore"\n', encoding="utf-8"
    )
    return path


def test_the_command_writes_a_bundle_that_scores(tmp_path: Path, own: Path) -> None:
    base = write_tiny_bundle(tmp_path / "base", proven=True)
    done = command(
        tmp_path, "calibrate", base, "--data", own, "--text-column", "body", "--label-column",
        "what", "--label-map", own.parent / "map.toml", "--fpr", "0.05", "--review-fpr", "0.1",
        "-o", "mine", "--threads", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "rows: 800 legit (500 distinct), 0 spam (0 distinct), 80 scam (80 distinct)" in (
        done.stdout
    )
    assert "left out: 6 without a label or mapped to ignore, 1 without a text" in done.stdout
    assert "before: threshold 0.9000, false-positive rate" in done.stdout
    assert "250 honest)" in done.stdout and "40 scams)" in done.stdout
    old, new = Bundle.load(base), Bundle.load(tmp_path / "mine")
    assert new.thresholds.flag < old.thresholds.flag
    assert new.thresholds_fpr == {"flag": 0.05, "review": 0.1}
    assert (base / MODEL).read_bytes() == (tmp_path / "mine" / MODEL).read_bytes()
    assert new.clearing is not None and not new.clearing.proven, "its proof was of the old review"
    assert new.training["own_thresholds"]["base"] == old.model_id
    card = (tmp_path / "mine/README.md").read_text(encoding="utf-8")
    assert "## Thresholds of this copy" in card and card.startswith("# A tiny bundle for tests\n")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    scored = command(
        tmp_path, "score", own, "-o", "scored.csv", "--text-column", "body", "--model", "mine",
        "--quiet",
    )  # fmt: skip
    assert scored.returncode == 0, scored.stderr
    again = command(tmp_path, "calibrate", "mine", "--data", own, "--fpr", "0.05", "-o", "mine")
    assert again.returncode == 2 and "is there already" in again.stderr


def test_scores_stay_and_points_are_those_of_the_own_rows(
    tmp_path: Path, own: Path, tiny_bundle: Path
) -> None:
    result = recalibrate(
        tiny_bundle,
        own,
        tmp_path / "new",
        fpr=0.1,
        text_column="body",
        label_column="what",
        label_map=own.parent / "map.toml",
        threads=1,
    )
    texts = ["guaranteed profit", "lunch tomorrow", "profit abc"]
    before, after = (
        ScamDetector.load(folder, threads=1) for folder in (tiny_bundle, tmp_path / "new")
    )
    assert (before.predict_proba(texts) == after.predict_proba(texts)).all()
    point = after.operating_point(0.1)
    assert point.threshold == result.bundle.thresholds.flag == after.thresholds.flag
    assert point.n >= 250 and point.recall == result.moved[0].after.recall
    assert result.bundle.model_id != before.model_id
    changed, shipped = (
        json.loads((folder / SETTINGS).read_text()) for folder in (tmp_path / "new", tiny_bundle)
    )
    assert {key for key in changed if changed[key] != shipped.get(key)} == {
        "thresholds", "thresholds_fpr", "operating_points", "calibration_rows",
    }  # fmt: skip
    assert not any("body" in line for line in recalibrated_lines(result))


def test_more_false_alarms_than_asked_for_are_told(
    tmp_path: Path, own: Path, tiny_bundle: Path
) -> None:
    result = recalibrate(
        tiny_bundle, own, tmp_path / "new", fpr=0.05, text_column="body", label_column="what",
        label_map=own.parent / "map.toml", threads=1,
    )  # fmt: skip
    assert not any("MORE FALSE" in line for line in recalibrated_lines(result))
    flag = result.moved[0]
    worse = replace(flag, after=replace(flag.after, fpr=0.1, fpr_interval=(0.07, 0.14)))
    lines = list(recalibrated_lines(replace(result, moved=(worse, result.moved[1]))))
    assert sum("its rate is over 0.05; label more" in line for line in lines) == 1


def test_too_few_rows_leave_nothing_behind(tmp_path: Path, own: Path, tiny_bundle: Path) -> None:
    done = command(
        tmp_path, "calibrate", tiny_bundle, "--data", own, "--text-column", "body",
        "--label-column", "what", "--label-map", own.parent / "map.toml", "--fpr", "0.001",
        "-o", "mine",
    )  # fmt: skip
    assert done.returncode == 2
    assert "800 honest rows hold 500 messages" in done.stderr
    assert "needs 2,000 at the very least" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, r"no column 'text'"),
        ({"text_column": "body"}, r"no column 'label'"),
        (
            {"text_column": "body", "label_column": "what"},
            r"no word on the labels ok \(801\), fraud \(80\), hm \(5\); give --label-map",
        ),
        ({"text_column": "body", "label_column": "what", "fpr": 1.5}, "are impossible"),
        ({"text_column": "body", "label_column": "what", "group_column": "by"}, "no column 'by'"),
    ],
)
def test_wrong_columns_labels_and_rates_are_told(
    tmp_path: Path, own: Path, tiny_bundle: Path, options: dict[str, object], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        recalibrate(tiny_bundle, own, tmp_path / "new", **{"fpr": 0.1} | options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.csv", b"", "empty"),
        ("header.csv", b"text,label\n", "no row has a label"),
        ("one.csv", b"text,label\nhello,legit\n", "1 honest rows hold 1 messages"),
        ("broken.parquet", b"PAR1 and no more", "broken.parquet"),
    ],
)
def test_data_that_holds_too_little_is_refused(
    tmp_path: Path, tiny_bundle: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        recalibrate(tiny_bundle, tmp_path / name, tmp_path / "new", fpr=0.1)


def test_a_damaged_bundle_is_refused(tmp_path: Path, own: Path) -> None:
    base = write_tiny_bundle(tmp_path / "base")
    (base / MANIFEST).write_text("{}", encoding="utf-8")
    with pytest.raises(BundleError):
        recalibrate(base, own, tmp_path / "new", fpr=0.1)


def test_rows_that_a_queue_chose_do_not_count(tmp_path: Path, tiny_bundle: Path) -> None:
    random = np.random.default_rng(1)
    rows = [(message(random, 0), "legit", "0.1" if n < 60 else "") for n in range(100)]
    with (tmp_path / "labelled.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "inclusion_probability"), *rows])
    result = recalibrate(
        tiny_bundle, tmp_path / "labelled.csv", tmp_path / "new", fpr=0.1, threads=1
    )
    assert result.rows.chosen == 40 and len(result.rows.scores) == 60


def test_messages_of_one_sender_count_once(tmp_path: Path, tiny_bundle: Path) -> None:
    random = np.random.default_rng(2)
    rows = [(message(random, 0), "legit", f"s{n % 10}") for n in range(200)]
    with (tmp_path / "own.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "sender"), *rows])
    with pytest.raises(InputError, match="200 honest rows hold 10 messages"):
        recalibrate(
            tiny_bundle, tmp_path / "own.csv", tmp_path / "new", fpr=0.1, group_column="sender"
        )


def test_a_label_map_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('1 = "scam"\n0 = "legit"\nx = "ignore"\n', encoding="utf-8")
    assert read_label_map(path) == {"1": "scam", "0": "legit", "x": None}
    path.write_text('1 = "bad"\n', encoding="utf-8")
    with pytest.raises(InputError, match="'1' must be one of legit, spam, scam, ignore"):
        read_label_map(path)
    path.write_text("1 = \n", encoding="utf-8")
    with pytest.raises(InputError, match="not readable as TOML"):
        read_label_map(path)


def test_a_second_note_replaces_the_first() -> None:
    card = "---\nlicense: x\n---\n\n# Name\n\nText.\n"
    once = noted(card, ["first"])
    assert once.index("# Name") < once.index("first") < once.index("Text.")
    twice = noted(once, ["second"])
    assert "first" not in twice and twice.count("Text.") == 1
