"""Jobs with threads that end early: what is kept, and that going on gives the same bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dump_files import content
from killed_job import killed_at

from scamdetect import ScamDetector
from scamdetect.conversation.predict import ConversationPrediction
from scamdetect.dumps.job import score_file
from scamdetect.dumps.tally import Standing, Summary
from scamdetect.errors import InputError, JobInterrupted

THREADS, ROWS, PART = 5, 24, 12


@pytest.fixture(autouse=True)
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("batches.BATCH_ROWS", 6),
        ("thread_buckets.BUCKET_BYTES", 250),
        ("thread_rows._BATCH_MESSAGES", 6),
        ("threads_file._CHUNK", 2),
    ):
        monkeypatch.setattr(f"scamdetect.dumps.{name}", value)


def _source(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "in.csv"
    lines = [
        f"chat {n % THREADS},eve,{n},{'guaranteed profit' if n % 7 == 3 else 'hello lunch'} {n}"
        for n in range(ROWS)
    ]
    path.write_text("\n".join(["chat,who,at,text", *lines, ""]), encoding="utf-8")
    return path


def _score(source: Path, detector: ScamDetector, **options: Any) -> Summary:  # noqa: ANN401
    given = {"thread_column": "chat", "sender_column": "who", "part_rows": PART} | options
    return score_file(source, source.with_name("out.jsonl"), detector=detector, **given)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: content(path) for path in folder.iterdir() if path.is_file()}


def _state(folder: Path) -> dict[str, Any]:
    path = folder / "out.jsonl.parts" / "state.json"
    return json.loads(path.read_bytes()) if path.exists() else {"parts": [], "buckets": []}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many threads each call judges."""
    found: list[int] = []
    real = ScamDetector.predict_conversations

    def judge(
        self: ScamDetector, conversations: Iterable[Iterable[object]], *, me: str | None = None
    ) -> list[ConversationPrediction]:
        given = list(conversations)
        found.append(len(given))
        return real(self, given, me=me)

    monkeypatch.setattr(ScamDetector, "predict_conversations", judge)
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_step_is_made_up_for(
    tmp_path: Path, detector: ScamDetector, calls: list[int]
) -> None:
    whole = _source(tmp_path / "whole")
    counts = _score(whole, detector).thread_counts
    assert sum(calls) == THREADS
    expected = _files(whole.parent)
    step, killed, resumed_at = 0, True, set()
    while killed:
        step += 1
        source = _source(tmp_path / str(step))
        killed = killed_at(step, partial(_score, source, detector))
        state = _state(source.parent)
        calls.clear()
        if killed and not (source.parent / "out.jsonl").exists():
            assert _score(source, detector, resume=True).thread_counts == counts
            resumed_at.add((len(state["parts"]), len(state["buckets"])))
            assert (sum(calls) < THREADS) == bool(state["buckets"])
        assert _files(source.parent) == expected, step
    assert {parts for parts, _ in resumed_at} == {0, 1, 2}
    assert len({buckets for _, buckets in resumed_at}) > 3  # each bucket was the last one once


def test_stop_keeps_the_judged_buckets(
    tmp_path: Path, detector: ScamDetector, calls: list[int]
) -> None:
    whole = _source(tmp_path / "whole")
    standings: list[Standing] = []
    _score(whole, detector, watch=standings.append)
    shares = [s.threads_share for s in standings if s.threads_share is not None]
    assert shares == sorted(shares) and shares[-1] == 1
    assert sum(s.ended for s in standings if s.threads_share is not None) > 3
    source = _source(tmp_path / "stopped")
    calls.clear()
    with pytest.raises(JobInterrupted) as caught:
        _score(source, detector, stop=lambda: bool(calls))
    assert "2 finished parts (24 rows)" in caught.value.__notes__[0]
    assert len(_state(source.parent)["buckets"]) == 1
    assert len(list(source.parent.glob("out*"))) == 1  # the work folder
    _score(source, detector, resume=True)
    assert sum(calls) == THREADS
    assert _files(source.parent) == _files(whole.parent)


def _stopped(folder: Path, detector: ScamDetector) -> Path:
    """Leave a job whose first bucket is judged."""
    source = _source(folder)
    judged: list[float] = []
    with pytest.raises(JobInterrupted):
        _score(
            source,
            detector,
            watch=lambda s: judged.append(1) if s.ended and s.threads_share else None,
            stop=lambda: bool(judged),
        )
    return source


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thread_column": "who"}, "thread_column then 'chat', now 'who'"),
        ({"thread_column": None, "sender_column": None}, "thread_column then 'chat', now None"),
        ({"me": "eve"}, "me then None, now 'eve'"),
    ],
)
def test_other_settings_are_refused_by_name(
    tmp_path: Path, detector: ScamDetector, options: dict[str, Any], message: str
) -> None:
    source = _stopped(tmp_path / "a", detector)
    with pytest.raises(InputError, match=message):
        _score(source, detector, resume=True, **options)


@pytest.mark.parametrize("name", ["part-000001.threads.arrow", "threads-000000.judged.arrow"])
def test_damage_is_named_with_its_cure(tmp_path: Path, detector: ScamDetector, name: str) -> None:
    source = _stopped(tmp_path / "a", detector)
    path = source.parent / "out.jsonl.parts" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=rf"{name}: damaged .*--overwrite"):
        _score(source, detector, resume=True)
    assert _score(source, detector, overwrite=True).threads is not None
