"""The corpus: what trains, what calibrates, what is held out, and what each step removes."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from invented_authored import row as own_row
from invented_source import ROW, csv_bytes, description, write_files, write_toml

pytest.importorskip("rensa")

from scamdetect.errors import SourceError
from scamdetect.text.normalise import NORMALISER_VERSION
from scamdetect.train.data.authored import write_rows
from scamdetect.train.data.corpus import build_corpus
from scamdetect.train.data.corpus_rows import GROUP_CAP, SCHEMA
from scamdetect.train.data.rows import row_hash

WORDS = (
    "river lamp orange window Friday tennis garden silver letter coffee winter bridge music paper "
    "summer doctor yellow market train engine cousin holiday kitchen mountain ticket flower"
).split()
LURE = "Your parcel waits at the northern depot, pay the small customs fee before {} to get it"


def chatter(seed: int) -> str:
    """Return an invented message unlike those of other seeds."""
    return " ".join(random.Random(seed).choices(WORDS, k=12))


def add(folder: Path, slug: str, data: bytes, **changes: Any) -> None:  # noqa: ANN401
    files = {"a.csv": data}
    write_files(folder / "raw", slug, files)
    write_toml(folder / "sources" / f"{slug}.toml", description(slug, files, **changes))


def build(
    folder: Path,
    licences: Any = "default",  # noqa: ANN401
    corrections: Path | None = None,
) -> tuple[list[dict[str, Any]], list[str]]:
    log: list[str] = []
    output = folder / "out" / "corpus.parquet"
    build_corpus(
        folder / "sources", folder / "raw", output, licences, log.append,
        authored=None, corrections=corrections,
    )  # fmt: skip
    table = pq.read_table(output)
    assert table.schema.equals(SCHEMA)
    assert [path.name for path in output.parent.iterdir()] == ["corpus.parquet"]
    return table.to_pylist(), log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a training and a dev source that share a campaign."""
    honest = [(chatter(n), "ham") for n in range(60)]
    lures = [(LURE.format(day), "scam") for day in ("Monday", "Tuesday", "noon")]
    add(tmp_path, "trained", csv_bytes(*honest, *lures, (chatter(7), "ham")))
    add(
        tmp_path,
        "held",
        csv_bytes((LURE.format("Sunday"), "scam"), (chatter(1000), "ham")),
        role="dev",
        licence_class="non-commercial",
    )
    return tmp_path


def test_roles_and_columns(folder: Path) -> None:
    rows, log = build(folder)
    assert Counter(row["role"] for row in rows) == {"train": 54, "calibrate": 6, "dev": 2}
    assert "authored: left out (no folder)" in log
    assert all(row["source"] == "held" for row in rows if row["role"] == "dev")
    first = rows[0]
    assert first["norm"] and first["length"] == len(first["norm"])
    assert (first["lang"], first["channel"], first["weight"]) == ("en", "sms", 1.0)
    assert any(re.fullmatch(r"training rows like .+: 3 removed", line) for line in log)
    assert any(line.startswith("calibrate: 6 legit") for line in log)


def test_a_near_duplicate_of_a_dev_row_never_trains(folder: Path) -> None:
    rows, _ = build(folder)
    assert [row["role"] for row in rows if "parcel" in row["text"]] == ["dev"]


def test_calibrate_and_train_share_no_group(folder: Path) -> None:
    pairs = [(f"{chatter(n)} one", "ham") for n in range(2000, 2040)]
    pairs += [(f"{chatter(n)} two", "ham") for n in range(2000, 2040)]
    add(folder, "pairs", csv_bytes(*pairs))
    rows, _ = build(folder)
    groups = {role: {r["group"] for r in rows if r["role"] == role}
              for role in ("train", "calibrate", "dev")}  # fmt: skip
    assert groups["calibrate"]
    assert not groups["train"] & groups["calibrate"]
    assert not (groups["train"] | groups["calibrate"]) & groups["dev"]
    assert max(Counter(row["group"] for row in rows).values()) == 2


def test_building_again_gives_the_same_rows(folder: Path) -> None:
    assert build(folder)[0] == build(folder)[0]


def test_threads_stay_on_one_side(folder: Path) -> None:
    lines = [f"{chatter(3000 + n)},ham,{n // 4}" for n in range(80)]
    data = ("text,label,id\n" + "\n".join(lines) + "\n").encode()
    add(folder, "threads", data, row=ROW | {"thread_id": "{id}"})
    rows = [row for row in build(folder)[0] if row["source"] == "threads"]
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["thread_id"], set()).add(row["role"])
    assert len(rows) == 80
    assert all(len(roles) == 1 for roles in sides.values())
    assert {"calibrate"} in sides.values()


