"""A bundle with thresholds moved to own rows, from the command to the scores."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import Result
from command_line import run as run_command
from tiny_bundle import CONVERSATION, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.adapt.lines import recalibrated_lines
from scamdetect.adapt.own_rows import OwnRows, read_label_map
from scamdetect.adapt.recalibrate import noted, recalibrate
from scamdetect.adapt.refit import Refit, refit
from scamdetect.bundle.bundle import MANIFEST, MODEL, SETTINGS, Bundle, write_manifest
from scamdetect.calibration.probabilities import Scaling
from scamdetect.calibration.thresholds import KindThresholds
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import Verdict
from scamdetect.system.files import file_sha256

_LETTERS = list("abcdefghijklmnopqrstuvwxyz")


def command(folder: Path, *arguments: str | Path) -> Result:
    return run_command(*arguments, cwd=folder)


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
    assert done.exit_code == 0, done.stderr
    assert "rows: 800 legit (500 distinct), 0 spam (0 distinct), 80 scam (80 distinct)" in (
        done.stdout
    )
    assert "left out: 6 without a label or mapped to ignore, 1 without a text" in done.stdout
    assert "before: threshold 0.9000, false-positive rate" in done.stdout
    assert "250 honest)" in done.stdout and "40 scams)" in done.stdout
    old, new = Bundle.load(base), Bundle.load(tmp_path / "mine")
    assert new.thresholds.flag < old.thresholds.flag
    assert old.thresholds.review_scam_verdicts and not new.thresholds.review_scam_verdicts
    assert new.thresholds_fpr == {"flag": 0.05, "review": 0.1}
    assert (base / MODEL).read_bytes() == (tmp_path / "mine" / MODEL).read_bytes()
    assert new.cascade is not None and not new.cascade.proven, "its proof was of the old review"
    assert new.training["own_thresholds"]["base"] == old.model_id
    card = (tmp_path / "mine/README.md").read_text(encoding="utf-8")
    assert "## Thresholds of this copy" in card and card.startswith("# A tiny bundle for tests\n")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    scored = command(
        tmp_path, "score", own, "-o", "scored.csv", "--text-column", "body", "--model", "mine",
        "--quiet",
    )  # fmt: skip
    assert scored.exit_code == 0, scored.stderr
    again = command(tmp_path, "calibrate", "mine", "--data", own, "--fpr", "0.05", "-o", "mine")
    assert again.exit_code == 2 and "already exists" in again.stderr


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


KNOWN = ["guaranteed bitcoin profit", "profit", "meeting tomorrow"]
KINDS = {"investment": {"f1": 0.4, "precision": 0.8}}


def test_refitted_probabilities_change_no_decision_and_no_name(
    tmp_path: Path, own: Path, detector: ScamDetector
) -> None:
    known = [
        {"text": text, "scam_probability": detector.predict(text).scam_probability}
        for text in KNOWN
    ]
    base = write_tiny_bundle(
        tmp_path / "base", proven=True, known_answers=known, kind_thresholds=KINDS,
        conversation=CONVERSATION,
    )  # fmt: skip
    options = (
        "calibrate", base, "--data", own, "--text-column", "body", "--label-column", "what",
        "--label-map", own.parent / "map.toml", "--fpr", "0.05", "--review-fpr", "0.1",
        "--threads", "1",
    )  # fmt: skip
    plain = command(tmp_path, *options, "-o", "plain")
    done = command(tmp_path, *options, "-o", "mine", "--refit-probabilities", "--base-rate", "0.02")
    assert plain.exit_code == done.exit_code == 0, done.stderr
    assert (
        "probabilities at 2.00 % scams (measured on 40 distinct scams and 250 others)"
        in done.stdout
    )
    assert "refitted (temperature" in done.stdout and "NOT" not in done.stdout
    former, new = (ScamDetector.load(tmp_path / name, threads=1) for name in ("plain", "mine"))
    assert new.bundle.own_scaling.bias < -1
    with own.open(encoding="utf-8", newline="") as file:
        texts = [row["body"] for row in csv.DictReader(file)]
    texts += ["profit darling", "darling", "parcel sale", "guaranteed profit " * 20, "lunch lunch"]
    lower = 0
    for before, after in zip(former.predict(texts), new.predict(texts), strict=True):
        assert after.decision == before.decision
        assert [one.kind for one in after.kinds] == [one.kind for one in before.kinds]
        if before.scam_probability is not None and after.scam_probability is not None:
            right = new.bundle.own_scaling(before.scam_probability)
            assert after.scam_probability == pytest.approx(right, rel=1e-3)
            lower += after.scam_probability < before.scam_probability
    assert lower > 500
    turns = ["hello", "profit", "guaranteed profit"]
    risks = [[turn.risk for turn in one.predict_conversation(turns).turns] for one in (former, new)]
    assert risks[1] == pytest.approx(risks[0], abs=1e-4)
    points = [detector.bundle.operating_points for detector in (former, new)]
    assert [point.recall for point in points[0]] == [point.recall for point in points[1]]
    assert all(a.threshold > b.threshold for a, b in zip(*points, strict=True))
    assert new.kind_thresholds == {"investment": KindThresholds(0.4, None)}
    found = command(tmp_path, "model", "check", "--model", "mine")
    assert found.exit_code == 0 and "0 of 3 known answers differ" in found.stdout
    record = new.bundle.training["own_thresholds"]["refit"]
    assert record["kept"] and record["base_rate"] == 0.02


def test_a_second_refit_is_made_of_the_first(tmp_path: Path, own: Path, tiny_bundle: Path) -> None:
    folders = [tiny_bundle, tmp_path / "one", tmp_path / "two"]
    for before, after in zip(folders, folders[1:], strict=False):
        result = recalibrate(
            before, own, after, fpr=0.1, text_column="body", label_column="what",
            label_map=own.parent / "map.toml", refit_probabilities=True, threads=1,
            base_rate=0.02 if after.name == "one" else 0.3,
        )  # fmt: skip
        assert result.refit is not None and result.refit.kept
    first, second = (Bundle.load(folder).own_scaling for folder in folders[1:])
    assert first != second == result.refit.scaling.after(first)
    straight = recalibrate(
        tiny_bundle, own, tmp_path / "straight", fpr=0.1, text_column="body", label_column="what",
        label_map=own.parent / "map.toml", refit_probabilities=True, base_rate=0.3, threads=1,
    )  # fmt: skip
    assert straight.bundle.own_scaling.bias == pytest.approx(second.bias, abs=0.1)


def test_a_refit_that_may_be_chance_is_told_and_not_kept(
    tmp_path: Path, own: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(rows: OwnRows, seed: int, base_rate: float | None) -> Refit:
        found = refit(rows, seed, base_rate)
        return replace(found, gain=replace(found.gain, low=-0.01))

    monkeypatch.setattr("scamdetect.adapt.recalibrate.refit", none)
    result = recalibrate(
        tiny_bundle, own, tmp_path / "new", fpr=0.1, text_column="body", label_column="what",
        label_map=own.parent / "map.toml", refit_probabilities=True, threads=1,
    )  # fmt: skip
    assert any("NOT REFITTED" in line for line in recalibrated_lines(result))
    assert result.bundle.own_scaling == Scaling()
    settings = json.loads((tmp_path / "new" / SETTINGS).read_text())
    assert "own_scaling" not in settings
    assert "scores are unchanged" in (tmp_path / "new/README.md").read_text(encoding="utf-8")


def test_a_base_rate_alone_is_refused(tmp_path: Path, own: Path, tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="--refit-probabilities"):
        recalibrate(tiny_bundle, own, tmp_path / "new", fpr=0.1, base_rate=0.1)


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
    assert sum("MORE FALSE" in line and "over 0.05" in line for line in lines) == 1


def test_too_few_rows_leave_nothing_behind(tmp_path: Path, own: Path, tiny_bundle: Path) -> None:
    done = command(
        tmp_path, "calibrate", tiny_bundle, "--data", own, "--text-column", "body",
        "--label-column", "what", "--label-map", own.parent / "map.toml", "--fpr", "0.001",
        "-o", "mine",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "800 honest rows contain 500 distinct" in done.stderr
    assert "at least 2,000" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, r"no column 'text'"),
        ({"text_column": "body"}, r"no column 'label'"),
        (
            {"text_column": "body", "label_column": "what"},
            r"labels ok \(801\), fraud \(80\), hm \(5\); pass --label-map",
        ),
        (
            {"text_column": "body", "label_column": "body"},
            "column 'body' has more than 200 different values",
        ),
        ({"text_column": "body", "label_column": "what", "fpr": 1.5}, "--fpr <= --review-fpr"),
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
        ("one.csv", b"text,label\nhello,legit\n", "1 honest rows contain 1 distinct"),
        ("broken.parquet", b"PAR1 and no more", "broken.parquet"),
    ],
)
def test_data_that_holds_too_little_is_refused(
    tmp_path: Path, tiny_bundle: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        recalibrate(tiny_bundle, tmp_path / name, tmp_path / "new", fpr=0.1)


def test_rows_that_trained_the_bundle_are_refused(tmp_path: Path, own: Path) -> None:
    base = write_tiny_bundle(tmp_path / "base")
    for trained_on, refused in (("0" * 64, False), (file_sha256(own), True)):
        write_manifest(base, {"finetune": {"data_sha256": trained_on}})
        out = tmp_path / f"mine-{refused}"
        given = partial(
            recalibrate, base, own, out, fpr=0.05, text_column="body", label_column="what",
            label_map=own.parent / "map.toml",
        )  # fmt: skip
        if refused:
            with pytest.raises(InputError, match=r"own\.csv: .* was fine-tuned on it"):
                given()
        else:
            given()
        assert out.exists() is not refused


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
    with pytest.raises(InputError, match="200 honest rows contain 10 distinct"):
        recalibrate(
            tiny_bundle, tmp_path / "own.csv", tmp_path / "new", fpr=0.1, group_column="sender"
        )


def test_messages_without_a_sender_are_not_of_one(tmp_path: Path, tiny_bundle: Path) -> None:
    random = np.random.default_rng(2)
    rows = [{"text": message(random, 0), "label": "legit", "sender": " "} for _ in range(200)]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    result = recalibrate(
        tiny_bundle, tmp_path / "own.jsonl", tmp_path / "new", fpr=0.1, group_column="sender",
        threads=1,
    )  # fmt: skip
    assert result.rows.distinct(Verdict.LEGIT) == 200


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
