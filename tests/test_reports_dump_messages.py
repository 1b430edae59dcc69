"""The messages of a report: the highest scores and those nearest to review, each wording once."""

from __future__ import annotations

from pathlib import Path

import pytest
from scored_rows import scored_row, write_scored

pytest.importorskip("jinja2")

from scamdetect.prediction import ALLOWED
from scamdetect.reports import dump_messages
from scamdetect.reports.dump_messages import Messages, TopMessages, find_key_column, with_pieces
from scamdetect.scored.read import open_scored

_WORDS = "harbour lunch sister bread train garden school rain later window river lamp".split()


def _collect(path: Path, rows: list[dict[str, object]], most: int = 3) -> Messages:
    top = TopMessages(most)
    for batch in open_scored(write_scored(path, rows)).batches("text", key="id"):
        top.add(batch)
    return top.messages()


def _row(at: int, text: str | None, score: float | None, **columns: object) -> dict[str, object]:
    return {"id": f"m{at}", "text": text} | scored_row(score, **columns)


def test_both_lists_begin_with_the_highest_score(tmp_path: Path) -> None:
    scores = [0.95, 0.1, 0.3, 0.99, 0.7, 0.5, 0.2, 0.92, 0.4, 0.05, 0.61, 0.62]
    rows = [_row(n, word, p) for n, (word, p) in enumerate(zip(_WORDS, scores, strict=True), 1)]
    found = _collect(tmp_path / "a.parquet", rows)
    assert [(m.row, m.key, m.decision) for m in found.found] == [
        (4, "m4", "flag"), (1, "m1", "flag"), (8, "m8", "flag"),
    ]  # fmt: skip
    assert [m.row for m in found.passed] == [6, 9, 3]


def test_copies_are_shown_once(tmp_path: Path) -> None:
    texts = [f"pay {n} at https://a{n}.example" for n in range(50)] + ["lunch", "lunch", "rain"]
    rows = [_row(n, text, 0.5 - n / 1000) for n, text in enumerate(texts)]
    assert [m.text for m in _collect(tmp_path / "a.parquet", rows).passed] == [
        texts[0], "lunch", "rain",
    ]  # fmt: skip


def test_rows_count_on_over_batches_and_few_are_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_messages, "_MOST_COMPARED", 5)
    top = TopMessages(2)
    for name in ("a", "b"):
        rows = [_row(n, f"{word} {name}", n / 20) for n, word in enumerate(_WORDS)]
        dump = open_scored(write_scored(tmp_path / f"{name}.parquet", rows))
        for batch in dump.batches("text"):
            top.add(batch)
    found = top.messages()
    assert [(m.row, m.text, m.key) for m in found.passed] == [
        (12, "lamp a", None), (24, "lamp b", None),
    ]  # fmt: skip


def test_what_has_no_text_or_no_score_or_is_allowed_is_not_near_review(tmp_path: Path) -> None:
    allowed = _row(1, "hello", 0.5) | {"scamdetect_reason": f"{ALLOWED} senders.txt"}
    rows = [allowed, _row(2, None, 0.4), _row(3, "", None), _row(4, "rain", 0.1)]
    assert [m.key for m in _collect(tmp_path / "a.parquet", rows).passed] == ["m4"]
    assert _collect(tmp_path / "b.parquet", [_row(1, "", None)]) == Messages()


def test_texts_are_masked_when_shown(tmp_path: Path) -> None:
    (one,) = _collect(tmp_path / "a.parquet", [_row(1, "write to ann@mail.example", 0.95)]).found
    assert one.pieces == ()
    (shown,) = with_pieces([one])
    assert "".join(piece.text for piece in shown.pieces) == "write to [email]"


def test_a_column_of_keys_has_a_usual_name() -> None:
    assert find_key_column(["text", "ID", "uuid"]) == "ID"
    assert find_key_column(["text", "sender"]) is None