@pytest.mark.parametrize(
    ("licence_class", "allowed"),
    [
        ("permissive", {"permissive", "default", "all"}),
        ("share-alike", {"default", "all"}),
        ("none-stated", {"default", "all"}),
        ("non-commercial", {"all"}),
        ("gpl", {"all"}),
        ("research-only", {"all"}),
    ],
)
def test_the_licence_policy_decides_who_trains(
    folder: Path, licence_class: str, allowed: set[str]
) -> None:
    add(folder, "extra", csv_bytes((chatter(4000), "ham")), licence_class=licence_class)
    for policy in ("permissive", "default", "all"):
        rows, log = build(folder, policy)
        assert any(row["source"] == "extra" for row in rows) == (policy in allowed)
        left_out = f"extra: left out (licence {licence_class}, policy {policy})"
        assert (left_out in log) == (policy not in allowed)
        assert any(row["source"] == "held" for row in rows)


def test_sources_that_are_left_out_are_told(folder: Path) -> None:
    add(folder, "excluded", csv_bytes((chatter(1), "ham")), role="exclude")
    add(folder, "withdrawn", b"", status="unobtainable", note="gone")
    add(folder, "unfetched", csv_bytes((chatter(1), "ham")))
    (folder / "raw" / "unfetched" / "a.csv").unlink()
    rows, log = build(folder)
    assert {row["source"] for row in rows} == {"trained", "held"}
    assert "excluded: left out (exclude)" in log
    assert "withdrawn: left out (unobtainable)" in log
    assert any(line.startswith("unfetched: left out (") and "data fetch" in line for line in log)
    assert log[-1].startswith("1 of 5 sources could not be read")


def test_nothing_that_trains_is_an_error(folder: Path) -> None:
    (folder / "raw" / "trained" / "a.csv").unlink()
    with pytest.raises(SourceError, match="data fetch"):
        build(folder)
    assert not (folder / "out").exists()


def test_equal_texts_with_other_labels_do_not_train(folder: Path) -> None:
    text = chatter(5000)
    add(folder, "left", csv_bytes((text, "ham"), (f"{chatter(5001)} call 0812345678", "ham")))
    add(folder, "right", csv_bytes((text, "scam"), (f"{chatter(5001)} call 0898765432", "ham")))
    rows, log = build(folder)
    assert not [row for row in rows if row["text"] == text]
    assert len([row for row in rows if "[phone]" in row["norm"]]) == 1
    assert "equal texts with contradicting labels: 2 removed" in log
    assert "exact repeats after masking: 1 removed" in log


def test_of_one_campaign_few_rows_train(folder: Path) -> None:
    campaign = chatter(6000) + " " + chatter(6001)
    add(folder, "campaign", csv_bytes(*((f"{campaign} number {w}", "scam") for w in WORDS)))
    rows = [row for row in build(folder)[0] if row["source"] == "campaign"]
    assert {row["role"] for row in rows} == {"train"}
    assert len(rows) == GROUP_CAP


def test_conventions_and_placeholders_are_applied(folder: Path) -> None:
    data = csv_bytes(("I recorded you, pay via #LINK#", "promo"), ("casino bonus #LINK#", "promo"))
    kinds = [{"kinds": ["gambling"], "any": ["casino"], "verdicts": ["spam"]}]
    add(folder, "masked", data, placeholders={"#LINK#": "[link]"}, kinds=kinds, role="test")
    first, second = (row for row in build(folder)[0] if row["source"] == "masked")
    assert (first["verdict"], first["kinds"]) == ("scam", ["extortion"])
    assert first["text"] == "I recorded you, pay via #LINK#"
    assert "#LINK#" not in first["input"]
    assert "[link " in first["norm"]
    assert (second["verdict"], second["not_legit"]) == ("spam", True)


def correct(folder: Path, slug: str, *lines: str) -> None:
    head = "row_hash,old,new,kinds,probability,reader,batch,reason"
    (folder / "read").mkdir(exist_ok=True)
    text = "\n".join([head, *lines]) + "\n"
    (folder / "read" / f"{slug}.csv").write_text(text, encoding="utf-8")


def test_readings_replace_labels_of_train_sources(folder: Path) -> None:
    digest = row_hash("trained", chatter(5))
    correct(folder, "trained", f"{digest},legit,spam,,20,r1,b1,a shop's offer")
    rows, log = build(folder, corrections=folder / "read")
    (found,) = [row for row in rows if row["row_hash"] == digest]
    assert (found["verdict"], found["verdict_provenance"]) == ("spam", "read")
    assert found["reader"] == 20 and not found["not_legit"]
    assert any(line.startswith("trained: ") and line.endswith(" 1 read") for line in log)


def test_an_honest_train_row_that_a_reader_confirmed_weighs_more(folder: Path) -> None:
    digest = row_hash("trained", chatter(5))
    correct(folder, "trained", f"{digest},legit,legit,,20,r1,b1,an ordinary talk")
    rows, _ = build(folder, corrections=folder / "read")
    weights = {row["row_hash"]: row["weight"] for row in rows if row["source"] == "trained"}
    others = {weight for key, weight in weights.items() if key != digest}
    assert {weights[digest]} == {3 * weight for weight in others}


