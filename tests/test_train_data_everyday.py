"""Everyday messages: read and checked row by row, and part of the corpus by campaign."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from invented_authored import row as authored_row
from invented_everyday import HONEST, SCAM, write_catalogue
from invented_source import csv_bytes, description, write_files, write_toml

from scamdetect.errors import SourceError
from scamdetect.labels import Verdict
from scamdetect.train.data.authored import write_rows
from scamdetect.train.data.everyday import (
    CANARY,
    Catalogue,
    EverydayRow,
    check_everyday,
    load_catalogue,
    load_everyday,
    write_everyday,
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return load_catalogue(write_catalogue(tmp_path / "cards"))


def changed(row: EverydayRow, **changes: Any) -> EverydayRow:  # noqa: ANN401
    return msgspec.structs.replace(row, **changes)


def test_rows_come_back_as_written_under_a_canary(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "own" / "en.jsonl"
    write_everyday(path, [HONEST, SCAM], "a tester")
    assert load_everyday(path.parent, catalogue) == [SCAM, HONEST]
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert CANARY in first and "CC-BY-4.0" in first and "a tester" in first


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (changed(SCAM, campaign="letter"), "campaign 'letter' is not in the catalogue"),
        (changed(SCAM, part="dev"), "part dev of the campaign parcel-train, which is of train"),
        (changed(SCAM, verdict="legit"), "a row of the campaign parcel-train must be scam"),
        (changed(SCAM, kinds=()), "must be scam, with kinds"),
        (changed(HONEST, kinds=("job",)), "a row of the family n-train must be legit"),
        (changed(SCAM, links="none"), "links is 'none', but the text has a link"),
        (changed(HONEST, links="chat"), "links is 'chat', but the text has no link"),
        (changed(SCAM, text="go to evil.com"), "that somebody could own"),
        (changed(SCAM, id="en-0001"), "the id must be en-e and four digits"),
        (changed(SCAM, script="Cyrl"), "script 'Cyrl' does not belong to en"),
        (changed(SCAM, text=" a.example "), "blanks around it"),
        (changed(SCAM, generated=""), "generated is empty"),
        (
            changed(HONEST, text="\n".join(f"{side}: well" for side in "ABABABA")),
            "7 turns; a thread has at most 6",
        ),
    ],
)
def test_a_wrong_row_is_named_with_its_place(
    tmp_path: Path, catalogue: Catalogue, row: EverydayRow, words: str
) -> None:
    write_everyday(tmp_path / "own" / "en.jsonl", [row], "a tester")
    with pytest.raises(SourceError, match=r"en\.jsonl:2: .*" + words):
        load_everyday(tmp_path / "own", catalogue)


def test_what_stands_twice_or_in_the_wrong_file_is_named(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    write_everyday(tmp_path / "own" / "en.jsonl", [SCAM, changed(HONEST, id=SCAM.id)], "a")
    write_everyday(tmp_path / "own" / "fr.jsonl", [SCAM], "a")
    problems = "\n".join(check_everyday(tmp_path / "own", catalogue))
    assert "duplicate id 'en-e0001'" in problems and "lang 'en' in the file of 'fr'" in problems


def test_a_campaign_of_a_written_part_needs_rows(tmp_path: Path, catalogue: Catalogue) -> None:
    write_everyday(tmp_path / "own" / "en.jsonl", [SCAM], "a tester")
    assert check_everyday(tmp_path / "own", catalogue) == [
        "notices.toml: n-train: no row of any language; write some or delete it"
    ]
    assert check_everyday(tmp_path / "own", catalogue, ["en"]) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the first line is not a header"),
        ('{"canary":"x","licence":"","generated":""}\n', "the canary must be"),
    ],
)
def test_a_file_without_its_canary_is_refused(
    tmp_path: Path, catalogue: Catalogue, text: str, words: str
) -> None:
    (tmp_path / "en.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"en\.jsonl:1: " + words):
        load_everyday(tmp_path, catalogue)


def test_the_corpus_keeps_a_campaign_together_in_all_languages(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    pytest.importorskip("rensa")
    from scamdetect.train.data.corpus import build_corpus

    public = {"a.csv": csv_bytes(("the lamp is broken again", "ham"))}
    write_files(tmp_path / "raw", "public", public)
    write_toml(tmp_path / "sources" / "public.toml", description("public", public))
    own = tmp_path / "own"
    write_rows(own / "en.jsonl", [authored_row(part="train")])
    write_everyday(own / "everyday" / "en.jsonl", [SCAM, HONEST], "a tester")
    french = changed(SCAM, id="fr-e0001", lang="fr", text="colis bloque go.example/b")
    held = changed(french, id="fr-e0002", campaign="parcel-final", part="final", text="douane?",
                   links="none")  # fmt: skip
    true = changed(HONEST, id="fr-e0003", lang="fr", campaign="n-final", part="final", text="merci")
    write_everyday(own / "everyday" / "fr.jsonl", [french, held, true], "a tester")
    output = tmp_path / "corpus.parquet"
    build_corpus(
        tmp_path / "sources", tmp_path / "raw", output, "default", lambda _: None,
        authored=own, corrections=None, cards=tmp_path / "cards",
    )  # fmt: skip
    rows = {row["text"]: row for row in pq.read_table(output).to_pylist()}
    one, other = rows[SCAM.text], rows[french.text]
    assert one["group"] == other["group"] != rows[HONEST.text]["group"]
    assert (one["source"], one["role"]) == ("everyday_en", "train")
    assert (rows[held.text]["role"], rows[HONEST.text]["slices"]) == ("test", ["transactional"])


def test_the_shipped_rows_pass_the_check() -> None:
    data = Path(__file__).resolve().parent.parent / "data"
    catalogue = load_catalogue(data / "cards")
    assert check_everyday(data / "authored" / "everyday", catalogue) == []
    rows = load_everyday(data / "authored" / "everyday", catalogue)
    scams = Counter(row.lang for row in rows if row.verdict is Verdict.SCAM)
    assert len(scams) == 28 and len({row.lang for row in rows}) == 31
    assert sum(scams.values()) == pytest.approx(len(rows) / 2, rel=0.02)
    assert len({row.lang for row in rows if row.part == "final"}) == 28
    assert len({row.text for row in rows}) == len(rows)
