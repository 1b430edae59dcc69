"""The review file: written, edited as spreadsheets and people do, and read back strictly."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import InputError
from scamdetect.share.proposals import COLUMNS, Proposal, least_tlp, write_proposals
from scamdetect.share.review import Reviewed, is_review, read_review
from scamdetect.share.review_dates import Order, day_forms, day_of, order_in
from scamdetect.text.indicators import IndicatorType

TODAY = datetime.date(2026, 12, 1)
VALUES = {
    IndicatorType.DOMAIN: "1e5-parcel.example",
    IndicatorType.LINK: "https://parcel.example/pay/*",
    IndicatorType.WALLET: "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    IndicatorType.PHONE: "+447700900123",
    IndicatorType.EMAIL: "help@parcel.example",
    IndicatorType.HANDLE: "telegram:prof_smith",
    IndicatorType.IBAN: "GB29NWBK60161331926819",
    IndicatorType.ACCOUNT: "0012345678",
    IndicatorType.SENDER: "=DHL-INFO",
}
Row = dict[str, str]


def proposal(type: IndicatorType, **other: object) -> Proposal:
    known: dict[str, object] = {
        "type": type,
        "value": VALUES[type],
        "messages": 1200,
        "flagged": 1100,
        "senders": 1031,
        "first_day": datetime.date(2026, 11, 3),
        "last_day": datetime.date(2026, 11, 27),
        "languages": (("en", 1000), ("id", 200)),
        "kinds": (("delivery", 900), ("phishing", 3)),
        "campaigns": ("0012345678901234", "12e4567890123456"),
        "labelled": False,
        "verified": True,
        "model_id": "tiny@1+abc",
    }
    return Proposal(**(known | other))  # type: ignore[arg-type]


def written(folder: Path, *proposals: Proposal) -> Path:
    path = folder / "review.csv"
    with path.open("wb") as file:
        write_proposals(file, proposals or [proposal(type) for type in IndicatorType])
    return path


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def save(
    path: Path, rows: list[Row], columns: tuple[str, ...] = COLUMNS, delimiter: str = ",",
    encoding: str = "utf-8",
) -> Path:  # fmt: skip
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def decided(rows: list[Row], date: str = "2026-11-30") -> list[Row]:
    return [
        row
        | (
            {}
            if row["type"] == "account"
            else {"publish": "yes", "reviewer": "Ada Example", "date": date}
        )
        for row in rows
    ]


def edited(folder: Path, edit: Callable[[Row], Row], *proposals: Proposal) -> Path:
    path = written(folder, *proposals)
    return save(path, [edit(row) for row in decided(rows_of(path))])


def test_nothing_is_published_of_a_file_that_nobody_has_touched(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert is_review(path)
    assert read_review(path) == ()
    assert [row["value"] for row in rows_of(path)][-2:] == [
        "account:0012345678",
        "sender:=DHL-INFO",
    ]


def test_a_row_with_yes_a_reviewer_and_a_date_is_published_as_it_was_found(tmp_path: Path) -> None:
    path = written(tmp_path)
    found = read_review(save(path, decided(rows_of(path))), today=TODAY)
    assert [one.value for one in found] == [
        value for type, value in VALUES.items() if type is not IndicatorType.ACCOUNT
    ]
    assert found[0] == Reviewed(
        type=IndicatorType.DOMAIN,
        value="1e5-parcel.example",
        share_flagged=1100 / 1200,
        messages=1200,
        senders=1031,
        first_day=datetime.date(2026, 11, 3),
        last_day=datetime.date(2026, 11, 27),
        languages=("en", "id"),
        kinds=("delivery", "phishing"),
        confidence=89,
        tlp="TLP:GREEN",
        predictive=True,
        verified=True,
        model_id="tiny@1+abc",
        reviewer="Ada Example",
        date=datetime.date(2026, 11, 30),
    )
    assert {one.tlp for one in found[3:]} == {"TLP:AMBER"}


def test_what_was_not_counted_is_none(tmp_path: Path) -> None:
    one = proposal(
        IndicatorType.DOMAIN, senders=None, first_day=None, last_day=None, languages=(), kinds=(),
        campaigns=(), model_id=None, labelled=True, messages=2, flagged=0,
    )  # fmt: skip
    (found,) = read_review(edited(tmp_path, dict, one), today=TODAY)
    assert (found.senders, found.first_day, found.last_day, found.model_id) == (None,) * 4
    assert (found.languages, found.kinds, found.predictive, found.confidence) == ((), (), False, 90)


STYLES = ["{d}/{m}/{y}", "{m}/{d}/{y}", "{d:02}.{m:02}.{y}", "{y}/{m}/{d}", "{d}-{m}-{y}"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheet_of_any_country_changes_nothing(
    tmp_path: Path, style: str, delimiter: str
) -> None:
    def in_style(day: str) -> str:
        y, m, d = (int(part) for part in day.split("-"))
        return style.format(y=y, m=m, d=d)

    path = written(tmp_path)
    rows = [
        row
        | {name: in_style(row[name]) for name in ("first_day", "last_day", "date") if row[name]}
        | {"our notes": "seen; twice", "messages": "1,200", "senders": "1.031"}
        for row in decided(rows_of(path))
    ]
    columns = ("our notes", *reversed(COLUMNS))
    plain = read_review(save(path, decided(rows_of(path))), today=TODAY)
    save(path, rows[::-1], columns, delimiter)
    assert read_review(path, today=TODAY) == plain[::-1]


def test_days_as_serial_numbers_and_capitals_are_read(tmp_path: Path) -> None:
    def edit(row: Row) -> Row:
        return row | {"date": "46356", "first_day": "46329", "publish": "YES", "verified": "Yes"}

    assert read_review(edited(tmp_path, edit, proposal(IndicatorType.LINK)), today=TODAY)[
        0
    ].date == datetime.date(2026, 11, 30)


def test_empty_rows_and_no_are_not_published(tmp_path: Path) -> None:
    path = written(tmp_path)
    rows = [row | {"publish": "no"} for row in decided(rows_of(path))]
    save(path, [*rows[:2], {}, *rows[2:], {}])
    assert read_review(path, today=TODAY) == ()


WRONG = [
    ({"publish": "y"}, "row 2, column publish: write yes"),
    ({"publish": "x", "date": ""}, "row 2, column publish: write yes"),
    ({"reviewer": " "}, "row 2, column reviewer: write who decided"),
    ({"reviewer": "12"}, "row 2, column reviewer: write who decided"),
    ({"date": ""}, "row 2, column date: write the day"),
    ({"date": "04/05/2026"}, "row 2, column date: the day is ambiguous"),
    ({"date": "soon"}, "row 2, column date: the day is ambiguous"),
    ({"date": "2026-12-03"}, "row 2, column date: is in the future"),
    ({"confidence": "0,9"}, "row 2, column confidence: write an integer"),
    ({"confidence": "101"}, "row 2, column confidence: write an integer"),
    ({"tlp": "white"}, "row 2, column tlp: write one of TLP:CLEAR"),
    ({"tlp": "TLP:RED"}, "row 2, column tlp: write one of TLP:CLEAR"),
    ({"tlp": "green"}, "row 2, column tlp: a phone is TLP:AMBER or stricter"),
    ({"value": "4.477E+11"}, "row 2, column check: the findings"),
    ({"value": "tel:+447700900124"}, "row 2, column check: the findings"),
    ({"type": "link"}, "row 2, column check: the findings"),
    ({"messages": "1,2"}, "row 2, column check: the findings"),
    ({"first_day": "Nov 2026"}, "row 2, column check: the findings"),
    ({"last_day": "2026-11-28"}, "row 2, column check: the findings"),
    ({"check": ""}, "row 2, column check: the findings"),
]


@pytest.mark.parametrize(("change", "told"), WRONG)
def test_what_is_not_certain_is_told_and_nothing_is_published(
    tmp_path: Path, change: Row, told: str
) -> None:
    path = edited(tmp_path, lambda row: row | change, proposal(IndicatorType.PHONE))
    with pytest.raises(InputError, match=rf"review.csv: no row is published.*\(1\): {told}"):
        read_review(path, today=TODAY)


def test_a_local_account_is_never_published(tmp_path: Path) -> None:
    path = written(tmp_path, proposal(IndicatorType.ACCOUNT))
    row = rows_of(path)[0] | {"publish": "yes", "reviewer": "Ada", "date": "2026-11-30"}
    with pytest.raises(InputError, match="a local bank account stays in the review file"):
        read_review(save(path, [row]), today=TODAY)


def test_cells_that_moved_to_another_row_are_noticed(tmp_path: Path) -> None:
    path = written(tmp_path)
    rows = decided(rows_of(path))
    sorted_column = sorted(row["value"] for row in rows)
    rows = [row | {"value": value} for row, value in zip(rows, sorted_column, strict=True)]
    with pytest.raises(InputError, match="row 2, column check.*and 2 more"):
        read_review(save(path, rows), today=TODAY)


def test_columns_that_are_missing_and_other_files_are_told(tmp_path: Path) -> None:
    path = written(tmp_path)
    rows = rows_of(path)
    save(path, rows, tuple(name for name in COLUMNS if name != "check"))
    assert not is_review(path)
    with pytest.raises(InputError, match="no column 'check'"):
        read_review(path)
    path.write_bytes(b"\x00\x01")
    assert not is_review(path)


def test_the_text_of_a_cell_is_in_no_error(tmp_path: Path) -> None:
    path = edited(
        tmp_path, lambda row: row | {"date": "secret", "reviewer": "secret"},
        proposal(IndicatorType.PHONE),
    )  # fmt: skip
    with pytest.raises(InputError) as problem:
        read_review(path, today=TODAY)
    assert "secret" not in str(problem.value)


def test_the_least_strict_label_of_each_type() -> None:
    web = (IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.WALLET)
    assert {least_tlp(type) for type in web} == {"TLP:GREEN"}
    assert least_tlp(IndicatorType.ACCOUNT) == "TLP:RED"
    others = set(IndicatorType) - {*web, IndicatorType.ACCOUNT}
    assert {least_tlp(type) for type in others} == {"TLP:AMBER"}


@given(st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 12, 31)), st.sampled_from(STYLES))
def test_a_day_is_read_right_or_not_at_all(day: datetime.date, style: str) -> None:
    cell = style.format(y=day.year, m=day.month, d=day.day)
    assert day_of(cell, Order.UNKNOWN) in (day, None)
    order = Order.MONTH_FIRST if style.startswith("{m}") else Order.DAY_FIRST
    assert day_of(cell, order) == day
    assert day.isoformat() in day_forms(cell)


def test_the_order_of_a_file_is_what_all_its_dates_show() -> None:
    assert order_in(["01/02/2026", "13/02/2026", "x"]) is Order.DAY_FIRST
    assert order_in(["2/13/2026", ""]) is Order.MONTH_FIRST
    assert order_in(["2/13/2026", "13/2/2026"]) is Order.UNKNOWN
    assert order_in(["13.02.2026", "01/02/2026", "2026-02-13"]) is Order.UNKNOWN
