"""Exports in CSV and JSONL, read back by the standard library."""

from __future__ import annotations

import csv
import io
import json

import pytest
from reviewed_rows import VALUES, one_of_each, reviewed

from scamdetect.share.gse import CSV_COLUMNS, csv_text, is_formula, jsonl_text
from scamdetect.share.signals import signal_of
from scamdetect.text.indicators import IndicatorType

SIGNALS = [signal_of(row, "Example Bank") for row in one_of_each()]
# The required and the optional attributes that the exchange names, in its words.
EXCHANGE = (
    "signal", "signal_type", "abuse_type", "report_date", "confidence_score", "predictive",
)  # fmt: skip


def test_csv_has_the_fields_of_the_exchange_first() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(SIGNALS)), strict=True))
    assert tuple(rows[0]) == CSV_COLUMNS and tuple(rows[0])[:6] == EXCHANGE
    assert [row["signal"] for row in rows] == list(VALUES.values())
    first = rows[0]
    assert [first[name] for name in EXCHANGE[1:]] == [
        "domain name", "scam", "2026-11-20 00:00:00", "70", "true",
    ]  # fmt: skip
    assert first["kinds"] == "delivery;phishing" and first["withdrawn"] == "false"
    assert first["first_day"] == "2026-11-01" and first["valid_until"] == "2026-12-20"


def test_jsonl_keeps_what_the_exchange_has_no_field_for_as_extra_data() -> None:
    lines = jsonl_text(SIGNALS).splitlines()
    found = [json.loads(line) for line in lines]
    assert len(found) == len(VALUES)
    for one, kind in zip(found, VALUES, strict=True):
        assert set(one) == {*EXCHANGE, "extra_data"}
        assert one["predictive"] is True and one["confidence_score"] == 70
        assert one["extra_data"]["type"] == kind.value
        assert set(one["extra_data"]) == set(CSV_COLUMNS) - set(EXCHANGE)


def test_days_that_nobody_knows_are_empty() -> None:
    unknown = signal_of(reviewed(first_day=None, last_day=None), "Example Bank")
    (row,) = csv.DictReader(io.StringIO(csv_text([unknown])))
    assert row["first_day"] == row["last_day"] == ""
    assert json.loads(jsonl_text([unknown]))["extra_data"]["last_day"] is None


def test_nobody_who_works_there_is_named() -> None:
    assert "Ada" not in csv_text(SIGNALS) + jsonl_text(SIGNALS)


@pytest.mark.parametrize(
    ("value", "runs"),
    [
        ("=HYPERLINK(1)", True),
        ("-1+cmd", True),
        ("@sum", True),
        ("+cmd", True),
        (VALUES[IndicatorType.PHONE], False),
        ("ParcelFee", False),
    ],
)
def test_what_a_spreadsheet_would_run_is_told(value: str, runs: bool) -> None:
    assert is_formula(value) is runs
