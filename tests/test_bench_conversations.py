from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench_setting import setting
from invented_authored import SCAM
from invented_authored import row as authored

from scamdetect import ScamDetector
from scamdetect.bench.answers import Material
from scamdetect.bench.detectors.bundle import load_conversations as load
from scamdetect.bench.names import checked
from scamdetect.bench.suites.changed import conversation, conversation_final
from scamdetect.errors import InputError
from scamdetect.train.data.authored import write_rows

pytestmark = pytest.mark.slow

HONEST = "A: lunch?\nB: hello\nA: tomorrow"
LURE = "A: hello\nB: hello\nA: guaranteed profit\nB: thanks\nA: bitcoin"


@pytest.fixture
def material(tmp_path: Path) -> Material:
    rows = [
        authored(1, part="dev", text=HONEST),
        authored(2, part="dev", text=LURE, **SCAM),
        authored(3, part="dev", text="lunch tomorrow, without speakers"),
        authored(4, part="final", text=HONEST),
        authored(5, part="train", text=HONEST),
    ]
    write_rows(tmp_path / "en.jsonl", rows)
    return Material(None, tmp_path, lambda line: None)


def test_conversations_come_whole_and_after_their_first_messages(material: Material) -> None:
    suite = conversation(material)
    rows = {row["id"]: row for row in suite.rows.to_pylist()}
    assert set(rows) == {
        "en-0001", "en-0001/first/2", "en-0002", "en-0002/first/2", "en-0002/first/4",
    }  # fmt: skip
    part = rows["en-0002/first/2"]
    assert part["text"] == "A: hello\nB: hello"
    assert (part["clean_id"], part["strength"], part["verdict"]) == ("en-0002", "2", "scam")
    assert not suite.manifest.final


def test_final_conversations_are_a_suite_of_their_own(material: Material) -> None:
    suite = conversation_final(material)
    assert suite.manifest.final
    assert suite.rows["id"].to_pylist() == ["en-0004", "en-0004/first/2"]


def test_without_conversations_there_is_no_suite(tmp_path: Path) -> None:
    write_rows(tmp_path / "en.jsonl", [authored(1, part="dev", text="lunch")])
    with pytest.raises(InputError, match="no row"):
        conversation(Material(None, tmp_path, lambda line: None))


def test_the_detector_judges_turns(tiny_bundle: Path, tmp_path: Path) -> None:
    ready = load(str(tiny_bundle), setting(tmp_path))
    answers = checked(ready, [LURE, HONEST, "guaranteed profit", " "])
    with ScamDetector.load(tiny_bundle) as detector:
        turns = [line.partition(": ") for line in LURE.split("\n")]
        messages = [{"sender": sender, "text": text} for sender, _, text in turns]
        assert answers.scam[0] == detector.predict_conversation(messages).risk
        assert answers.scam[2] == detector.predict_conversation(["guaranteed profit"]).risk
    assert answers.flagged is not None and answers.flagged.tolist() == [True, False, True, False]
    assert np.isnan(answers.scam[3]) and answers.problems == (None, None, None, "unscored")


def test_a_text_with_a_line_like_a_speakers_is_read_whole(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    ready = load(str(tiny_bundle), setting(tmp_path))
    answers = checked(ready, ["guaranteed profit with bitcoin\nA: hello", "A: hello"])
    assert answers.scam[0] > 0.5 > answers.scam[1]
