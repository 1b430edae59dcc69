"""Folders and globs: which files they are, what their rows become, what is refused."""

from __future__ import annotations

import gzip
import json
import os
import resource
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dumps_resume import CountingDetector
from test_dumps_writers import EchoDetector

from scamdetect import ScamDetector
from scamdetect.dumps import many, score_file
from scamdetect.dumps.tally import Standing, Summary
from scamdetect.errors import InputError


def _write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return root


def _score(source: Path | str, **options: Any) -> Summary:  # noqa: ANN401
    return score_file(source, **({"detector": EchoDetector()} | options))


def _rows(summary: Summary) -> list[dict[str, Any]]:
    if summary.destination.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(summary.destination).to_pylist()
        return rows
    return [json.loads(line) for line in summary.destination.read_text("utf-8").splitlines()]


def _files(summary: Summary) -> list[str]:
    return [row["scamdetect_file"] for row in _rows(summary)]


def test_a_folder_gives_parquet_beside_it(tmp_path: Path) -> None:
    files = {"b.csv": "id,text\n1,x\n", "a/c.csv": "id,text\n2,y\n", "a/b.csv": "text,id\nz,3\n"}
    summary = _score(_write(tmp_path / "dump", files))
    assert summary.destination == tmp_path / "dump.scored.parquet"
    names = pq.read_schema(summary.destination).names
    assert names[:4] == ["text", "id", "scamdetect_file", "scamdetect_verdict"]
    found = [(r["text"], r["id"], r["scamdetect_file"]) for r in _rows(summary)]
    assert found == [("z", "3", "a/b.csv"), ("y", "2", "a/c.csv"), ("x", "1", "b.csv")]
    assert summary.notes == ("3 files read",)


def test_a_single_file_has_no_file_column(tmp_path: Path) -> None:
    _write(tmp_path, {"a.csv": "text\nx\n", "a[1].csv": "text\ny\n"})
    single = _score(tmp_path / "a.csv", destination=tmp_path / "o.jsonl")
    assert "scamdetect_file" not in _rows(single)[0]
    literal = _score(tmp_path / "a[1].csv", destination=tmp_path / "p.jsonl")
    assert [row["text"] for row in _rows(literal)] == ["y"]


