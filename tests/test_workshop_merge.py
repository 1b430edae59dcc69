"""A writer's texts on their cards."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from invented_authored import pair_of, row

from data.workshop.merge import departures, merge, read_texts
from scamdetect.errors import SourceError
from scamdetect.train.data.authored import load_authored, write_rows


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    cards = [row(n, text="", generated="", part=None) for n in (1, 2, 3)]
    write_rows(tmp_path / "cards.jsonl", cards)
    return tmp_path / "cards.jsonl", tmp_path / "en.txt", tmp_path / "out" / "en.jsonl"


def test_texts_go_onto_their_cards(files: tuple[Path, Path, Path]) -> None:
    cards, texts, output = files
    texts.write_text(
        '## en-0002 hard\n first "line"\n\nsecond \n\n##en-0001\nold\n## en-0001\nnew\n'
    )
    done = merge(cards, texts, output, "claude")
    assert (done.cards_left, done.problems) == (1, [])
    first, second = load_authored(output.parent)
    assert (first.text, second.text) == ("new", 'first "line"\n\nsecond')
    assert (first.hard, second.hard, first.generated) == (False, True, "claude")


def test_merging_again_keeps_parts_and_the_reader_of_unchanged_texts(
    files: tuple[Path, Path, Path],
) -> None:
    cards, texts, output = files
    texts.write_text("## en-0001\none\n## en-0002\ntwo\n")
    merge(cards, texts, output, "claude")
    read = [msgspec.structs.replace(r, part="dev", reader=9) for r in load_authored(output.parent)]
    write_rows(output, read)
    texts.write_text("## en-0001\none\n## en-0002\nchanged\n")
    merge(cards, texts, output, "claude")
    assert [(r.part, r.reader) for r in load_authored(output.parent)] == [("dev", 9), ("dev", None)]


def test_with_a_problem_nothing_is_written(files: tuple[Path, Path, Path]) -> None:
    cards, texts, output = files
    texts.write_text("## en-0001\nat evil.com\n## en-0002\n\n## en-0009\nx\n")
    problems = merge(cards, texts, output, "claude").problems
    assert [p.removeprefix(str(texts)).partition(";")[0] for p in problems] == [
        f":5: no card en-0009 in {cards}",
        ":1: en-0001: a link or e-mail address that somebody could own",
        ":3: en-0002: empty text",
    ]
    assert not output.exists()


def test_another_card_of_the_same_id_does_not_replace_a_row(files: tuple[Path, Path, Path]) -> None:
    cards, texts, output = files
    texts.write_text("## en-0001\none\n")
    merge(cards, texts, output, "claude")
    write_rows(cards, [row(1, text="", hook="another")])
    (problem,) = merge(cards, texts, output, "claude").problems
    assert "with another card; draw cards with another --first" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hello\n## en-0001\nx", ":1: text before the first header"),
        ("## en-0001\nx\n## en 0002\ny", ":3: not a header"),
        ("## en-0001 kinds=love\nx", ":1: unknown option 'kinds=love'; allowed: hard, easy"),
    ],
)
def test_a_writers_file_that_cannot_be_read_is_named(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "en.txt"
    path.write_text(text)
    with pytest.raises(SourceError, match=f"{path}{problem}"):
        read_texts(path)


def test_departures_from_the_card_are_told() -> None:
    kept = row(1, text="did you see the price that gold has now")
    assert list(departures([kept])) == []
    scam, legit = pair_of(1, length=(5, 40))
    told = departures(
        [
            row(5, text="too short"),
            row(6, text="six plain words on a.example ok"),
            row(7, emoji=True, link="own host", text="six plain words without any emoji"),
            msgspec.structs.replace(scam, text="one two three four five"),
            msgspec.structs.replace(legit, text="word " * 12),
        ]
    )
    assert [line.partition(",")[0] for line in told] == [
        "en-0005: 2 words",
        "en-0006: has a link",
        "en-0007: lacks a link",
        "en-0007: lacks an emoji",
        "en-0002: 12 words",
    ]
