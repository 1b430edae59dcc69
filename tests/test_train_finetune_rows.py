"""A team's rows: parts, groups, kinds and what is refused; and what is rehearsed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tiny_trained import words, write_own, write_rehearsal

from scamdetect.adapt.own_rows import PLAIN, read_label_map
from scamdetect.errors import InputError
from scamdetect.labels import Verdict
from scamdetect.train.data.table import column
from scamdetect.train.finetune_rows import (
    OWN,
    OwnTable,
    own_and_rehearsed,
    read_own_table,
    rehearsal_source,
    rehearsal_table,
)

pytestmark = pytest.mark.slow


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read(path: Path, known: dict[str, Verdict | None] | None = None, **options: str) -> OwnTable:
    named = {"text_column": "text", "label_column": "label", "group_column": None,
             "kinds_column": None} | options  # fmt: skip
    return read_own_table(path, known=known or dict(PLAIN), seed=0, **named)  # type: ignore[arg-type]


def lines(n: int, verdict: str, *more: str, seed: int = 0) -> list[list[str]]:
    random = np.random.default_rng(seed)
    return [[" ".join(words(random, 4)), verdict, *more] for _ in range(n)]


def test_groups_stay_on_one_side_and_every_part_has_both_classes(tmp_path: Path) -> None:
    own = write_own(tmp_path / "own.csv")
    known = read_label_map(tmp_path / "map.toml")
    table = read(own, known, text_column="body", label_column="what").table
    roles, groups = column(table, "role"), column(table, "group")
    parts = [set(groups[roles == role]) for role in ("train", "calibrate", "dev")]
    assert not (parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2])
    for role, share in (("train", 0.6), ("calibrate", 0.2), ("dev", 0.2)):
        for verdict, n in (("legit", 150), ("scam", 100)):
            assert ((roles == role) & (column(table, "verdict") == verdict)).sum() == share * n
    assert set(column(table, "source")) == {OWN}


def test_copies_and_equal_senders_are_one_group(tmp_path: Path) -> None:
    rows = [*lines(60, "legit", ""), *lines(60, "scam", "", seed=1)]
    rows += [["win 5,000 now at the gate", "scam", ""], ["win 7,125 now at the gate", "scam", ""]]
    rows += [[text, "scam", "sender 9"] for text, *_ in lines(5, "scam", seed=2)]
    path = write(tmp_path / "own.csv", ["text", "label", "who"], rows)
    groups = column(read(path, group_column="who").table, "group")
    assert groups[120] == groups[121]
    assert len(set(groups[122:])) == 1
    assert read(path, group_column="who").count(Verdict.SCAM) == (67, 62)


def test_too_few_distinct_rows_say_how_many_are_needed(tmp_path: Path) -> None:
    rows = [*lines(200, "legit"), *[[f"send {n} EUR to the gate now", "scam"] for n in range(300)]]
    path = write(tmp_path / "own.csv", ["text", "label"], rows)
    told = r"200 legit rows, 200 of them distinct and 300 scam rows, 1 of them distinct"
    with pytest.raises(InputError, match=told + ".* 50 distinct ones of each"):
        read(path)


def test_rows_that_a_queue_chose_only_train(tmp_path: Path) -> None:
    rows = [*lines(70, "legit", "0.1"), *lines(60, "scam", "0.1", seed=1)]
    rows += lines(30, "scam", "", seed=2)
    path = write(tmp_path / "own.csv", ["text", "label", "inclusion_probability"], rows)
    own = read(path)
    assert own.chosen == 30
    assert set(column(own.table, "role")[130:]) == {"train"}
    few = write(tmp_path / "few.csv", ["text", "label", "inclusion_probability"], rows[:-70])
    few_rows = [*rows[:70], *rows[-30:], *rows[70:110]]
    write(few, ["text", "label", "inclusion_probability"], few_rows)
    with pytest.raises(InputError, match="70 scam rows, 40 of them distinct .and 30 rows that a"):
        read(few)


def test_kinds_are_read_where_a_column_names_them(tmp_path: Path) -> None:
    rows = [*lines(60, "legit", "romance"), *lines(60, "scam", "romance, crypto", seed=1)]
    path = write(tmp_path / "own.csv", ["text", "label", "kinds"], rows)
    table = read(path, kinds_column="kinds").table
    assert table["kinds"].to_pylist()[0] == []
    assert table["kinds"].to_pylist()[60] == ["romance", "crypto"]
    assert table["kinds_provenance"].to_pylist()[60] == "read"
    assert set(read(path).table["kinds_provenance"].to_pylist()) == {None}
    rows[70][2] = "romanse"
    write(path, ["text", "label", "kinds"], rows)
    with pytest.raises(InputError, match="unknown kinds romanse; allowed are investment, romance"):
        read(path, kinds_column="kinds")


def test_a_label_that_the_map_misses_is_listed(tmp_path: Path) -> None:
    own = write_own(tmp_path / "own.csv")
    with pytest.raises(InputError, match=r"labels fraud \(100\)"):
        read(own, {"ok": Verdict.LEGIT}, text_column="body", label_column="what")


def test_own_rows_are_taken_out_of_the_rehearsal_and_groups_stay_apart(tmp_path: Path) -> None:
    corpus = write_rehearsal(tmp_path / "corpus.parquet")
    whole = rehearsal_table(corpus, "default", [])
    assert set(column(whole, "role")) == {"train", "calibrate", "dev"}
    scam = next(norm for norm in whole["norm"].to_pylist() if "bitcoin" in norm)
    left = rehearsal_table(corpus, "default", [f"{scam.upper()}!! 4,471"])  # no copy, but alike
    assert sorted([scam, *left["norm"].to_pylist()]) == sorted(whole["norm"].to_pylist())
    own = read(write_own(tmp_path / "own.csv"), read_label_map(tmp_path / "map.toml"),
               text_column="body", label_column="what").table  # fmt: skip
    both = own_and_rehearsed(own, whole)
    mine = column(both, "source") == OWN
    groups = column(both, "group")
    assert not set(groups[mine]) & set(groups[~mine])


def test_the_authored_rows_of_a_checkout_are_rehearsed_but_never_their_final_part() -> None:
    folder = Path(__file__).parent.parent / "data/authored"
    table = rehearsal_table(folder, "default", [])
    assert set(column(table, "role")) == {"train", "calibrate", "dev"}
    assert set(table["split"].to_pylist()) == {"train", "calibrate", "dev"}


def test_nothing_to_rehearse_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: missing; .* forgets the rest.*--rehearsal"):
        rehearsal_source(tmp_path / "nowhere")
