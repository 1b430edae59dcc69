"""Proposals: counted over all messages, and nothing of a recipient or of an honest organisation."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scored_rows import scored_row, write_scored

from scamdetect.errors import InputError, OutputError
from scamdetect.scored.database import OutputOptions
from scamdetect.share import findings, propose
from scamdetect.share.guard import RESERVED, Guard
from scamdetect.share.propose import ProposeOptions, ProposeSummary
from scamdetect.text.indicators import IndicatorType

LURE = "guaranteed bitcoin profit, join us today"
PLAIN = "hello lunch, see you there my friend"
WALLET = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
Row = dict[str, Any]


class Lenient(Guard):
    """Lets reserved names pass, on which the links of tests are; blocks bank.example."""

    def verdict(self, kind: IndicatorType, value: str) -> str | None:
        return "a bank" if "bank.example" in value else None


@pytest.fixture(autouse=True)
def _lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Lenient({}, frozenset(), frozenset(), frozenset())
    for module in (propose, findings):
        monkeypatch.setattr(module, "load_guard", lambda: guard)


def row(text: str, who: str = "s", to: str = "r", at: str = "2026-05-01", p: float = 0.1) -> Row:
    return scored_row(p, text=text, who=who, to=to, at=at, kinds=("crypto", "investment"))


def lures(text: str, count: int = 4, **columns: str) -> list[Row]:
    """Return flagged messages with the text, each by another sender to another recipient."""
    return [
        row(f"{LURE} {text.replace('{n}', str(n))}", p=0.95,
            **{"who": f"sender {n}", "to": f"r{n}", "at": f"2026-04-{n % 28 + 1:02}"} | columns)
        for n in range(count)
    ]  # fmt: skip


def proposed(
    folder: Path,
    rows: Sequence[Row],
    **options: Any,  # noqa: ANN401
) -> tuple[dict[str, dict[str, str]], ProposeSummary]:
    """Return the rows of the review file by their values, and the summary."""
    dump = write_scored(folder / "in.scored.parquet", rows)
    settings = ProposeOptions(**{"sender_column": "who", "time_column": "at"} | options)
    summary = propose.propose(
        [dump], folder / "review.csv", settings, OutputOptions(overwrite=True)
    )
    with summary.destination.open(encoding="utf-8-sig", newline="") as file:
        return {row["value"]: row for row in csv.DictReader(file)}, summary


def test_a_proposal_has_the_evidence_of_all_messages(tmp_path: Path) -> None:
    rows = [*lures("at https://x.example/pay?id={n}", 9),
            row(f"{PLAIN} https://X.example/pay", "sender 3"), row(PLAIN, "", "r", "")]  # fmt: skip
    review, summary = proposed(tmp_path, rows)
    assert list(review) == ["x.example", "https://x.example/pay"]
    shown = dict(review["https://x.example/pay"])
    assert shown.pop("id").startswith("i") and not shown.pop("campaigns")
    assert shown == {
        "publish": "", "reviewer": "", "date": "", "type": "link", "messages": "10",
        "value": "https://x.example/pay", "flagged": "9", "senders": "9",
        "first_day": "2026-04-01", "last_day": "2026-05-01", "languages": "en",
        "kinds": "crypto investment", "verified": "yes",
        "model_id": "tiny@1+abc", "confidence": "59", "tlp": "TLP:GREEN",
    }  # fmt: skip
    path = tmp_path / "review.csv"
    assert summary == ProposeSummary(path, {"domain": 1, "link": 1}, rows=11, left_out={})
    for file in (path, path.with_suffix(".parquet")):
        assert b"guaranteed" not in file.read_bytes() and b"sender 3" not in file.read_bytes()


def test_few_flagged_messages_or_senders_propose_nothing(tmp_path: Path) -> None:
    rows = [
        *lures("at https://half.example", 4), *[row(f"{PLAIN} https://half.example")] * 2,
        *lures("at https://two.example", 2), *lures("at https://one.example", 50, who="one"),
        *lures("at https://bank.example/x", 5),
    ]  # fmt: skip
    review, summary = proposed(tmp_path, rows)
    assert review == {}
    assert summary.left_out == {
        "a bank": 10, "fewer than 3 senders": 4, "less than 80% of its messages are flagged": 2,
    }  # fmt: skip


def test_parts_of_paths_that_vary_by_message_are_stars(tmp_path: Path) -> None:
    rows = [*lures("pay at https://x.example/p/code{n}00/go", 6),
            *lures("and this is constant: https://x.example/fix/ed", 6),
            *lures("short https://x.example/p", 6)]  # fmt: skip
    review, _ = proposed(tmp_path, rows)
    assert set(review) == {
        "x.example", "https://x.example/p/*/go", "https://x.example/fix/ed", "https://x.example/p",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mails", "kept"),
    [
        ([f"user{n}@mail.example" for n in range(5)], set()),
        (["boss@mail.example"] * 4 + [f"user{n}@mail.example" for n in range(6)],
         {"boss@mail.example"}),
    ],
)  # fmt: skip
def test_what_differs_in_most_messages_of_its_campaign_is_left_out(
    tmp_path: Path, mails: list[str], kept: set[str]
) -> None:
    rows = [row(f"{LURE} your account is {mail} for the day", f"s{n}", p=0.95)
            for n, mail in enumerate(mails)]  # fmt: skip
    review, summary = proposed(tmp_path, rows, types=["email"])
    assert set(review) == kept
    reason = "differs in most messages of its campaigns, so it belongs to recipients"
    assert summary.left_out == {reason: len(set(mails)) - len(kept)}


def test_messages_that_are_only_a_link_are_no_campaign(tmp_path: Path) -> None:
    rows = [row(f"guaranteed profit https://{name}.example/x", f"s{k}", p=0.95)
            for name in "abcdef" for k in range(3)]  # fmt: skip
    assert len(proposed(tmp_path, rows)[0]) == 12


def test_what_equals_a_recipient_is_left_out(tmp_path: Path) -> None:
    text = f"call +44 7700 900123 or mail help@x.example or t.me/prof_smith, wallet {WALLET}"
    others = [row(PLAIN, to=to) for to in ("(+44) 7700-900123", "Help@X.example", "@Prof_Smith")]
    options = {"types": ["phone", "email", "handle", "wallet"], "region": "GB"}
    rows = [*lures(text, 5), *others]
    review, _ = proposed(tmp_path, rows, **options)
    assert set(review) == {"'+447700900123", "help@x.example", "telegram:prof_smith", WALLET}
    review, summary = proposed(tmp_path, rows, recipient_column="to", **options)
    assert set(review) == {WALLET}
    assert summary.left_out == {"equal to a recipient": 3}


def test_the_recipient_in_a_link_is_a_star(tmp_path: Path) -> None:
    rows = [*lures("at https://x.example/u/447700900123/pay", 4, to="447700900123"),
            *lures("at https://x.example/u/ann.lee@mail.example/pay", 4, to="ann.lee@mail.example"),
            *lures("mail me@mail.example", 3, to="me@mail.example")]  # fmt: skip
    options = {"recipient_column": "to", "types": ["link", "email"]}
    review, summary = proposed(tmp_path, rows, **options)
    assert set(review) == {"https://x.example/u/*/pay"}
    assert summary.left_out == {findings.OF_RECIPIENT: 7}  # the address in the path is one too


def test_without_a_sender_column_domains_and_links_of_ten_messages(tmp_path: Path) -> None:
    rows = [*lures(f"at https://x.example/a wallet {WALLET}", 10),
            *lures("at https://y.example", 9)]  # fmt: skip
    review, summary = proposed(tmp_path, rows, sender_column=None)
    assert set(review) == {"x.example", "https://x.example/a"}
    assert review["x.example"]["senders"] == ""
    assert summary.left_out == {"fewer than 10 messages, and senders are not known": 2}
    with pytest.raises(InputError, match="sender_column"):
        proposed(tmp_path, rows, sender_column=None, types=["wallet"])


def _table(path: Path, names: str, rows: Sequence[tuple[object, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names.split(), *rows])
    return path


def test_campaigns_of_the_members_file(tmp_path: Path) -> None:
    rows = [
        row(f"{LURE} word{'abcdef'[n]} {'xyz' * n} https://x.example/{n}00{n}/go", f"s{n}", p=0.95)
        for n in range(5)
    ]
    assert set(proposed(tmp_path, rows)[0]) == {"x.example"}
    members = _table(tmp_path / "m.csv", "row campaign", [(n, "00ab12") for n in range(5)])
    review, _ = proposed(tmp_path, rows, campaigns=members)
    assert set(review) == {"x.example", "https://x.example/*/go"}
    assert {shown["campaigns"] for shown in review.values()} == {"00ab12"}


@pytest.mark.parametrize(
    ("names", "rows"),
    [("row campaign", [(0, "a"), (9, "a")]), ("row campaign", [("x", "a")]), ("row", [(0,)])],
)
def test_members_of_other_dumps(tmp_path: Path, names: str, rows: list[tuple[object, ...]]) -> None:
    members = _table(tmp_path / "m.csv", names, rows)
    with pytest.raises(InputError, match="not the members of these dumps"):
        proposed(tmp_path, lures("x.example"), campaigns=members)


def test_several_dumps_are_counted_together(tmp_path: Path) -> None:
    rows = lures("at https://x.example/{n}00{n}/go", 4)
    paths = [write_scored(tmp_path / "a.parquet", rows[:2]),
             write_scored(tmp_path / "b.parquet", rows[2:])]  # fmt: skip
    members = [(paths[0], 1, "k1"), (paths[1], 0, "k1"), (paths[1], 1, "k1")]
    table = _table(tmp_path / "m.csv", "input row campaign", members)
    options = ProposeOptions(sender_column="who", campaigns=table)
    summary = propose.propose(paths, tmp_path / "review.csv", options)
    assert (summary.rows, summary.proposed) == (4, {"domain": 1, "link": 1})
    _table(tmp_path / "m.csv", "input row campaign", [("other.parquet", 0, "k1")])
    with pytest.raises(InputError, match="not the members of these dumps"):
        propose.propose(paths, tmp_path / "again.csv", options)


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("review.parquet", {}, "the review file is a CSV"),
        ("in.csv", {}, "would be overwritten"),
        ("there.csv", {}, "already exists"),
        ("review.csv", {"types": ["phones"]}, "unknown phones; known types: domain, link"),
        ("review.csv", {"types": ["phone"], "region": "UK"}, "'UK' is not a country"),
        ("review.csv", {"recipient_column": "nobody"}, "nobody"),
    ],
)
def test_wrong_use(tmp_path: Path, name: str, options: dict[str, Any], problem: str) -> None:
    (tmp_path / "there.csv").touch()
    dump = write_scored(tmp_path / "in.parquet", lures("x.example"))
    overwrite = OutputOptions(overwrite=name != "there.csv")
    settings = ProposeOptions(sender_column="who", **options)
    with pytest.raises(InputError, match=problem):
        propose.propose([dump], tmp_path / name, settings, overwrite)


def test_errors_of_the_database_show_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propose, "_STATEMENTS", f"SELECT CAST('{LURE}' AS INTEGER)")
    with pytest.raises(OutputError) as raised:
        proposed(tmp_path, lures("x.example"))
    assert LURE not in str(raised.value) and raised.value.__cause__ is None
    assert not (tmp_path / "review.csv").exists()


def test_the_shipped_guard_leaves_out_reserved_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    review, summary = proposed(tmp_path, lures("at https://x.example/go"))
    assert review == {} and summary.left_out == {RESERVED: 8}
