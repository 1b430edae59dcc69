"""Tables as CSV, TSV, JSONL and Parquet."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scamdetect.dumps.batch import JSON
from scamdetect.dumps.formats import Format
from scamdetect.dumps.write import write_tables
from scamdetect.errors import OutputError

SCHEMA = pa.schema(
    [
        ("text", pa.string()), ("n", pa.float32()), ("when", pa.timestamp("ms")),
        ("l", pa.list_(pa.int8())), pa.field("j", pa.string(), metadata=JSON), ("b", pa.bool_()),
    ]
)  # fmt: skip
ROWS = [
    {"text": 'a "b",\nc', "n": 0.1, "when": datetime.datetime(2024, 1, 2), "l": [1], "j": '"s"',
     "b": True},
    {"text": None, "n": None, "when": None, "l": None, "j": '{"x": [1]}', "b": None},
]  # fmt: skip


def tables() -> Iterator[pa.Table]:
    """Yield an empty table and one of two rows."""
    yield SCHEMA.empty_table()
    yield pa.Table.from_pylist(ROWS, schema=SCHEMA)


def written(kind: Format, **options: str | bool) -> bytes:
    """Return the bytes of the tables in a format."""
    file = io.BytesIO()
    write_tables(file, kind, tables(), **options)  # type: ignore[arg-type]
    return file.getvalue()


def test_cells() -> None:
    assert written(Format.CSV) == (
        b'text,n,when,l,j,b\n"a ""b"",\nc",0.1,2024-01-02 00:00:00.000,[1],s,true\n'
        b',,,,"{""x"": [1]}",\n'
    )
    first = written(Format.TSV).splitlines()[0]
    assert first == b"text\tn\twhen\tl\tj\tb"
    assert written(Format.CSV, delimiter=";").startswith(b"text;n;when")


def test_objects() -> None:
    first, second = map(json.loads, written(Format.JSONL).splitlines())
    assert first == {
        "text": 'a "b",\nc', "n": 0.1, "when": "2024-01-02 00:00:00.000", "l": [1], "j": "s",
        "b": True,
    }  # fmt: skip
    assert second == dict.fromkeys(SCHEMA.names) | {"j": {"x": [1]}}


def test_parquet_keeps_types_and_plain_strings(tmp_path: Path) -> None:
    write_tables(tmp_path / "a.parquet", Format.PARQUET, tables())
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.types == SCHEMA.types
    assert table.column("j").to_pylist() == ["s", '{"x": [1]}']


@pytest.mark.parametrize("value", ["=1+1", "@a", "\t=x", "+cmd", "-2+3", "\uff1d1", "\r=1"])
def test_formulas_get_an_apostrophe(value: str) -> None:
    file = io.BytesIO()
    table = pa.table({"text": [value, "-5", "+4.5", "a=b"]})
    write_tables(file, Format.CSV, iter([table]), spreadsheet_safe=True)
    first, *rest = file.getvalue().decode().removeprefix("text\n").split("\n")
    assert first.strip('"').startswith("'")
    assert rest[-4:] == ["-5", "+4.5", "a=b", ""]


def test_a_failed_file_is_not_there(tmp_path: Path) -> None:
    def failing() -> Iterator[pa.Table]:
        yield from tables()
        raise OSError(28, "No space left on device")

    for name, kind in (("a.csv.gz", Format.CSV), ("a.parquet", Format.PARQUET)):
        with pytest.raises(OutputError, match="No space left"):
            write_tables(tmp_path / name, kind, failing())
    assert not list(tmp_path.iterdir())
