"""The review threshold by a budget of reviews a day, from a dump that was scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import Result
from command_line import run as run_command
from tiny_bundle import write_tiny_bundle

from scamdetect import Decision, ScamDetector
from scamdetect.adapt.traffic import Budgeted, set_by_budget
from scamdetect.bundle.bundle import Bundle
from scamdetect.errors import InputError
from scamdetect.frames.columns import SCHEMA

pytestmark = pytest.mark.slow

BUDGET: dict[str, Any] = {"reviews_per_day": 20, "messages_per_day": 1000}


def command(folder: Path, *arguments: str | Path) -> Result:
    return run_command(*arguments, cwd=folder)


def dump(
    path: Path,
    model_id: str,
    probabilities: list[float],
    decision: str | None = None,
    reason: str | None = None,
    unscored: int = 0,
) -> Path:
    """Write what ``score`` would have written for these scam probabilities."""
    rows = [
        {
            "scamdetect_decision": decision
            or ("flag" if p >= 0.9 else "review" if p >= 0.6 else "pass"),
            "scamdetect_scam_probability": p,
            "scamdetect_reason": reason,
            "scamdetect_model_id": model_id,
            "scamdetect_schema_version": 1,
        }
        for p in probabilities
    ]
    empty = {"scamdetect_decision": "unscored", "scamdetect_model_id": model_id}
    table = pa.Table.from_pylist(rows + [empty] * unscored, schema=SCHEMA)
    pq.write_table(table, path)
    return path


def spread(n: int = 2000) -> list[float]:
    return np.linspace(0.001, 0.999, n).tolist()


@pytest.fixture(scope="module")
def model_id(tiny_bundle: Path) -> str:
    return Bundle.load(tiny_bundle).model_id


@pytest.fixture
def run(tmp_path: Path, tiny_bundle: Path, model_id: str) -> Any:  # noqa: ANN401
    def run(
        probabilities: list[float],
        *,
        budget: dict[str, Any] = BUDGET,
        **rest: Any,  # noqa: ANN401
    ) -> Budgeted:
        source = dump(tmp_path / "d.parquet", rest.pop("model_id", model_id), probabilities, **rest)
        return set_by_budget(tiny_bundle, source, tmp_path / "new", **budget)

    return run


def test_the_budget_sets_review_and_leaves_flag(run: Any) -> None:  # noqa: ANN401
    # Of 2,000 messages 300 a thousand reach 0.7; flag is 0.9.
    result = run(spread(), budget={"reviews_per_day": 300, "messages_per_day": 1000})
    assert result.after.flag == result.before.flag == 0.9
    assert result.after.review == pytest.approx(0.7, abs=0.002)
    assert result.traffic.reach(result.after.review) == 600
    new = result.bundle
    assert new.thresholds == result.after and not new.thresholds.review_scam_verdicts
    assert new.training["own_thresholds"]["reached"] == 600
    assert new.operating_points == Bundle.load(new.folder).operating_points != ()
    assert "300 of 1,000 messages a day" in new.read("README.md").decode()


def test_where_flags_alone_are_over_the_budget_flag_rises_to_review(run: Any) -> None:  # noqa: ANN401
    result = run(spread())
    assert result.after.flag == result.after.review == pytest.approx(0.98, abs=0.002)
    assert result.bundle.thresholds_fpr == {}


def test_messages_without_a_score_are_messages_of_the_day(run: Any) -> None:  # noqa: ANN401
    budget = {"reviews_per_day": 300, "messages_per_day": 1000}
    result = run(spread(), unscored=1000, budget=budget)
    assert result.traffic.messages == 3000
    assert result.traffic.reach(result.after.review) == 900


def test_what_an_allow_list_lets_pass_takes_nothing_of_the_budget(
    tmp_path: Path, tiny_bundle: Path, model_id: str
) -> None:
    allowed = dump(tmp_path / "a.parquet", model_id, [0.99] * 500, "pass", "allowed by sender")
    others = dump(tmp_path / "b.parquet", model_id, spread())
    pq.write_table(
        pa.concat_tables([pq.read_table(allowed), pq.read_table(others)]), tmp_path / "d.parquet"
    )
    budget = {"reviews_per_day": 240, "messages_per_day": 1000}
    result = set_by_budget(tiny_bundle, tmp_path / "d.parquet", tmp_path / "new", **budget)
    assert result.traffic.reach(result.after.review) == 600


@pytest.mark.parametrize(
    ("probabilities", "options", "message"),
    [
        (spread(999), {}, "999 scored messages, but at least 1,000"),
        (spread(), {"decision": "flag"}, "only flagged messages"),
        (spread(), {"reason": "cleared early"}, "2,000 messages were cleared early.*--tier full"),
        (
            spread(),
            {"model_id": "other@1+2"},
            "scored by other@1[+]2, but the bundle is scamdetect",
        ),
        (spread(), {"budget": {"reviews_per_day": 9, "messages_per_day": 9}}, "9 reviews of 9 mes"),
        (spread(), {"budget": {"reviews_per_day": 0, "messages_per_day": 9}}, "--reviews-per-day"),
        (
            spread(),
            {"budget": {"reviews_per_day": 1, "messages_per_day": 1000}},
            "2.0 of its 2,000 messages .* too few .* 10,000 messages",
        ),
        (spread(), {"unscored": 9000, "budget": BUDGET | {"reviews_per_day": 500}}, "fit into"),
        ([0.1] * 9 + [1.0] * 2000, {}, "higher --reviews-per-day"),
    ],
)
def test_what_sets_no_threshold_says_why(
    run: Any,  # noqa: ANN401
    tmp_path: Path,
    probabilities: list[float],
    options: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        run(probabilities, **options)
    assert not (tmp_path / "new").exists()


def test_the_command_scores_and_sets_and_keeps_the_budget(tmp_path: Path) -> None:
    base = write_tiny_bundle(tmp_path / "base", proven=True)
    lures = ["hello", "thanks", "darling hello", "darling", "profit gift", "profit gift card"]
    random = np.random.default_rng(0)
    shares = [0.5, 0.3, 0.1, 0.06, 0.03, 0.01]
    drawn = random.choice(len(lures), 1500, p=shares)
    rows = [json.dumps({"text": f"{lures[place]} {n}"}) for n, place in enumerate(drawn)]
    (tmp_path / "may.jsonl").write_text("\n".join(rows), encoding="utf-8")
    scored = command(tmp_path, "score", "may.jsonl", "-o", "may.parquet", "--model", base)
    assert scored.exit_code == 0, scored.stderr
    budget = ("--reviews-per-day", "50", "--messages-per-day", "1000")
    done = command(tmp_path, "calibrate", base, "may.parquet", *budget, "-o", "mine")
    assert done.exit_code == 0, done.stderr
    assert "messages: 1,500, 1,500 of them scored" in done.stdout
    assert "review: 0.6000 before, " in done.stdout and "flag: unchanged at 0.9" in done.stdout
    new = ScamDetector.load(tmp_path / "mine", threads=1)
    found = [one.decision for one in new.predict([json.loads(row)["text"] for row in rows])]
    reached = sum(decision is not Decision.PASS for decision in found)
    assert 0 < reached <= 75
    # The verdict of "darling" is scam, and reviewing it would break the budget.
    assert new.predict("darling").decision is Decision.PASS
    assert new.bundle.cascade is not None and new.bundle.cascade.proven


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("d.parquet", "--reviews-per-day", "5"),
            "give --reviews-per-day, --messages-per-day and DUMP",
        ),
        (("--reviews-per-day", "5", "--messages-per-day", "9"), "and DUMP together"),
        (
            ("b", "d", "--reviews-per-day", "5", "--messages-per-day", "9", "--fpr", "0.1"),
            "--data and --fpr are for labelled messages",
        ),
        (("b", "d", "--data", "x.csv", "--fpr", "0.1"), "give --data and --fpr, or"),
        (("b", "--data", "x.csv"), "give --data and --fpr, or"),
        (("d.csv", "--reviews-per-day", "5", "--messages-per-day", "9"), "d.csv"),
    ],
)
def test_the_command_names_what_is_missing(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = command(tmp_path, "calibrate", *arguments, "-o", "mine")
    assert done.exit_code == 2 and message in done.stderr
