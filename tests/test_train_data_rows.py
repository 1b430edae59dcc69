"""Records become labelled rows as the description says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented_source import LABELS, ROW, csv_bytes, make_source, write_files

from scamdetect.errors import SourceError
from scamdetect.labels import Kind, Provenance, Verdict
from scamdetect.train.data.rows import Row, letters_of, load_rows, row_hash


def load(folder: Path, data: bytes, **changes: Any) -> list[Row]:  # noqa: ANN401
    write_files(folder, "one", {"a.csv": data})
    return load_rows(make_source("one", {"a.csv": data}, **changes), folder, folder)


def texts(rows: list[Row]) -> list[str]:
    return [row.text for row in rows]


def test_a_row_says_all_that_the_source_says(tmp_path: Path) -> None:
    data = b"id,title,body,class\n7, Hi ,there,Ham\n8,Buy,,PROMO\n"
    part = {"files": "*.csv", "split": "train", "channel": "chat", "generated": "llm"}
    first, second = load(
        tmp_path,
        data,
        read={"format": "csv", "parts": [part]},
        row=ROW
        | {
            "text": ["title", "body"],
            "join": " | ",
            "label": "class",
            "orig_label": "{stem}:{class}",
            "thread_id": "{split}-{id}",
        },
        unsplit=["spam"],
    )
    assert first == Row(
        row_hash=row_hash("one", "Hi  | there"),
        source="one",
        text="Hi  | there",
        verdict=Verdict.LEGIT,
        lang="en",
        channel="chat",
        orig_label="a:Ham",
        verdict_provenance=Provenance.SOURCE,
        split="train",
        thread_id="train-7",
        generated="llm",
    )
    assert (second.text, second.verdict, second.unsplit) == ("Buy", Verdict.SPAM, True)


def test_the_hash_is_that_of_slug_and_text() -> None:
    # printf 'one\nhi' | sha256sum
    assert row_hash("one", "hi") == "0566ba41136b72aa"
    assert row_hash("one", "\ud800") != row_hash("two", "\ud800")


def test_a_label_of_the_part_or_the_rest_holds(tmp_path: Path) -> None:
    read = {"format": "csv", "parts": [{"files": "*.csv", "label": "scam"}]}
    data = b"text\nhello\n"
    assert [row.verdict for row in load(tmp_path, data, read=read)] == [Verdict.SCAM]
    data = csv_bytes(("hello", "odd"))
    assert load(tmp_path, data, labels={"*": "spam"})[0].orig_label == "odd"
    with pytest.raises(SourceError, match=r"one: label 'odd' is not in \[labels\] \(ham, promo"):
        load(tmp_path, data)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"text": ["txet"]},
            "one/a.csv: [row] names txet, which no record has; known: label, text",
        ),
        ({"label": "class"}, "[row] names class"),
        ({"orig_label": "x:{klass}"}, "[row] names klass"),
        ({"thread_id": "{chat}"}, "[row] names chat"),
    ],
)
def test_a_misspelt_field_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, csv_bytes(("hi", "ham")), row=ROW | changes)
    assert words in str(caught.value)


def test_a_short_line_may_lack_fields(tmp_path: Path) -> None:
    data = b"text,label,id\nhello,ham,3\nshort\n"
    row = ROW | {"orig_label": "{label}", "thread_id": "t{id}"}
    found = load(tmp_path, data, row=row, labels=LABELS | {"": "legit"})
    assert [(r.text, r.orig_label, r.thread_id) for r in found] == [
        ("hello", "ham", "t3"), ("short", "", "t"),
    ]  # fmt: skip
    assert load(tmp_path, b"text,label\n") == []


def test_plain_repeats_go_and_others_stay(tmp_path: Path) -> None:
    data = csv_bytes(("Hi you", "ham"), ("Hi you ", "scam"), ("hi  you", "ham"), ("Hi, you", "ham"))
    assert texts(load(tmp_path, data)) == ["Hi you", "hi  you", "Hi, you"]


def test_folded_repeats_go(tmp_path: Path) -> None:
    data = csv_bytes(
        ("Hi you", "ham"), ("hi  YOU", "ham"), ("Hi, you!", "ham"), ("Fish &amp; chips", "ham"),
        ("!", "ham"), ("?!", "ham"), ("nul\0l", "ham"), ("null", "ham"),
    )  # fmt: skip
    found = load(tmp_path, data, clean={"dedupe": "fold"})
    assert texts(found) == ["Hi you", "Fish & chips", "null"]


def test_dropped_labels_hide_no_repeat(tmp_path: Path) -> None:
    data = csv_bytes(("same", "skip"), ("same", "ham"), ("Same!", "skip"), ("other", "skip"))
    assert texts(load(tmp_path, data)) == ["same"]
    assert texts(load(tmp_path, data, clean={"dedupe": "fold"})) == ["same"]


def test_dropped_labels_take_no_place_under_the_cap(tmp_path: Path) -> None:
    data = csv_bytes(*((f"gone {n}", "skip") for n in range(20)), ("a", "ham"), ("b", "ham"))
    assert texts(load(tmp_path, data, clean={"cap_per_language": 2})) == ["a", "b"]


def test_cleaning(tmp_path: Path) -> None:
    data = csv_bytes(
        ("RT one&lt;two", "ham"), ("hi", "ham"), ("Call our Hotline", "ham"), ("wanted", "ham"),
        ("  ", "ham"),
    )  # fmt: skip
    clean = {
        "unescape_html": True,
        "substitute": [["^RT ", ""], ["two", "2"]],
        "min_chars": 3,
        "drop": ["hotline"],
        "drop_hashes": [row_hash("one", "wanted")],
    }
    assert texts(load(tmp_path, data, clean=clean)) == ["one<2"]


def test_the_cap_draws_the_same_rows_of_each_language(tmp_path: Path) -> None:
    files = {f"{lang}.csv": csv_bytes(*((f"{lang} {n}", "ham") for n in range(30)))
             for lang in ("en", "fr")}  # fmt: skip
    write_files(tmp_path, "one", files)
    parts = [{"files": f"{lang}.csv", "lang": lang} for lang in ("en", "fr")]
    read = {"format": "csv", "parts": parts}
    source = make_source("one", files, read=read, clean={"cap_per_language": 10})
    found = load_rows(source, tmp_path)
    assert found == load_rows(source, tmp_path)
    assert [sum(row.lang == lang for row in found) for lang in ("en", "fr")] == [10, 10]
    order = [(row.lang, int(row.text.split()[1])) for row in found]
    assert order == sorted(order)
    assert order != [(lang, n) for lang in ("en", "fr") for n in range(10)]


def test_kinds_follow_the_rules_in_order(tmp_path: Path) -> None:
    data = csv_bytes(
        ("Bitcoin gold", "scam"), ("win LOTTERY", "scam"), ("loan for bitcoin", "scam"),
        ("nothing", "scam"), ("bitcoin", "ham"), ("bitcoin sale", "promo"), ("pure crypto", "scam"),
    )  # fmt: skip
    kinds = [
        {"kinds": ["crypto", "investment"], "any": ["bitcoin|crypto"], "also": ["gold", "loan"]},
        {"kinds": ["lottery"], "any": ["lottery"], "provenance": "source"},
        {"kinds": ["loan"], "any": ["loan"], "replace": True},
        {"kinds": ["gambling"], "any": ["bitcoin"], "verdicts": ["spam"]},
        {"kinds": ["job"], "any": ["gold|nothing"], "unless": ["crypto"], "labels": ["scam"]},
        {"kinds": ["other"], "fallback": True},
    ]
    found = {row.text: row for row in load(tmp_path, data, kinds=kinds)}
    assert {text: row.kinds for text, row in found.items()} == {
        "Bitcoin gold": (Kind.CRYPTO, Kind.INVESTMENT),
        "win LOTTERY": (Kind.LOTTERY,),
        "loan for bitcoin": (Kind.LOAN,),
        "nothing": (Kind.JOB,),
        "bitcoin": (),
        "bitcoin sale": (Kind.GAMBLING,),
        "pure crypto": (Kind.OTHER,),
    }
    assert found["win LOTTERY"].kinds_provenance is Provenance.SOURCE
    assert found["nothing"].kinds_provenance is Provenance.RULE
    assert found["bitcoin"].kinds_provenance is None


def test_slices_hold_for_honest_rows_and_promos(tmp_path: Path) -> None:
    data = csv_bytes(
        ("my code", "ham"), ("my love", "ham"), ("love sale", "promo"), ("love", "scam")
    )
    slices = [
        {"slice": "everyday", "labels": ["ham"]},
        {"slice": "affection", "any": ["love"]},
        {"slice": "affection", "any": ["my love"]},
        {"slice": "finance", "langs": ["fr"]},
    ]
    assert [row.slices for row in load(tmp_path, data, slices=slices)] == [
        ("everyday",), ("everyday", "affection"), ("affection",), (),
    ]  # fmt: skip


def test_a_verdict_file_decides(tmp_path: Path) -> None:
    data = csv_bytes(("hola", "skip"), ("gone", "skip"), ("bonjour", "ham"), ("hi", "ham"))
    lines = [f"{row_hash('one', 'hola')}\tes\tscam", f"{row_hash('one', 'bonjour')}\tfr\t"]
    (tmp_path / "one.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = load(tmp_path, data, verdict_file="one.tsv")
    assert [(row.text, row.lang, row.verdict) for row in found] == [
        ("hola", "es", "scam"), ("bonjour", "fr", "legit"), ("hi", "en", "legit"),
    ]  # fmt: skip
    for broken in ("only\ttwo\n", f"{'0' * 16}\tes\tperhaps\n"):
        (tmp_path / "one.tsv").write_text(lines[0] + "\n" + broken, encoding="utf-8")
        with pytest.raises(SourceError, match="one.tsv:2"):
            load(tmp_path, data, verdict_file="one.tsv")
    with pytest.raises(SourceError, match="none.tsv: cannot be read"):
        load(tmp_path, data, verdict_file="none.tsv")


def test_what_cannot_work_is_named(tmp_path: Path) -> None:
    data = csv_bytes(("hi", "ham"))
    read = {"format": "adapter", "adapter": "magic", "parts": [{"files": "*"}]}
    with pytest.raises(SourceError, match="one: unknown adapter 'magic'; known: .*korccvi"):
        load(tmp_path, data, read=read)
    with pytest.raises(SourceError, match=r"one: '\(' is not a regular expression"):
        load(tmp_path, data, clean={"drop": ["("]})


@given(st.text())
def test_letters_ignore_case_and_punctuation(text: str) -> None:
    assert letters_of(f"«{text}»!") == letters_of(text)
    assert letters_of(letters_of(text)) == letters_of(text)
