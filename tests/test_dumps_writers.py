"""Writing dumps: from every source format to every other, and failures without a trace."""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect import ScamDetector
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.dumps import score_file, work
from scamdetect.errors import InputError, OutputError
from scamdetect.frames import columns as output
from scamdetect.labels import Decision, Kind, Verdict
from scamdetect.prediction import KindScore, Prediction, unscored
from scamdetect.system.files import Access

KINDS = (KindScore(Kind.INVESTMENT, 0.9), KindScore(Kind.CRYPTO, 0.6))
TEXTS = ["plain", 'a "b", c', "line\nbreak", "tab\there", "สวัสดี", ""]


class EchoDetector:
    """Flags every text; its language column says which text it was asked about."""

    model_id = "echo@0+0"
    thresholds = Thresholds(0.5, 0.5)
    clears = False
    preset = None

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        """Return a prediction that carries the text."""
        return [
            Prediction(
                Decision.FLAG, Verdict.SCAM, 0.1, 0.2, 0.7, KINDS, text, 1, None, self.model_id
            )
            if isinstance(text, str)
            else unscored("missing", self.model_id)
            for text in texts
        ]


def _source(folder: Path, extension: str) -> Path:
    path = folder / f"in.{extension}"
    _write_rows(path, TEXTS)
    return path


def _write_rows(path: Path, texts: list[str]) -> None:
    extension = path.suffix[1:]
    rows = [{"id": f"0{n}", "text": text} for n, text in enumerate(texts)]
    if extension in ("csv", "tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            dialect = "excel" if extension == "csv" else "excel-tab"
            writer = csv.DictWriter(file, ["id", "text"], dialect=dialect)
            writer.writeheader()
            writer.writerows(rows)
    elif extension == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    elif extension == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        lines = [text.replace("\n", " ") for text in texts]
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in file]
        return list(csv.DictReader(file, dialect="excel" if path.suffix == ".csv" else "excel-tab"))


@pytest.mark.parametrize("target", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("extension", ["csv", "tsv", "jsonl", "parquet", "txt"])
def test_every_source_to_every_destination(tmp_path: Path, extension: str, target: str) -> None:
    destination = tmp_path / f"out.{target}"
    summary = score_file(_source(tmp_path, extension), destination, detector=EchoDetector())
    rows = _read(destination)
    expected = [t.replace("\n", " ") for t in TEXTS] if extension == "txt" else TEXTS
    assert [row["text"] for row in rows] == expected
    assert [row["scamdetect_language"] or "" for row in rows] == expected
    if extension != "txt":
        assert [row["id"] for row in rows] == [f"0{n}" for n in range(len(TEXTS))]
    ours = [name for name in rows[0] if name.startswith("scamdetect_")]
    assert ours == list(output.COLUMNS) == list(rows[0])[-len(ours) :]
    assert summary.rows == summary.flagged == len(TEXTS)
    kinds = rows[0]["scamdetect_kinds"]
    if target in ("csv", "tsv"):
        assert kinds == "investment:0.90;crypto:0.60"
    else:
        assert [kind["kind"] for kind in kinds] == ["investment", "crypto"]


@pytest.mark.parametrize("target", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet", "txt"])
def test_only_flagged_rows(
    tmp_path: Path, detector: ScamDetector, extension: str, target: str
) -> None:
    texts = ["hello", "guaranteed profit", "", "profit", "profit guaranteed"]
    _write_rows(tmp_path / f"in.{extension}", texts)
    destination = tmp_path / f"out.{target}"
    summary = score_file(
        tmp_path / f"in.{extension}", destination, detector=detector, only_flagged=True
    )
    assert [row["text"] for row in _read(destination)] == ["guaranteed profit", "profit guaranteed"]
    assert (summary.rows, summary.flagged, summary.written) == (5, 2, 2)
    _write_rows(tmp_path / f"in.{extension}", ["hello"])
    score_file(
        tmp_path / f"in.{extension}",
        destination,
        detector=detector,
        only_flagged=True,
        overwrite=True,
    )
    assert _read(destination) == []


@settings(deadline=None)  # a job waits for the disk
@given(
    st.lists(st.tuples(st.text(alphabet='a,"\n 0é', max_size=6), st.text(max_size=6)), max_size=6)
)
def test_csv_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    rows = [(a, b.encode("utf-8", "replace").decode()) for a, b in rows]
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "other"), *rows])
    score_file(folder / "in.csv", detector=EchoDetector())
    with (folder / "in.scored.csv").open(encoding="utf-8", newline="") as file:
        found = [tuple(row[:2]) for row in csv.reader(file)]
    assert found == [("text", "other"), *rows]


