"""Readings become corrections of public rows and the reader of authored ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from invented_authored import SCAM, row

pytest.importorskip("sklearn")

from data.workshop.reading import Answers, Key, Reading, text_digest
from data.workshop.reading_merge import (
    figure_lines,
    figures_of,
    merge_authored,
    merge_public,
    of_present_texts,
)
from scamdetect.errors import SourceError
from scamdetect.labels import Kind, Verdict
from scamdetect.train.data.authored import load_authored, write_rows
from scamdetect.train.data.corrections import read_corrections


def reading(
    number: int,
    probability: int,
    reader: str = "r1",
    source: str = "some_sms",
    batch: str = "b-1",
    digest: str = "",
) -> Reading:
    verdict = Verdict.SCAM if probability >= 50 else Verdict.SPAM
    name = f"en-{number:04d}" if source == "authored_en" else f"h{number}"
    key = Key(batch, number, source, name, "open", "open", "read", digest)
    kinds = (Kind.JOB,) if verdict is Verdict.SCAM else ()
    return Reading(key, verdict, probability, kinds, "task with deposit", reader)


def answers(*readings: Reading) -> Answers:
    return Answers(list(readings), [], [], [])


def test_readings_become_corrections(tmp_path: Path) -> None:
    found = merge_public(answers(reading(1, 90), reading(2, 10, source="other")), tmp_path)
    assert [path.name for path in found] == ["other.csv", "some_sms.csv"]
    (one,) = read_corrections(tmp_path, "some_sms")
    assert (one.row_hash, one.old, one.new, one.kinds) == ("h1", "open", Verdict.SCAM, (Kind.JOB,))
    assert (one.probability, one.reader, one.batch) == (90, "r1", "b-1")


def test_two_readers_give_their_mean_or_no_correction(tmp_path: Path) -> None:
    equal = [reading(1, 90), reading(1, 60, "r2", batch="b-2")]
    differing = [reading(2, 80), reading(2, 30, "r2", batch="b-2")]
    merge_public(answers(*equal, *differing), tmp_path)
    (one,) = read_corrections(tmp_path, "some_sms")
    assert (one.row_hash, one.probability, one.reader) == ("h1", 75, "r1 r2")


def test_a_later_merge_adds_to_the_earlier(tmp_path: Path) -> None:
    merge_public(answers(reading(1, 90)), tmp_path)
    merge_public(answers(reading(2, 20)), tmp_path)
    assert len(read_corrections(tmp_path, "some_sms")) == 2


def test_a_dev_row_keeps_the_reading_that_doubts_its_label(tmp_path: Path) -> None:
    def of_dev(one: Reading) -> Reading:
        return replace(one, key=msgspec.structs.replace(one.key, old="scam", why="dev"))

    both = [of_dev(reading(2, 80)), of_dev(reading(2, 30, "r2", batch="b-2"))]
    sure = [of_dev(reading(3, 80)), of_dev(reading(3, 90, "r2", batch="b-2"))]
    merge_public(answers(*both, *sure), tmp_path)
    doubted, kept = read_corrections(tmp_path, "some_sms")
    assert (doubted.row_hash, doubted.old, doubted.new) == ("h2", "scam", Verdict.SPAM)
    assert (kept.old, kept.new, kept.probability) == ("scam", Verdict.SCAM, 85)


def test_authored_rows_get_their_reader_and_differences_are_told(tmp_path: Path) -> None:
    rows = [row(1), row(2, **SCAM, text="join the gold group, twelve percent a week")]
    write_rows(tmp_path / "en.jsonl", rows)
    both = [reading(1, 70, source="authored_en"), reading(2, 97, source="authored_en")]
    differing = merge_authored(answers(*both), tmp_path)
    assert [one.key.id for one in differing] == ["en-0001"]
    assert [one.reader for one in load_authored(tmp_path)] == [70, 97]


def test_a_reading_of_a_row_that_is_gone_is_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "en.jsonl", [row(1)])
    with pytest.raises(SourceError, match="en-0009 was read and is now missing"):
        merge_authored(answers(reading(9, 10, source="authored_en")), tmp_path)


def test_a_reading_of_an_earlier_text_does_not_count(tmp_path: Path) -> None:
    write_rows(tmp_path / "en.jsonl", [row(1, text="gold is dear this week, said the jeweller")])
    new = text_digest("gold is dear this week, said the jeweller")
    stale = reading(1, 70, source="authored_en", digest=text_digest("gold is dear"))
    present = reading(1, 9, "r2", source="authored_en", batch="b-2", digest=new)
    public = reading(2, 70)
    found = of_present_texts(answers(stale, present, public), tmp_path)
    assert found.readings == [present, public]


def test_figures_count_agreement() -> None:
    twice = [reading(n, 90 if n % 2 else 10) for n in range(1, 5)]
    twice += [reading(n, 90 if n in (1, 2) else 10, "r2", batch="b-2") for n in range(1, 5)]
    texts = {"h1": "guaranteed profit [link host 2], my darling", "h2": "lunch at noon?"}
    figures = figures_of(answers(*twice), texts)
    assert (figures.twice, figures.twice_equal, figures.kappa) == (4, 2, 0.0)
    assert figures.rule_agreement == 1.0
    text = "\n".join(figure_lines(figures))
    assert "read twice: 4, equal verdict 2, Cohen's kappa 0.000" in text
    assert "| some_sms | open | 0 | 2 | 2 |" in text


def test_a_second_reader_who_differs_takes_a_correction_back(tmp_path: Path) -> None:
    first, second = reading(1, 90), reading(1, 10, "r2", batch="b-2")
    merge_public(answers(first, reading(2, 90)), tmp_path)
    merge_public(answers(first, second), tmp_path)
    (left,) = read_corrections(tmp_path, "some_sms")
    assert left.row_hash == "h2"


def test_a_row_corrected_before_keeps_its_old_label(tmp_path: Path) -> None:
    merge_public(answers(reading(1, 90)), tmp_path)
    later = reading(1, 20, "r2", batch="b-2")
    later = replace(later, key=msgspec.structs.replace(later.key, old="scam"))
    merge_public(answers(later), tmp_path)
    (one,) = read_corrections(tmp_path, "some_sms")
    assert (one.old, one.new, one.reader) == ("open", Verdict.SPAM, "r2")
