"""Groups of a scored file: their figures, order, types and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dump_files import read_rows
from hypothesis import given
from hypothesis import strategies as st
from scored_rows import scored_row, write_record, write_scored

from scamdetect.errors import InputError, OutputError
from scamdetect.scored.database import OutputOptions
from scamdetect.scored.groups import GroupsSummary, write_groups

SECRET = "my secret message"
ROWS: list[dict[str, Any]] = [
    {"who": who, "at": at, "text": SECRET} | scored_row(p, kinds=kinds, language=language)
    for who, at, p, kinds, language in [
        ("bob", "2026-03-02", 0.2, [], "en"),
        ("eve", "2026-03-01T10:00:00Z", 0.95, ["crypto", "job"], "de"),
        (None, "soon", 0.7, [], "en"),
        ("eve", "1700000000", 0.987654, ["job"], "en"),
        ("eve", "", None, [], None),
        ("ann", "2026-03-01", 0.2, [], "en"),
        ("eve", "2026-03-01T11:00:00+01:00", 0.1, [], "en"),
        ("bob", "2026-03-02", 0.2, [], "ru"),
    ]
]


def test_a_group_has_the_figures_of_its_rows(tmp_path: Path) -> None:
    path = write_scored(tmp_path / "a.jsonl", ROWS)
    progress: list[int] = []
    options = OutputOptions(progress=progress.append)
    summary = write_groups(path, by="who", time_column="at", options=options)
    assert summary == GroupsSummary(tmp_path / "a.groups.jsonl", groups=4, flagged=1, rows=8)
    eve, unknown, bob, ann = read_rows(summary.destination)
    assert eve == {
        "who": "eve", "messages": 4, "flagged": 2, "review": 0, "unscored": 1,
        "flagged_share": 0.5,
        "kinds": [{"kind": "job", "messages": 2}, {"kind": "crypto", "messages": 1}],
        "languages": [{"language": "en", "messages": 2}, {"language": "de", "messages": 1}],
        "first_time": "1700000000", "last_time": "2026-03-01T10:00:00Z", "bad_times": 0,
        "highest_scam_probability": 0.987654, "highest_row": 3,
    }  # fmt: skip
    assert (unknown["who"], unknown["review"], unknown["bad_times"]) == (None, 1, 1)
    assert (bob["who"], bob["highest_row"], bob["kinds"]) == ("bob", 0, [])
    assert ann["first_time"] == ann["last_time"] == "2026-03-01"
    assert progress[-1] == 8 and len(list(tmp_path.iterdir())) == 2


def test_cells_of_csv_hold_lists_as_text_and_may_be_made_safe(tmp_path: Path) -> None:
    path = write_scored(tmp_path / "a.csv", [row | {"who": "=1+1"} for row in ROWS])
    options = OutputOptions(spreadsheet_safe=True)
    (row,) = read_rows(write_groups(path, by="who", options=options).destination)
    assert (row["who"], row["kinds"]) == ("'=1+1", "job:2;crypto:1")
    assert row["languages"] == "en:5;de:1;ru:1"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([2, None, 2, 10], pa.uint16()), ["2", None, "10"]),
        (pa.array([1.5, float("nan"), None, 1.5]), ["1.5", None]),
        (pa.array([True, False, None, True]), ["true", "false", None]),
        (pa.array(["a", "", None, "a"]).dictionary_encode(), ["a", "", None]),
        (pa.array([b"\xff\xfe", b"a", None, b"a"]).view(pa.string()), ["\\xff\\xfe", "a", None]),
        (pa.array([[1], [2, 3], None, [1]]), ["[1]", "[2, 3]", None]),
        (pa.array([{"id": 1}, {"id": 2}, None, {"id": 1}]), ["1", "2", None]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_ids_of_any_type_become_texts(
    tmp_path: Path, values: pa.Array, expected: list[str | None]
) -> None:
    columns = {"by": values, "scamdetect_decision": ["flag"] * 4}
    table = pa.table(columns | {"scamdetect_scam_probability": [0.9] * 4})
    pq.write_table(table, tmp_path / "a.parquet")
    by = "by.id" if pa.types.is_struct(values.type) else "by"
    summary = write_groups(tmp_path / "a.parquet", tmp_path / "out.parquet", by=by)
    assert {row[by] for row in read_rows(summary.destination)} == set(expected)


def test_the_column_may_have_the_name_of_a_figure(tmp_path: Path) -> None:
    path = write_scored(tmp_path / "a.csv", [{"messages": "x"} | scored_row(0.1)])
    (row,) = read_rows(write_groups(path, by="messages").destination)
    assert (row["group"], row["messages"]) == ("x", "1")


def test_a_file_without_rows_gives_a_file_without_groups(tmp_path: Path) -> None:
    write_scored(tmp_path / "a.parquet", [ROWS[0]])
    table = pq.read_table(tmp_path / "a.parquet").slice(0, 0)
    pq.write_table(table, tmp_path / "a.parquet")
    summary = write_groups(tmp_path / "a.parquet", by="who", time_column="at")
    assert (summary.groups, read_rows(summary.destination)) == (0, [])


@given(
    st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.sampled_from([None, 0.1, 0.95])))
)
def test_every_row_counts_once(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str | None, float | None]]
) -> None:
    folder = tmp_path_factory.mktemp("groups")
    rows = [{"who": "z"} | scored_row(0.5), *({"who": who} | scored_row(p) for who, p in pairs)]
    summary = write_groups(write_scored(folder / "a.parquet", rows), by="who")
    groups = read_rows(summary.destination)
    assert sum(group["messages"] for group in groups) == len(rows)
    for group in groups:
        own = [r["scamdetect_decision"] for r in rows if r["who"] == group["who"]]
        counts = group["messages"], group["flagged"], group["unscored"]
        assert counts == (len(own), own.count("flag"), own.count("unscored"))
    assert [g["flagged"] for g in groups] == sorted((g["flagged"] for g in groups), reverse=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "no"}, "no column 'no'; its columns are: who, at, text"),
        ({"by": "who", "time_column": "flag"}, "column 'flag' holds bool, not times"),
        ({"by": "who", "destination": "out.txt"}, "extension"),
    ],
)
def test_unusable_columns_are_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    path = write_scored(tmp_path / "a.parquet", [row | {"flag": True} for row in ROWS])
    with pytest.raises(InputError, match=message) as error:
        write_groups(path, **options)
    assert SECRET not in str(error.value)
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]


def test_existing_files_and_inputs_stay(tmp_path: Path) -> None:
    path = write_scored(tmp_path / "a.csv", ROWS)
    write_record(path, 8)
    target = tmp_path / "a.groups.csv"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="already exists"):
        write_groups(path, by="who")
    assert target.read_text("utf-8") == "mine"
    replacing = OutputOptions(overwrite=True)
    assert write_groups(path, by="who", options=replacing).groups == 4
    with pytest.raises(InputError, match="overwritten"):
        write_groups(path, path, by="who", options=replacing)
    write_record(path, 9, written=1)
    with pytest.raises(InputError, match="only flagged rows"):
        write_groups(path, by="who", options=replacing)


def test_a_failed_database_shows_no_value_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scamdetect.scored import groups

    path = write_scored(tmp_path / "a.parquet", [row | {"who": SECRET} for row in ROWS])
    monkeypatch.setattr(groups, "_GROUPS", "SELECT CAST(key AS INTEGER) FROM ({})")
    with pytest.raises(OutputError, match="temporary database failed") as error:
        write_groups(path, by="who")
    assert SECRET not in str(error.value) and error.value.__suppress_context__
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]
    monkeypatch.setattr(groups, "_GROUPS", "SELECT * FROM read_csv('/etc/passwd')")
    with pytest.raises(OutputError, match="PermissionException"):
        write_groups(path, by="who")
    with pytest.raises(OutputError, match="none: cannot be written"):
        write_groups(path, by="who", options=OutputOptions(work_folder=tmp_path / "none"))
