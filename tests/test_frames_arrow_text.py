"""Values of every type of Parquet come out as text without loss, or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dump_files import read_rows
from hang import HANG
from scored_rows import scored_row, write_scored
from test_dumps_writers import EchoDetector

from scamdetect import ScamDetector
from scamdetect.adapt.queue import choose_queue
from scamdetect.dumps import score_file
from scamdetect.dumps.columns import read_columns
from scamdetect.errors import InputError
from scamdetect.frames.arrow import cell_texts, json_values, unwritable
from scamdetect.scored.groups import write_groups
from scamdetect.scored.threads import write_threads

MOST = 2**62
# Each with its values as text in a CSV, and as JSON where that differs.
VALUES: dict[str, tuple[pa.Array, list[str | None], list[Any] | None]] = {
    "null": (pa.nulls(2), [None, None], None),
    "bool": (pa.array([True, None]), ["true", None], [True, None]),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"], [2**64 - 1]),
    "float16": (pa.array([1.5, None], pa.float16()), ["1.5", None], [1.5, None]),
    "not finite": (pa.array([float("nan"), float("-inf")]), ["nan", "-inf"], [None, None]),
    "decimal": (pa.array([Decimal("1.50")], pa.decimal128(9, 2)), ["1.50"], None),
    "decimal32": (pa.array([Decimal("-0.05")], pa.decimal32(5, 2)), ["-0.05"], None),
    "date": (pa.array([0, 2**31 - 1, 2932897], pa.date32()),
             ["1970-01-01", "2147483647", "10000-01-01"], None),
    "time": (pa.array([1], pa.time32("ms")), ["00:00:00.001"], None),
    "time in ns": (pa.array([1, MOST], pa.time64("ns")),
                   ["00:00:00.000000001", str(MOST)], None),
    "timestamp": (pa.array([0, -MOST, None], pa.timestamp("us")),
                  ["1970-01-01 00:00:00.000000", str(-MOST), None], None),
    "years": (pa.array([253402300800000, -62167219200001], pa.timestamp("ms")),
              ["10000-01-01 00:00:00.000", "-0001-12-31 23:59:59.999"], None),
    "timestamp in ns": (pa.array([1, -(2**63)], pa.timestamp("ns")),
                        ["1970-01-01 00:00:00.000000001", "1677-09-21 00:12:43.145224192"], None),
    "zone": (pa.array([1], pa.timestamp("ns", "Europe/Berlin")),
             ["1970-01-01 01:00:00.000000001+0100"], None),
    "unknown zone": (pa.array([1, None], pa.timestamp("us", "Mars/Olympus")),
                     ["1970-01-01 00:00:00.000001Z", None], None),
    "impossible offset": (pa.array([1], pa.timestamp("ms", "+99:99")),
                          ["1970-01-01 00:00:00.001Z"], None),
    "duration": (pa.array([1, MOST], pa.duration("ns")), ["1", str(MOST)], None),
    "binary": (pa.array([b"\xff", b"", None]), ["/w==", "", None], None),
    "binary view": (pa.array([b"\xff"], pa.binary_view()), ["/w=="], None),
    "fixed binary": (pa.array([b"ab"], pa.binary(2)), ["YWI="], None),
    "string view": (pa.array(["é"], pa.string_view()), ["é"], None),
    "dictionary": (pa.array(["a", None]).dictionary_encode(), ["a", None], None),
    "dictionary of binary": (pa.array([b"\xff"]).dictionary_encode(), ["/w=="], None),
    "uuid": (pa.array([b"\xff" * 16, None], pa.uuid()),
             ["ffffffff-ffff-ffff-ffff-ffffffffffff", None], None),
    "extension": (pa.ExtensionArray.from_storage(
        pa.opaque(pa.list_(pa.int8()), "t", "v"), pa.array([[1], None], pa.list_(pa.int8()))
    ), ["[1]", None], [[1], None]),
    "list": (pa.array([[1, None], [], None]), ["[1, null]", "[]", None], [[1, None], [], None]),
    "large list": (pa.array([[b"\xff"]], pa.large_list(pa.binary())), ['["/w=="]'], [["/w=="]]),
    "fixed list": (pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
                   ["[1, 2]", None, "[3, 4]"], [[1, 2], None, [3, 4]]),
    "list view": (pa.array([[1], None], pa.list_view(pa.int8())), ["[1]", None], [[1], None]),
    "struct": (pa.array([{"é": 1}, None]), ['{"é": 1}', None], [{"é": 1}, None]),
    "map": (pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int8())),
            ['[["a", 1]]', None, "[]"], [[["a", 1]], None, []]),
    "map by number": (pa.array([[(1, 2)]], pa.map_(pa.int64(), pa.timestamp("ns"))),
                      ['[[1, "1970-01-01 00:00:00.000000002"]]'],
                      [[[1, "1970-01-01 00:00:00.000000002"]]]),
    "run ends": (pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
                 ["a", "a"], None),
}  # fmt: skip
TWICE = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])


@pytest.mark.parametrize("name", VALUES)
def test_every_type_has_a_text_and_a_json_form(name: str) -> None:
    array, texts, values = VALUES[name]
    values = list(texts) if values is None else values
    column = pa.chunked_array([array])
    assert cell_texts(column) == texts
    assert json_values(column) == values
    nested = pa.StructArray.from_arrays([array], names=["x"])
    assert json_values(pa.chunked_array([nested])) == [{"x": value} for value in values]
    assert not unwritable(nested.type)


@pytest.mark.parametrize("name", VALUES)
def test_slices_and_pieces_keep_their_own_values(name: str) -> None:
    array, texts, values = VALUES[name]
    values = list(texts) if values is None else values
    if name == "run ends":
        return
    whole = pa.concat_arrays([array, array])
    column = pa.chunked_array([whole.slice(1), whole.slice(len(array), 0)])
    assert cell_texts(column) == (texts + texts)[1:]
    assert json_values(column) == (values + values)[1:]
    one = pa.ListArray.from_arrays(pa.array([0, len(array), 2 * len(array)], pa.int32()), whole)
    assert json_values(pa.chunked_array([one.slice(1)])) == [values]


@pytest.mark.parametrize("extension", ["csv", "tsv", "jsonl", "parquet"])
def test_every_type_goes_to_every_destination(tmp_path: Path, extension: str) -> None:
    for name, (array, texts, _) in VALUES.items():
        if name == "run ends":  # which Parquet lacks
            continue
        source, target = tmp_path / "in.parquet", tmp_path / f"out.{extension}"
        nested = pa.StructArray.from_arrays([array], names=["x"])
        table = pa.table({"text": ["hi"] * len(array), "a": array, "b": nested})
        pq.write_table(table, source)
        score_file(source, target, detector=EchoDetector(), overwrite=True)
        if extension == "parquet":
            found, before = pq.read_table(target).select(["a", "b"]), pq.read_table(source)
            assert str(found) == str(before.select(["a", "b"]))  # NaN equals nothing
        elif extension != "jsonl" and "uint" not in name:
            assert [row["a"] or None for row in read_rows(target)] == [t or None for t in texts]


def test_no_type_needs_pandas(tmp_path: Path) -> None:
    table = pa.table({"x": pa.StructArray.from_arrays(
        [VALUES[name][0].slice(0, 1) for name in ("timestamp in ns", "time in ns", "duration")],
        names=["a", "b", "c"],
    )})  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    code = (
        "import sys\nclass Absent:\n    def find_spec(self, name, *_):\n"
        "        if name.partition('.')[0] == 'pandas':\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import pyarrow.parquet as pq\n"
        "from scamdetect.frames.arrow import json_values\n"
        f"print(json_values(pq.read_table({str(tmp_path / 'a.parquet')!r}).column('x')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=HANG
    )
    assert done.returncode == 0, done.stderr
    assert "1970-01-01 00:00:00.000000001" in done.stdout


@pytest.mark.parametrize("extension", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("kind", ["struct", "list", "map"])
def test_a_field_twice_is_refused_before_any_row_is_scored(
    tmp_path: Path, extension: str, kind: str
) -> None:
    array = {
        "struct": TWICE,
        "list": pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), TWICE),
        "map": pa.MapArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["k"]), TWICE),
    }[kind]
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": ["hi"], "bad": array}), source)
    asked: list[object] = []

    class Detector(EchoDetector):
        def predict(self, texts: Any, /) -> Any:  # noqa: ANN401
            asked.append(texts)
            return super().predict(texts)

    target = tmp_path / f"out.{extension}"
    with pytest.raises(InputError, match=r"'bad'.*struct<a: int64, a: int64>.*--columns.*Parquet"):
        score_file(source, target, detector=Detector())
    assert not asked
    score_file(source, target, detector=EchoDetector(), columns=["text"])
    score_file(source, tmp_path / "out.parquet", detector=EchoDetector())
    assert pq.read_table(tmp_path / "out.parquet").column("bad").type == array.type


@pytest.mark.parametrize("option", ["by", "thread_column", "time_column"])
def test_any_type_groups_or_is_refused(tmp_path: Path, option: str, detector: ScamDetector) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.csv"
    for name, (array, _, _) in VALUES.items():
        if name == "run ends":
            continue
        pq.write_table(pa.table({"text": ["hi"] * len(array), "a": array}), source)
        score_file(source, target, detector=detector, columns=["text"], overwrite=True)
        options: dict[str, Any] = {"source": source, "overwrite": True}
        try:
            if option == "thread_column":
                write_threads(target, detector=detector, thread_column="a", **options)
            else:
                write_groups(target, **{"by": "text"} | {option: "a"}, **options)
        except InputError as problem:
            assert "cannot be grouped" in str(problem) or "not times" in str(problem)


def test_unions_have_no_form() -> None:
    union = pa.dense_union([pa.field("a", pa.int8()), pa.field("b", pa.string())])
    assert unwritable(union)
    assert unwritable(pa.list_(union))


def test_text_that_is_not_utf8_names_the_cure(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    bad = pa.array([b"\xff"]).view(pa.string())
    pq.write_table(pa.table({"text": ["hi"], "bad": bad}), source)
    with pytest.raises(
        InputError, match=r"'bad' contains text that is not UTF-8.*--columns.*Parquet"
    ):
        score_file(source, tmp_path / "out.csv", detector=EchoDetector())


def test_other_columns_are_read_as_plain_strings(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    for name in ("timestamp in ns", "unknown zone", "date", "binary", "uuid"):
        array, texts, _ = VALUES[name]
        pq.write_table(pa.table({"text": ["hi"] * len(array), "label": array}), source)
        (batch,) = read_columns(source, "text", ["label"])
        assert batch.columns["label"] == texts
    pq.write_table(pa.table({"text": ["hi"], "label": [[1]]}), source)
    with pytest.raises(InputError, match="'label' holds lists or objects"):
        list(read_columns(source, "text", ["label"]))


@pytest.mark.parametrize("name", ["timestamp in ns", "unknown zone", "date", "uuid"])
def test_key_of_a_queue_may_be_of_any_type(tmp_path: Path, name: str) -> None:
    path = tmp_path / "scored.parquet"
    write_scored(path, [scored_row(n / 5, text=f"message {n}") for n in range(4)])
    table = pq.read_table(path)
    array, texts, _ = VALUES[name]
    keys = pa.chunked_array([array.slice(0, 1)] * table.num_rows)
    pq.write_table(table.append_column("own", keys), path)
    chosen = choose_queue(path, 2, key_column="own")
    assert {row.key for row in chosen.rows} == {texts[0]}


def test_form_of_json_is_json() -> None:
    for array, _, _ in VALUES.values():
        json.dumps(json_values(pa.chunked_array([array])), allow_nan=False)