def test_numbers_in_names_sort_by_value_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    names = ["part-10.txt", "part-9.txt", "a/x.txt", "ä.txt"]
    hidden = ["_SUCCESS", ".part-9.txt.crc", "_temporary/0.txt", ".git/a.txt"]
    files = {name: "hi\n" for name in names} | dict.fromkeys(hidden, "no\n")
    assert _files(_score(_write(tmp_path / "d", files))) == [
        "a/x.txt", "part-9.txt", "part-10.txt", "ä.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jsonl", ["2024-1.jsonl", "2025-1.jsonl"]),
        ("2024-*", ["2024-1.jsonl", "2024-2.jsonl.gz"]),
        ("**/*.jsonl", ["2024-1.jsonl", "2025-1.jsonl", "a/b/2024-3.jsonl", "a/c.jsonl"]),
        ("a/**", ["b/2024-3.jsonl", "c.jsonl"]),  # below what has no sign
        ("[a-c]/*.jsonl", ["a/c.jsonl"]),
        ("?", ["a/b/2024-3.jsonl", "a/c.jsonl"]),  # a folder that matches is read whole
        ("_*/*.jsonl", ["_old/x.jsonl"]),  # hidden ones where they are asked for
    ],
)
def test_globs(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    line = '{"text": "hi"}\n'
    names = ["2024-1.jsonl", "2025-1.jsonl", "a/c.jsonl", "a/b/2024-3.jsonl", "_old/x.jsonl"]
    root = _write(tmp_path / "d", dict.fromkeys(names, line))
    (root / "2024-2.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    found = _score(f"{root}/{pattern}", destination=tmp_path / "o.parquet")
    assert _files(found) == expected


def test_partitions_become_columns(tmp_path: Path) -> None:
    root = tmp_path / "d"
    for folder, text in [
        ("year=2024/month=03/city=New%20York", "a"),
        ("year=2024/month=12/city=__HIVE_DEFAULT_PARTITION__", "b"),
        ("year=2025/month=1/city=5", "c"),
    ]:
        (root / folder).mkdir(parents=True)
        pq.write_table(pa.table({"text": [text], "month": [text]}), root / folder / "0.parquet")
    summary = _score(root)
    table = pq.read_table(summary.destination)
    assert table.column_names[:5] == ["text", "month", "year", "city", "scamdetect_file"]
    assert table["year"].to_pylist() == [2024, 2024, 2025]
    assert table["city"].to_pylist() == ["New York", None, "5"]
    assert table["month"].to_pylist() == ["a", "b", "c"]
    assert "the column 'month' comes from the files, not from the folders" in summary.notes
    as_csv = _score(root, destination=tmp_path / "o.csv", columns=["city", "text"])
    lines = as_csv.destination.read_text("utf-8").splitlines()
    assert lines[0].startswith("city,text,scamdetect_file,scamdetect_verdict")
    assert lines[2].startswith(",b,year=2024/month=12/city=__HIVE_DEFAULT_PARTITION__/0.parquet,")
    as_jsonl = _score(root, destination=tmp_path / "o.jsonl", columns=["year"])
    assert [list(row)[:2] for row in _rows(as_jsonl)] == [["year", "scamdetect_file"]] * 3


def test_json_is_one_union_of_members_and_types(tmp_path: Path) -> None:
    files = {
        "0.jsonl": '{"n": null, "text": "a"}\n',
        "1.jsonl": '{"n": 1, "text": "b", "m": {"x": 1.50}}\n\n[]\n',
        "2.jsonl": '{"n": 2.5}\n',  # without text at all
        "3.jsonl": "\n",
    }
    summary = _score(_write(tmp_path / "day=1", files))
    rows = _rows(summary)
    assert [row["n"] for row in rows] == [None, 1.0, 2.5]
    assert [row["m"] for row in rows] == [None, '{"x": 1.50}', None]
    assert (summary.unscored, summary.rejected) == (1, 1)
    assert summary.rejects is not None
    reject = json.loads(summary.rejects.read_text("utf-8"))
    assert (reject["file"], reject["line"]) == ("1.jsonl", 3)
    assert any("3.jsonl" in note for note in summary.notes)
    members = _score(tmp_path / "day=1", destination=tmp_path / "o.jsonl")
    text = members.destination.read_text("utf-8").splitlines()[1]
    assert text.startswith('{"n": 1, "text": "b", "m": {"x": 1.50}, "scamdetect_file": "1.jsonl", ')
    with pytest.raises(InputError, match="has no column 'body'"):
        _score(tmp_path / "day=1", text_column="body", overwrite=True)


def test_parquet_types_are_promoted_where_nothing_is_lost(tmp_path: Path) -> None:
    root = tmp_path / "d"
    root.mkdir()
    small = {"text": pa.array(["a"]), "n": pa.array([1], pa.int16()), "s": [{"a": 1}], "o": [None]}
    large = {"text": pa.array(["b"], pa.large_string()), "n": pa.array([2], pa.int64()),
             "s": [{"a": 1, "b": "x"}], "o": ["x"]}  # fmt: skip
    words = {"text": pa.array(["c"]).dictionary_encode(), "more": [True]}
    for number, columns in enumerate([small, large, words]):
        pq.write_table(pa.table(columns), root / f"{number}.parquet")
    summary = _score(root)
    table = pq.read_table(summary.destination)
    assert table.schema.field("n").type == pa.int64()
    assert table["text"].to_pylist() == ["a", "b", "c"]
    assert table["s"].to_pylist() == [{"a": 1, "b": None}, {"a": 1, "b": "x"}, None]
    assert table["more"].to_pylist() == [None, None, True]
    assert "2 of 3 files lack the column 'more'; it is empty in their rows" in summary.notes


@pytest.mark.parametrize(
    "kind", [pa.float64(), pa.string(), pa.uint64(), pa.decimal128(9, 2), pa.timestamp("ms")]
)
def test_parquet_types_that_do_not_fit_are_refused(tmp_path: Path, kind: pa.DataType) -> None:
    for name, n in [("0", pa.array([1], pa.int64())), ("1", pa.nulls(1, kind))]:
        pq.write_table(pa.table({"text": ["a"], "n": n}), tmp_path / f"{name}.parquet")
    with pytest.raises(InputError) as caught:
        _score(tmp_path / "*.parquet", destination=tmp_path / "o.csv")
    told = f"1.parquet: column 'n' holds {kind}, but int64 in {tmp_path}/0.parquet"
    assert told in str(caught.value)


def test_csv_files_may_lack_columns(tmp_path: Path) -> None:
    files = {"0.csv": "id,text\r\n1,a\r\n", "1.csv": '"text","ne;w"\nb,x\n', "2.csv": "",
             "3.csv": "text\n"}  # fmt: skip
    summary = _score(_write(tmp_path / "d", files), destination=tmp_path / "o.csv")
    lines = summary.destination.read_bytes().split(b"\r\n")
    assert [line.split(b",")[:4] for line in lines[:3]] == [
        [b"id", b"text", b'"ne;w"', b"scamdetect_file"],
        [b"1", b"a", b"", b"0.csv"],
        [b"", b"b", b"x", b"1.csv"],
    ]
    assert "1 file is empty and skipped: 2.csv" in summary.notes


def test_csv_files_keep_the_first_delimiter_and_are_safe_for_spreadsheets(tmp_path: Path) -> None:
    files = {
        "a.csv": 'who;text\n=1+A1;"hello; lunch"\n',
        "b.csv": "who,text\né,hello\n".encode("cp1252") * 20,
    }
    summary = _score(
        _write(tmp_path / "d", files),
        destination=tmp_path / "o.csv", spreadsheet_safe=True, encoding="cp1252",
    )  # fmt: skip
    lines = summary.destination.read_text("utf-8").splitlines()
    assert lines[0].startswith("who;text;scamdetect_file;scamdetect_verdict")
    assert lines[1].startswith('\'=1+A1;"hello; lunch";a.csv;')
    assert lines[2].startswith("é;hello;b.csv;")
    assert any("delimiter" in note and "(in 1 of 2 files)" in note for note in summary.notes)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"_SUCCESS": ""}, "the folder has no file to score"),
        ({"a.csv": "", "b.csv": ""}, "all its files are empty, such as a.csv"),
        ({"a.csv": "text\nx\n", "b.jsonl": "{}"}, r"csv \(a.csv\) and jsonl \(b.jsonl\)"),
        ({"a.csv": "text\nx\n", "b.csv": "body\nx\n"}, r"b\.csv has no column 'text'"),
        ({"a.csv": "text,n,n\nx,1,2\n", "b.csv": "text,n\nx,1\n"}, "repeated"),
        ({"a.csv": "text,scamdetect_file\nx,1\n"}, "--overwrite-columns"),
        (
            {"a.parquet": b"PAR1 cut off", "b.parquet": b"PAR1"},
            r"a\.parquet: not a complete Parquet",
        ),
        ({"README.md": "text"}, "'.md' is not a known format.*files"),
    ],
)
def test_what_is_refused(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    detector = CountingDetector()
    with pytest.raises(InputError, match=message):
        _score(_write(tmp_path / "d", files), detector=detector)
    assert detector.calls == 0
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_a_glob_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file found"):
        _score(tmp_path / "*.csv", destination=tmp_path / "o.csv")
    with pytest.raises(InputError, match="not found"):
        _score(tmp_path / "none" / "*.csv", destination=tmp_path / "o.csv")


@pytest.mark.parametrize(
    ("source", "target", "read"),
    [
        ("d", "d/o.parquet", True),
        ("d", "d/_o.parquet", False),
        ("d/*.csv", "d/o.csv", True),
        ("d/*.csv", "d/o.parquet", False),
        ("d/*.*l", "d/o.parquet", True),  # its rejects would be
        ("d/*/*.jsonl", "d/o.parquet", True),  # its unfinished work would be
        ("d/*.csv", "e/o.csv", False),
    ],
)
def test_a_destination_that_would_be_read_is_refused(
    tmp_path: Path, source: str, target: str, read: bool
) -> None:
    _write(tmp_path, {"d/a.csv": "text\nx\n", "d/sub/a.jsonl": '{"text": "x"}', "e/a": ""})
    (tmp_path / "d" / "a.jsonl").write_text('{"text": "x"}', encoding="utf-8")
    if source == "d":
        (tmp_path / "d" / "a.jsonl").unlink()
        (tmp_path / "d" / "sub" / "a.jsonl").unlink()
    if read:
        with pytest.raises(InputError, match="would be read"):
            _score(tmp_path / source, destination=tmp_path / target)
    else:
        assert _score(tmp_path / source, destination=tmp_path / target).rows == 1


def test_a_loop_of_links_is_read_once(tmp_path: Path) -> None:
    root = _write(tmp_path / "d", {"a/x.txt": "hi\n"})
    (root / "a" / "up").symlink_to(root)
    _write(tmp_path / "elsewhere", {"y.txt": "hi\n"})
    (root / "b").symlink_to(tmp_path / "elsewhere")
    assert _files(_score(root)) == ["a/x.txt", "b/y.txt"]
    (root / "gone.txt").symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"gone\.txt: cannot be read"):
        _score(root, overwrite=True)


