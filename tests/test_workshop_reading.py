"""Batches hide their labels; answers count only from readers who find the known ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.workshop.reading import Item, read_answers, read_keys, spread, write_batches
from scamdetect.errors import SourceError
from scamdetect.labels import Kind, Verdict


def item(number: int, old: str = "spam", source: str = "some_sms") -> Item:
    return Item(source, f"h{number}", "sms", old, "open", f"message {number}\n## not a header")


KNOWN = [
    Item("authored_en", f"k{n}", "chat", v, "known", f"known {n}")
    for n, v in enumerate(["scam", "legit", "scam", "legit"])
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two batches of ten, seven of them to be read."""
    names = write_batches([item(n) for n in range(14)], KNOWN, tmp_path, 10, 1, "some")
    assert names == ["some-001", "some-002"]
    return tmp_path


def answer(folder: Path, batch: str, reader: str, misses: int = 0) -> None:
    lines = []
    for key in read_keys(folder):
        if key.batch != batch:
            continue
        scam = key.old == "scam"
        if key.role == "sentinel" and misses:
            scam, misses = not scam, misses - 1
        lines.append(
            f"{key.number} | scam | 93 | lottery,phishing | fee first"
            if scam
            else f"{key.number} | legit | 4 | - | small talk"
        )
    (folder / "answers").mkdir(exist_ok=True)
    (folder / "answers" / f"{batch}.{reader}.txt").write_text("\n".join(lines), encoding="utf-8")


def test_a_batch_shows_texts_and_channels_but_no_label(folder: Path) -> None:
    text = (folder / "some-001.txt").read_text(encoding="utf-8")
    assert text.count("\n## ") == 9 and text.startswith("## 1 (")
    assert "some_sms" not in text and "spam" not in text and "scam" not in text
    assert text.count("\n ## not a header") == 7


def test_each_row_is_in_one_batch_and_each_batch_has_three_known_ones(folder: Path) -> None:
    keys = read_keys(folder)
    assert sorted(key.id for key in keys if key.role == "read") == sorted(
        f"h{n}" for n in range(14)
    )
    for batch in ("some-001", "some-002"):
        of_batch = [key for key in keys if key.batch == batch]
        assert sum(key.role == "sentinel" for key in of_batch) == 3
        assert [key.number for key in of_batch] == list(range(1, 11))


def test_long_messages_are_cut_in_the_middle(tmp_path: Path) -> None:
    long = Item("s", "h", "email", "scam", "open", "start " + "x" * 5_000 + " end")
    write_batches([long], KNOWN, tmp_path, 10, 1, "long")
    text = (tmp_path / "long-001.txt").read_text(encoding="utf-8")
    assert "start" in text and "end" in text and "[...]" in text and len(text) < 2_500


def test_answers_come_back_as_readings(folder: Path) -> None:
    answer(folder, "some-001", "r1")
    found = read_answers(folder)
    assert len(found.readings) == 7 and found.missing == ["some-002"] and not found.failed
    assert all(hit for _, hit in found.sentinels) and len(found.sentinels) == 3
    first = found.readings[0]
    assert (first.verdict, first.probability, first.kinds) == (Verdict.LEGIT, 4, ())
    scam = next(reading for reading, _ in found.sentinels if reading.verdict is Verdict.SCAM)
    assert scam.kinds == (Kind.LOTTERY, Kind.PHISHING) and scam.reader == "r1"


def test_a_reader_who_misses_two_does_not_count_and_another_does(folder: Path) -> None:
    answer(folder, "some-001", "r1", misses=2)
    assert read_answers(folder).failed == ["some-001"]
    answer(folder, "some-001", "r2", misses=1)
    found = read_answers(folder)
    assert not found.failed and {reading.reader for reading in found.readings} == {"r2"}
    assert sum(hit for _, hit in found.sentinels) == 3 and len(found.sentinels) == 6


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 | legit | 4 | -", "write all five"),
        ("99 | legit | 4 | - | x", "no message '99' in this batch"),
        ("1 | maybe | 4 | - | x", "verdict 'maybe'; allowed: legit, spam, scam"),
        ("1 | legit | 140 | - | x", "probability '140'; allowed: 0 to 100"),
        ("1 | legit | 60 | - | x", "scam is 50 and over"),
        ("1 | scam | 70 | theft | x", "unknown kind 'theft'"),
        ("1 | scam | 70 | - | x", "a scam without a kind"),
        ("1 | spam | 20 | loan | x", "kinds on a spam row"),
    ],
)
def test_a_malformed_answer_names_file_and_line(folder: Path, line: str, message: str) -> None:
    answer(folder, "some-001", "r1")
    path = folder / "answers" / "some-001.r1.txt"
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}", encoding="utf-8")
    with pytest.raises(SourceError, match=rf"some-001\.r1\.txt:11: .*{message}"):
        read_answers(folder)


def test_unanswered_messages_and_unknown_batches_are_named(folder: Path) -> None:
    answer(folder, "some-001", "r1")
    path = folder / "answers" / "some-001.r1.txt"
    path.write_text("1 | legit | 4 | - | x", encoding="utf-8")
    (folder / "answers" / "other-001.r1.txt").write_text("", encoding="utf-8")
    with pytest.raises(SourceError, match="no answer for 2, 3, 4") as caught:
        read_answers(folder)
    assert "no such batch" in str(caught.value)


def test_batches_are_not_drawn_over(folder: Path) -> None:
    with pytest.raises(SourceError, match="choose another name"):
        write_batches([item(1)], KNOWN, folder, 10, 1, "some")
    assert write_batches([item(1)], KNOWN, folder, 10, 1, "more") == ["more-001"]
    with pytest.raises(SourceError, match="3 are needed"):
        write_batches([item(1)], KNOWN[:2], folder, 10, 1, "few")
    with pytest.raises(SourceError, match="nothing is left to read"):
        write_batches([], KNOWN, folder, 10, 1, "none")
    with pytest.raises(SourceError, match="letters, digits, hyphens"):
        write_batches([item(1)], KNOWN, folder, 10, 1, "v1.5")


def test_no_known_answer_is_a_row_of_its_own_batch(tmp_path: Path) -> None:
    write_batches(KNOWN[:1], KNOWN, tmp_path, 10, 1, "own")
    ids = [key.id for key in read_keys(tmp_path)]
    assert len(ids) == len(set(ids)) == 4


def test_a_message_is_answered_once(folder: Path) -> None:
    answer(folder, "some-001", "r1")
    path = folder / "answers" / "some-001.r1.txt"
    path.write_text(path.read_text(encoding="utf-8") + "\n1 | legit | 4 | - | x", encoding="utf-8")
    with pytest.raises(SourceError, match=r"some-001\.r1\.txt:11: 1 is answered twice"):
        read_answers(folder)


def test_sides_of_a_pair_stand_far_apart() -> None:
    items = [item(n) for n in range(6)]
    order = [one.id for one in spread(items, {"h0": "p", "h1": "p"})]
    assert order == ["h0", "h2", "h3", "h4", "h5", "h1"]
