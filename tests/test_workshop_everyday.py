"""The workshop's everyday messages: texts onto campaigns, copies found, form measured."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from invented_everyday import HONEST, SCAM, write_catalogue

from data.workshop.__main__ import workshop
from data.workshop.everyday import (
    alike_rows,
    copied_rows,
    form_rates,
    link_auc,
    merge_everyday,
    read_written,
    word_runs,
)
from scamdetect.errors import SourceError
from scamdetect.train.data.everyday import Catalogue, load_catalogue, write_everyday

TEXTS = """## parcel-train links=look-alike
pkg held, fee due: post-fee.example/a
## n-train
Out for delivery
between 2 and 4
## n-train script=Latn
Driver is near, code 4471
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return load_catalogue(write_catalogue(tmp_path / "cards"))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_texts_take_verdict_part_and_channel_from_the_catalogue(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    texts, output = written(tmp_path, TEXTS), tmp_path / "everyday" / "en.jsonl"
    rows, problems = merge_everyday(texts, output, catalogue, "a tester")
    assert problems == [] and output.exists()
    found = [(row.id, row.verdict.value, row.part, row.links, row.generated) for row in rows]
    assert found == [
        ("en-e0001", "scam", "train", "look-alike", "a tester"),
        ("en-e0002", "legit", "train", "none", "a tester"),
        ("en-e0003", "legit", "train", "none", "a tester"),
    ]
    assert rows[1].text == "Out for delivery\nbetween 2 and 4"
    more = written(tmp_path, TEXTS + "## parcel-dev\nlast notice go.example/x\n")
    again, _ = merge_everyday(more, output, catalogue, "a tester")
    assert [row.id for row in again][3:] == ["en-e0004"]
    assert again[3].links == "shortener"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("## letter\nhello\n", "campaign 'letter' is not in the catalogue"),
        ("## parcel-train links=short\nx.example\n", "links 'short'; known: none, plain"),
        ("## parcel-train kinds=post\nx.example\n", "unknown kind 'post'"),
        ("## parcel-train\nat evil.com\n", "that somebody could own"),
    ],
)
def test_wrong_texts_are_named_and_nothing_is_written(
    tmp_path: Path, catalogue: Catalogue, text: str, words: str
) -> None:
    output = tmp_path / "en.jsonl"
    _, problems = merge_everyday(written(tmp_path, text), output, catalogue, "a tester")
    assert words in problems[0] and "texts.txt:1" in problems[0] and not output.exists()


def test_text_without_a_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"texts\.txt:1: text before the first header"):
        read_written(written(tmp_path, "hello\n"))
    with pytest.raises(SourceError, match=r"texts.txt: contains no message"):
        read_written(written(tmp_path, "\n"))
    with pytest.raises(SourceError, match=r"texts\.txt:1: not a header"):
        read_written(written(tmp_path, "## Parcel!\nhello\n"))


def test_variants_and_copies_are_found() -> None:
    twin = msgspec.structs.replace(SCAM, id="en-e0003", text="pkg held. fee 1.30 go.example/b")
    far = msgspec.structs.replace(SCAM, id="en-e0004", text="your parcel could not be cleared")
    assert [pair[:2] for pair in alike_rows([SCAM, twin, far])] == [(SCAM.id, twin.id)]
    long = msgspec.structs.replace(HONEST, text="we will be at your door today from two to four")
    public = ["Sir, we will be at your DOOR, today from two", "nothing alike"]
    assert copied_rows([long, SCAM], public) == {long.id: 1}
    thai = msgspec.structs.replace(HONEST, text="พัสดุของคุณกำลังจัดส่งวันนี้โปรดรอรับสายจากพนักงาน")
    assert copied_rows([thai], [f"แจ้งเตือน {thai.text}"]) == {thai.id: 1}


def test_vowel_signs_are_of_their_words() -> None:
    hindi = "आपका पार्सल आज शाम तक पहुँच जाएगा कृपया घर पर रहें"
    assert len(word_runs(hindi)) == len(hindi.split()) - 7


def test_form_is_measured() -> None:
    rates = form_rates(["PAY NOW! go.example/a", "see you at 5."])
    assert (rates["link"], rates["exclamation"], rates["digit"]) == (0.5, 0.5, 0.5)
    assert rates["no full stop"] == 0.5 and rates["median length"] == 17
    assert link_auc([SCAM, HONEST]) == 1.0
    assert link_auc([SCAM, msgspec.structs.replace(HONEST, links="shortener")]) == 0.5


def test_the_commands_merge_and_check(tmp_path: Path) -> None:
    cards = write_catalogue(tmp_path / "cards")

    def run(*arguments: str | Path) -> tuple[int, str]:
        done = CliRunner().invoke(workshop, [*map(str, arguments), "--cards", str(cards)])
        return done.exit_code, done.output

    output = tmp_path / "everyday" / "en.jsonl"
    merge = ("everyday-merge", written(tmp_path, TEXTS), "-o", output, "--writer", "a tester")
    assert run(*merge) == (0, f"{output}: 3 rows\n")
    code, shown = run("everyday", output.parent, "--lang", "en")
    assert code == 0 and "scam: 1 rows" in shown and "only links: AUC" in shown
    twin = msgspec.structs.replace(SCAM, id="en-e0009", text=SCAM.text + "!")
    write_everyday(output, [SCAM, twin, HONEST], "a tester")
    code, shown = run("everyday", output.parent, "--lang", "en")
    assert code == 1 and "too similar: 1" in shown
    write_everyday(output, [msgspec.structs.replace(SCAM, part="dev")], "a tester")
    code, shown = run("everyday", output.parent)
    assert code == 1 and "which is of train in all languages" in shown