def test_names_that_utf8_lacks_are_escaped(tmp_path: Path) -> None:
    root = _write(tmp_path / "d", {"शुभ=é/ไทย.txt": "hi\n"})
    (root / os.fsdecode(b"\xff.txt")).write_text("hi\n", encoding="utf-8")
    (first, second) = _rows(_score(root))
    assert (first["scamdetect_file"], first["शुभ"]) == ("शुभ=é/ไทย.txt", "é")
    assert (second["scamdetect_file"], second["शुभ"]) == ("\\udcff.txt", None)


def test_a_folder_of_mails(tmp_path: Path) -> None:
    pytest.importorskip("lxml")
    mail = "From: ann@mail.example\nSubject: hi\n\nhello\n"
    files = {"cur/1": mail, "cur/2": "no mail\n", "cur/3": mail, "new/4": mail, "tmp/5": ""}
    summary = _score(_write(tmp_path / "box", files), source_format="eml")
    assert _files(summary) == ["cur/1", "cur/3", "new/4"]
    assert summary.rejects is not None
    reject = json.loads(summary.rejects.read_text("utf-8"))
    assert (reject["file"], reject["raw"]) == ("cur/2", "no mail\n")
    assert reject["reason"].startswith("does not start with a mail header")


def test_a_folder_of_chats_keeps_the_names_that_iphones_give(tmp_path: Path) -> None:
    chat = "[12/31/23, 9:00:01 AM] Ann: hello\n[12/31/23, 9:00:02 AM] Bo: hi\n"
    folders = ["WhatsApp Chat - Ann", "WhatsApp Chat - Bo"]
    summary = _score(_write(tmp_path / "d", {f"{name}/_chat.txt": chat for name in folders}))
    assert [row["chat"] for row in _rows(summary)] == ["Ann", "Ann", "Bo", "Bo"]
    assert "read as a chat exported from WhatsApp" in summary.notes


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_part_files_are_scored_like_the_whole(
    tmp_path: Path, detector: ScamDetector, extension: str
) -> None:
    texts = ["guaranteed profit", "hello", "", "bitcoin darling", "при прибыль"] * 20
    texts = [f"{text} {n}" if text else "" for n, text in enumerate(texts)]
    (tmp_path / "parts").mkdir()

    def write(path: Path, some: list[str]) -> None:
        if extension == "parquet":
            pq.write_table(pa.table({"text": some}), path)
        elif extension == "csv":
            path.write_text("\n".join(["text", *(f'"{t}"' for t in some)]), encoding="utf-8")
        else:
            path.write_text("\n".join(json.dumps({"text": t}) for t in some), encoding="utf-8")

    write(tmp_path / f"whole.{extension}", texts)
    for number in range(10):
        some = texts[number * 10 : number * 10 + 10]
        write(tmp_path / "parts" / f"part-{number}.{extension}", some)
    whole = _score(
        tmp_path / f"whole.{extension}", destination=tmp_path / "w.parquet", detector=detector
    )
    parts = _score(tmp_path / "parts", detector=detector)
    assert (
        pq.read_table(parts.destination)
        .drop(["scamdetect_file"])
        .equals(pq.read_table(whole.destination))
    )
    assert parts.flagged == whole.flagged > 0