@settings(deadline=None)  # a job waits for the disk
@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=3),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
                lambda inner: (
                    st.lists(inner, max_size=2)
                    | st.dictionaries(st.text(max_size=2), inner, max_size=2)
                ),
                max_leaves=3,
            ),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_json_members_come_back_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("json")
    objects = [{"text": "a"}, *objects]
    lines = "\n".join(json.dumps(value) for value in objects)
    (folder / "in.jsonl").write_text(lines, encoding="utf-8")
    for target in ("out.jsonl", "out.csv", "out.parquet"):
        score_file(folder / "in.jsonl", folder / target, detector=EchoDetector())
    found = _read(folder / "out.jsonl")
    for before, after in zip(objects, found, strict=True):
        assert list(after.items())[: len(before)] == list(before.items())
    assert pq.read_table(folder / "out.parquet").num_rows == len(objects)


def test_parquet_keeps_types_and_metadata(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": pa.array(["a", "b"] * 40_000).dictionary_encode(),
            "time": pa.array([0, None] * 40_000, pa.timestamp("ns", "UTC")),
            "nested": [{"a": [1, None]}, None] * 40_000,
        }
    ).replace_schema_metadata({"owner": "me"})
    pq.write_table(table, tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", detector=EchoDetector())
    found = pq.ParquetFile(tmp_path / "in.scored.parquet")
    assert found.schema_arrow.metadata[b"owner"] == b"me"
    assert found.read().select(table.column_names).equals(table)
    assert found.schema_arrow.field("scamdetect_kinds").type == output.SCHEMA.field(5).type
    assert found.metadata.num_row_groups == 2


@pytest.mark.parametrize("target", ["csv", "jsonl", "parquet"])
def test_source_without_rows_gives_the_columns(tmp_path: Path, target: str) -> None:
    (tmp_path / "in.csv").write_text("id,text\n", encoding="utf-8")
    summary = score_file(tmp_path / "in.csv", tmp_path / f"out.{target}", detector=EchoDetector())
    assert summary.rows == 0
    if target == "parquet":
        names = pq.read_schema(tmp_path / "out.parquet").names
        assert names == ["id", "text", *output.COLUMNS]
    elif target == "csv":
        header = (tmp_path / "out.csv").read_text(encoding="utf-8")
        assert header == ",".join(["id", "text", *output.COLUMNS]) + "\n"


def test_bom_stays(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"\xef\xbb\xbftext\r\nhi\r\n")
    score_file(tmp_path / "in.csv", detector=EchoDetector())
    assert (tmp_path / "in.scored.csv").read_bytes().startswith(b"\xef\xbb\xbftext,scamdetect_")


def test_columns_of_one_name_need_csv(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,a,a\nhi,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="several columns named a"):
        score_file(tmp_path / "in.csv", tmp_path / "out.jsonl", detector=EchoDetector())
    score_file(tmp_path / "in.csv", tmp_path / "out.csv", detector=EchoDetector())
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1].startswith("hi,1,2,")


def test_columns_of_one_name_in_parquet_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["hi"])] * 3, names=["text", "a", "a"])
    pq.write_table(table, tmp_path / "in.parquet")
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        with pytest.raises(InputError, match="several columns named a.*rename them"):
            score_file(tmp_path / "in.parquet", tmp_path / name, detector=EchoDetector())


class _FullDisk:
    """A file on a disk that is full after some bytes."""

    def __init__(self, file: IO[bytes], room: int) -> None:
        self._file = file
        self._room = room

    def write(self, content: bytes) -> int:
        self._room -= len(content)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(content)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._file, name)


@pytest.mark.parametrize("room", [0, 10, 3000])
@pytest.mark.parametrize("target", ["csv", "jsonl", "parquet"])
def test_full_disk_leaves_no_trace(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    room: int,
) -> None:
    source = tmp_path / "in.csv"
    source.write_text("text\n" + "".join(f"{n * n * 7919}\n" for n in range(4000)), "utf-8")
    destination = tmp_path / f"out.{target}"
    destination.write_bytes(b"of an earlier run")
    real = work.writing

    @contextmanager
    def writing(path: Path, access: Access) -> Iterator[_FullDisk]:
        with real(path, access) as file:
            yield _FullDisk(file, room)

    monkeypatch.setattr(work, "writing", writing)
    with pytest.raises(OutputError, match=f"out.{target}: cannot be written.*No space left"):
        score_file(source, destination, detector=EchoDetector(), overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", destination.name]
    assert destination.read_bytes() == b"of an earlier run"


def test_folder_without_a_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        score_file(_source(tmp_path, "csv"), detector=EchoDetector())