def test_a_reading_of_a_vanished_row_stops_the_build(folder: Path) -> None:
    correct(folder, "trained", "0123456789abcdef,legit,spam,,20,r1,b1,x")
    with pytest.raises(SourceError, match=r"trained\.csv:2: the source has no row 0123456789"):
        build(folder, corrections=folder / "read")


def test_a_dev_row_on_which_source_and_reader_differ_leaves(folder: Path) -> None:
    digest, sure = row_hash("held", chatter(1000)), row_hash("held", LURE.format("Sunday"))
    correct(folder, "held", f"{digest},legit,spam,,20,r1,b1,x", f"{sure},scam,scam,,99,r1 r2,b1,x")
    rows, _ = build(folder, corrections=folder / "read")
    (found,) = [row for row in rows if row["source"] == "held"]
    assert (found["row_hash"], found["reader"]) == (sure, 99)


def test_rows_for_release_figures_are_not_corrected(folder: Path) -> None:
    add(folder, "shut", csv_bytes((chatter(1), "ham")), role="test")
    correct(folder, "shut", f"{row_hash('shut', chatter(1))},legit,spam,,20,r1,b1,x")
    with pytest.raises(SourceError, match=r"shut is for release figures; move the line to propos"):
        build(folder, corrections=folder / "read")


def test_honest_rows_of_a_dev_source_are_capped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scamdetect.train.data.corpus.DEV_CAP", 3)
    add(folder, "long", csv_bytes(*((chatter(n), "ham") for n in range(500, 520))), role="dev")
    rows, _ = build(folder)
    assert sum(row["source"] == "long" for row in rows) == 3


def test_a_corpus_names_its_normaliser(folder: Path) -> None:
    build(folder)
    metadata = pq.read_schema(folder / "out" / "corpus.parquet").metadata
    assert metadata[b"normaliser_version"] == str(NORMALISER_VERSION).encode()


def test_a_reading_stands_for_all_rows_of_its_text(folder: Path) -> None:
    twins = csv_bytes((chatter(5), "scam"), (chatter(6), "ham"))
    add(folder, "twins", twins)
    digest = row_hash("trained", chatter(5))
    assert chatter(5) not in {row["text"] for row in build(folder)[0]}  # the labels contradict
    correct(folder, "trained", f"{digest},legit,legit,,3,r1,b1,small talk")
    rows, _ = build(folder, corrections=folder / "read")
    (found,) = [row for row in rows if row["text"] == chatter(5)]
    assert (found["source"], found["verdict"], found["reader"]) == ("trained", "legit", 3)


def test_corrections_of_no_source_are_named(folder: Path) -> None:
    correct(folder, "proposed", "0123456789abcdef,legit,spam,,20,r1,b1,a doubt")
    build(folder, corrections=folder / "read")
    correct(folder, "trayned", "0123456789abcdef,legit,spam,,20,r1,b1,x")
    with pytest.raises(SourceError, match=r"trayned.csv: unknown source"):
        build(folder, corrections=folder / "read")


def test_a_measured_source_that_cannot_be_read_stops_the_build(folder: Path) -> None:
    (folder / "raw" / "held" / "a.csv").unlink()
    with pytest.raises(SourceError, match=r"held/a\.csv: missing; run: scamdetect data fetch"):
        build(folder)


@pytest.mark.parametrize("slug", ["trained", "held"])
def test_a_file_that_is_not_as_described_stops_the_build(folder: Path, slug: str) -> None:
    write_files(folder / "raw", slug, {"a.csv": csv_bytes((chatter(5), "ham"))})
    with pytest.raises(SourceError, match=rf"{slug}/a\.csv: its sha256 is not that of the desc"):
        build(folder)
    add(folder, slug, b"txt,label\nhello,ham\n")
    with pytest.raises(SourceError, match=f"{slug}/a.csv: .* names text, which no record has"):
        build(folder)


def test_a_measured_source_without_rows_stops_the_build(folder: Path) -> None:
    add(folder, "held", b"text,label\n", role="dev")
    with pytest.raises(SourceError, match="held: its files contain no rows"):
        build(folder)


def test_some_languages_are_measured_and_never_train(folder: Path) -> None:
    row = ROW | {"lang": "uk"}
    add(folder, "region", csv_bytes((chatter(2004), "ham")), row=ROW | {"lang": "uk-UA"})
    add(folder, "forum", csv_bytes((chatter(2001), "ham"), (chatter(2002), "scam")), row=row)
    add(folder, "held_uk", csv_bytes((chatter(2003), "scam")), row=row, role="dev")
    rows, _ = build(folder)
    assert [(r["source"], r["role"]) for r in rows if "uk" in r["lang"]] == [("held_uk", "dev")]


def test_an_own_row_of_such_a_language_that_would_train_is_refused(folder: Path) -> None:
    write_rows(folder / "own" / "ro.jsonl", [own_row(lang="ro", part="train")])
    with pytest.raises(SourceError, match=r"authored_ro: row \w+ in ro has the role train"):
        build_corpus(
            folder / "sources", folder / "raw", folder / "c.parquet", "default", lambda _: None,
            authored=folder / "own", corrections=None,
        )  # fmt: skip