@settings(deadline=None, max_examples=20)
@given(
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=12),
    part_rows=st.integers(1, 30),
    finished=st.integers(1, 6),
)
def test_neither_files_nor_an_end_show_in_the_rows(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], part_rows: int, finished: int
) -> None:
    folder = tmp_path_factory.mktemp("many")
    source = folder / "d"
    source.mkdir()
    lines = iter(range(1000))
    expected = []
    for number, size in enumerate(sizes):
        texts = [f"m{next(lines)}" for _ in range(size)]
        body = "\n".join(["id,text", *(f"{number},{text}" for text in texts), "broken", ""])
        (source / f"{number}.csv").write_text(body, encoding="utf-8")
        expected += [(f"{number}.csv", text) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "BATCH_ROWS", 6)
        whole = _score(source, destination=folder / "w.csv", part_rows=part_rows)
        detector = CountingDetector(fail_at=finished)
        try:
            _score(source, destination=folder / "o.csv", part_rows=part_rows, detector=detector)
        except KeyboardInterrupt:
            _score(source, destination=folder / "o.csv", part_rows=part_rows, resume=True)
    assert (folder / "o.csv").read_bytes() == (folder / "w.csv").read_bytes()
    assert (whole.rows, whole.rejected) == (len(expected), len(sizes))
    found = _score(source, destination=folder / "o.jsonl", only_flagged=True)
    assert [(row["scamdetect_file"], row["text"]) for row in _rows(found)] == expected


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("2.csv", "text\nz\n"), "source_files was 2, is 3, source_bytes"),
        (("1.csv", "text\nzzz\n"), "source_bytes was 14, is 16"),
        (("1.csv", "text\nz\n"), "source_sha256"),  # of the same size, but later
    ],
)
def test_a_changed_folder_is_not_resumed(
    tmp_path: Path, change: tuple[str, str], named: str
) -> None:
    source = _write(tmp_path / "d", {"0.csv": "text\nx\n", "1.csv": "text\ny\n"})
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(many, "BATCH_ROWS", 1)
        _score(source, part_rows=1, detector=CountingDetector(fail_at=2))
    _write(source, dict([change]))
    if named == "source_sha256":
        os.utime(source / "1.csv", (1, 1))
    with pytest.raises(InputError, match="changed since the job started") as caught:
        _score(source, part_rows=1, resume=True)
    assert named in str(caught.value)


