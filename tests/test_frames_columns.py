"""The ``scamdetect_*`` columns."""

from __future__ import annotations

import json

import pytest
from test_prediction import SCAM

from scamdetect.errors import InputError
from scamdetect.frames.columns import COLUMNS, FLAT_SCHEMA, SCHEMA, check_columns, columns, record
from scamdetect.prediction import unscored

ROWS = [SCAM, unscored("missing", "tiny@1+0"), SCAM]


@pytest.mark.parametrize(("flat", "schema"), [(False, SCHEMA), (True, FLAT_SCHEMA)])
@pytest.mark.parametrize("rows", [ROWS, []])
def test_columns_have_the_schema_and_the_records_values(rows, flat, schema) -> None:  # noqa: ANN001
    made = columns(rows, flat=flat)
    assert tuple(made) == COLUMNS
    assert [array.type for array in made.values()] == schema.types
    for name, array in made.items():
        array.validate(full=True)
        assert [_rounded(x) for x in array.to_pylist()] == [
            record(p, flat=flat)[name] for p in rows
        ]


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list):
        return [{**item, "probability": round(item["probability"], 6)} for item in value]
    return value


def test_records_are_plain_json() -> None:
    assert json.loads(json.dumps(record(SCAM))) == record(SCAM)
    assert record(SCAM, flat=True)["scamdetect_kinds"] == "investment:0.90;crypto:0.60"
    assert record(ROWS[1])["scamdetect_verdict"] is None


def test_a_missing_text_column_lists_the_columns() -> None:
    message = r"inbox\.csv has no column 'text'; its columns are: id, body; .*--text-column"
    with pytest.raises(InputError, match=message):
        check_columns(["id", "body"], "text", overwrite=False, where="inbox.csv")


@pytest.mark.parametrize(
    "name",
    ["guaranteed profit, pay the fee", "+49 170 12", "明天见，好吗", "come to the old cafe", "17"],
)
def test_a_message_in_place_of_a_header_is_not_shown(name: str) -> None:
    with pytest.raises(InputError, match="does not look like a header") as caught:
        check_columns(["id", name], "text", overwrite=False, where="x.csv", first_line=True)
    assert name not in str(caught.value)


def test_output_columns_are_replaced_only_on_purpose() -> None:
    names = ["scamdetect_verdict", "text", "scamdetect_mine"]
    message = "already has the columns scamdetect_verdict;.*--overwrite-columns"
    with pytest.raises(InputError, match=message):
        check_columns(names, "text", overwrite=False, where="t")
    kept = check_columns(names, "text", overwrite=True, where="t")
    assert kept == ("text", "scamdetect_mine")


@pytest.mark.parametrize("names", [["scamdetect_reason"], ["text", "text"]])
def test_an_impossible_text_column_is_refused(names: list[str]) -> None:
    with pytest.raises(InputError, match="rename"):
        check_columns(names, names[0], overwrite=True, where="t")
