from __future__ import annotations

import pyarrow as pa
from invented_dialogues import dialogue_table

from scamdetect.train.data.table import dialogues, messages_of


def test_lines_of_one_message_stay_together() -> None:
    assert messages_of("title\nA: hello\nand more\nB:hi\nA: ") == [
        {"sender": "A", "text": "hello\nand more"},
        {"sender": "B", "text": "hi"},
        {"sender": "A", "text": ""},
    ]


def test_text_without_speakers_has_no_messages() -> None:
    assert messages_of("hello\nK: not a speaker") == []


def test_only_scam_and_honest_conversations_of_two_are_taken() -> None:
    table = dialogue_table(2)
    rows = table.to_pylist()
    rows += [rows[0] | {"text": "A: alone\nA: still"}, rows[0] | {"not_legit": True}]
    rows += [rows[0] | {"verdict": "spam"}]
    found = list(dialogues(pa.Table.from_pylist(rows, table.schema), longest=2))
    assert [one.scam for one in found] == [False, False, True, True]
    assert {len(one.messages) for one in found} == {2}
    assert found[0].slices == ("affection",)