def test_two_thousand_files_are_opened_one_at_a_time(tmp_path: Path) -> None:
    root = _write(tmp_path / "d", {f"{n % 7}/{n}.csv": f"text\nm{n}\n" for n in range(2000)})
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    handles = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (handles + 30, limit[1]))
    detector, shares = CountingDetector(), []

    def watch(standing: Standing) -> None:
        shares.append(standing.share)

    try:
        summary = _score(root, detector=detector, watch=watch)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert summary.rows == 2000
    assert detector.calls == 1  # what is small is put together
    assert shares[-1] == 1.0
    rows = _rows(summary)
    assert all(row["scamdetect_file"].endswith(f"/{row['text'][1:]}.csv") for row in rows)


@pytest.mark.parametrize(
    ("second", "given"),
    [
        ("text\ngrüße aus münchen\n" * 3, {"encoding": "cp1252"}),
        ("text\nhello; lunch\n", {"delimiter": ";"}),
    ],
)
def test_another_reading_of_any_file_is_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str, given: dict[str, str]
) -> None:
    monkeypatch.setattr(many, "BATCH_ROWS", 3)
    lines = [
        "Liebe Grüße aus München, ich komme später nach Hause und bringe Brötchen mit;1",
        "Könntest du bitte für mich die Schlüssel beim Bäcker abholen? Ich wäre dir dankbar;2",
        "Wir müssen über die Änderung der Öffnungszeiten sprechen, natürlich nur falls möglich;3",
    ]
    first = "\n".join(["text;x", *lines, ""]).encode("cp1252")
    source = _write(tmp_path / "in", {"a.csv": first, "b.csv": second + "x,y\n"})
    target = tmp_path / "out.csv"
    with pytest.raises(InputError, match="records cannot be read"):
        _score(source, destination=target, part_rows=1, max_rejects=0)
    with pytest.raises(InputError, match="files_read_as"):
        _score(source, destination=target, part_rows=1, resume=True, **given)


def test_repeated_columns_keep_their_values_where_another_is_replaced(tmp_path: Path) -> None:
    content = "text,x,x,scamdetect_file\nhello,ONE,TWO,f\n"
    source = _write(tmp_path / "in", {"a.csv": content, "b.csv": content})
    summary = _score(source, destination=tmp_path / "out.csv", overwrite_columns=True)
    lines = summary.destination.read_text("utf-8").splitlines()
    assert [line.split(",")[:4] for line in lines] == [
        ["text", "x", "x", "scamdetect_file"],
        ["hello", "ONE", "TWO", "a.csv"],
        ["hello", "ONE", "TWO", "b.csv"],
    ]


def test_small_packed_files_fill_no_batch_beyond_its_size(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps({"text": "ha " * 300_000}).encode())
    source = _write(tmp_path / "in", {f"{n}.jsonl.gz": packed for n in range(600)})
    detector = CountingDetector()
    _score(source, destination=tmp_path / "out.parquet", detector=detector)
    assert detector.calls > 1
