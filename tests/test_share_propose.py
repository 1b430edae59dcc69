"""Proposals: counted over all messages, and nothing of a recipient or of an honest organisation."""

from __future__ import annotations

import csv
import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scamdetect import ScamDetector
from scamdetect.dumps.job import score_file
from scamdetect.errors import InputError, JobInterrupted
from scamdetect.share import findings, propose, sums
from scamdetect.share.guard import RESERVED, Guard
from scamdetect.share.propose import ProposeSummary, write_review
from scamdetect.text.indicators import IndicatorType

LURE = "guaranteed bitcoin profit, join us today"
PLAIN = "hello lunch, see you there my friend"
COLUMNS = ("who", "to", "at", "text")
ALL = [type for type in IndicatorType if type is not IndicatorType.SENDER]
WALLET = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"


class Lenient(Guard):
    """Lets reserved names pass, on which the links of tests are; blocks bank.example."""

    def verdict(self, type: IndicatorType, value: str) -> str | None:
        return "a bank" if "bank.example" in value else None


@pytest.fixture(autouse=True)
def _lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Lenient({}, frozenset(), frozenset(), frozenset())
    monkeypatch.setattr(propose, "load_guard", lambda: guard)


Message = tuple[str, str, str, str]


def lures(text: str, count: int = 4, **columns: str) -> list[Message]:
    """Return flagged messages with the text, each by another sender to another recipient."""
    return [
        (
            columns.get("who", f"sender {n}"),
            columns.get("to", f"r{n}"),
            f"2026-04-{n + 1:02}T10:00:00Z",
            f"{LURE} {text.format(n=n)}",
        )
        for n in range(count)
    ]


def scored(folder: Path, detector: ScamDetector, rows: Sequence[Message], name: str = "in") -> Path:
    source = folder / f"{name}.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    score_file(source, folder / f"{name}.scored.csv", detector=detector, overwrite=True)
    return folder / f"{name}.scored.csv"


def proposed(
    folder: Path,
    detector: ScamDetector,
    rows: Sequence[Message],
    **options: Any,  # noqa: ANN401
) -> tuple[dict[str, dict[str, str]], ProposeSummary]:
    """Return the rows of the review file by their values, and the summary."""
    dump = scored(folder, detector, rows)
    options = {"sender_column": "who", "time_column": "at"} | options
    summary = write_review(dump, folder / "review.csv", overwrite=True, **options)
    with summary.destination.open(encoding="utf-8-sig", newline="") as file:
        return {row["value"]: row for row in csv.DictReader(file)}, summary


def test_an_indicator_tells_of_all_messages_that_have_it(
    tmp_path: Path, detector: ScamDetector
) -> None:
    rows = [
        *lures("at https://x.example/pay?id={n}", 9),
        ("sender 3", "r", "2026-05-01", f"{PLAIN} https://X.example/pay"),
        ("", "r", "", PLAIN),
    ]
    found, summary = proposed(tmp_path, detector, rows)
    assert list(found) == ["x.example", "https://x.example/pay"]
    row = found["https://x.example/pay"]
    told = {name: row[name] for name in row if name not in ("check", "campaigns")}
    assert told == {
        "publish": "", "reviewer": "", "date": "", "type": "link", "messages": "10",
        "value": "https://x.example/pay", "flagged": "9", "senders": "9",
        "first_day": "2026-04-01", "last_day": "2026-05-01", "languages": "en:10",
        "kinds": "crypto:9 investment:9", "labelled": "no", "verified": "yes",
        "model_id": detector.model_id, "confidence": "59", "tlp": "TLP:GREEN",
        "flagged_percent": "90", "note": "",
    }  # fmt: skip
    assert summary == ProposeSummary(
        tmp_path / "review.csv", {"domain": 1, "link": 1}, rows=11, left_out={}, notes=()
    )


def test_few_flagged_messages_or_senders_propose_nothing(
    tmp_path: Path, detector: ScamDetector
) -> None:
    rows = [
        *lures("at https://half.example", 4),
        *[("z", "r", "", f"{PLAIN} https://half.example")] * 2,
        *lures("at https://two.example", 2),
        *lures("at https://one.example", 50, who="one"),
        *lures("at https://bank.example/x", 5),
    ]
    found, summary = proposed(tmp_path, detector, rows)
    assert found == {}
    assert summary.left_out == {
        sums.FEW_FLAGGED: 2, sums.FEW_SENDERS: 4, "a bank": 10,
    }  # fmt: skip


def test_a_million_senders_of_one_message_each_are_counted_once(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propose, "BUCKET_BYTES", 20_000)
    rows = lures("at https://x.example", 28) * 20
    rows = [(f"s{n}", *row[1:]) for n, row in enumerate(rows)]
    found, _ = proposed(tmp_path, detector, [*rows, *rows[:7]])
    assert (found["x.example"]["messages"], found["x.example"]["senders"]) == ("567", "560")


def test_the_buckets_change_nothing(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*lures("at https://x.example/{n}/a"), *lures("t.me/abc_def and a.example"),
            *lures("b.example {n} c.example/x or d.example")]  # fmt: skip
    whole = proposed(tmp_path, detector, rows, types=ALL)
    monkeypatch.setattr(propose, "SEGMENT_ROWS", 1)
    monkeypatch.setattr(propose, "BUCKET_BYTES", 2_000)
    assert proposed(tmp_path, detector, rows, types=ALL) == whole
    assert len(whole[0]) > 5


def test_parts_of_paths_that_vary_by_message_are_stars(
    tmp_path: Path, detector: ScamDetector
) -> None:
    rows = [
        *lures("pay at https://x.example/p/code{n}00/go", 6),
        *lures("and this is constant: https://x.example/fix/ed", 6),
    ]
    found, _ = proposed(tmp_path, detector, rows)
    assert set(found) == {"x.example", "https://x.example/p/*/go", "https://x.example/fix/ed"}


def test_what_differs_in_most_messages_of_its_campaign_never_leaves(
    tmp_path: Path, detector: ScamDetector
) -> None:
    rows = [
        (f"s{n}", "r", "", f"{LURE} your account is user{n % 5}@mail.example at x.example")
        for n in range(8)
    ]
    found, summary = proposed(tmp_path, detector, [*rows[:5]], types=["email", "domain"])
    assert set(found) == {"x.example"}
    assert summary.left_out == {sums.DIFFERS: 5}


def test_what_many_messages_share_belongs_to_no_recipient(
    tmp_path: Path, detector: ScamDetector
) -> None:
    mails = ["boss@mail.example"] * 4 + [f"user{n}@mail.example" for n in range(6)]
    rows = [
        (f"s{n}", "r", "", f"{LURE} your account is {mail} for the day")
        for n, mail in enumerate(mails)
    ]
    found, summary = proposed(tmp_path, detector, rows, types=["email"])
    assert set(found) == {"boss@mail.example"}
    assert summary.left_out == {sums.DIFFERS: 6}


def test_messages_of_a_link_alone_are_no_campaign(tmp_path: Path, detector: ScamDetector) -> None:
    rows = [
        (f"s{k}", "r", "", f"guaranteed profit https://{name}.example/x")
        for name in "abcdef" for k in range(3)
    ]  # fmt: skip
    found, _ = proposed(tmp_path, detector, rows)
    assert len(found) == 12


def test_what_is_equal_to_a_recipient_is_dropped(tmp_path: Path, detector: ScamDetector) -> None:
    text = "call +44 7700 900123 or mail help@x.example or telegram @prof_smith, wallet {w}"
    rows = [row for row in lures(text.replace("{w}", WALLET), 5)]
    others = [("a", to, "", PLAIN) for to in ("(+44) 7700-900123", "Help@X.example", "@Prof_Smith")]
    options = {"types": ALL, "region": "GB"}
    found, _ = proposed(tmp_path, detector, [*rows, *others], **options)
    assert set(found) == {"tel:+447700900123", "help@x.example", "telegram:prof_smith", WALLET}
    found, summary = proposed(
        tmp_path, detector, [*rows, *others], recipient_column="to", **options
    )
    assert set(found) == {WALLET}
    assert summary.left_out == {sums.EQUALS: 3}


def test_the_recipient_in_a_link_is_a_star(tmp_path: Path, detector: ScamDetector) -> None:
    rows = [
        row
        for who in ("447700900123", "ann.lee@mail.example")
        for row in lures(f"at https://x.example/u/{who}/pay", 4, to=who)
    ]
    rows += lures("mail me@mail.example", 3, to="me@mail.example")
    found, summary = proposed(
        tmp_path, detector, rows, recipient_column="to", types=["link", "email"]
    )
    assert set(found) == {"https://x.example/u/*/pay"}
    assert summary.left_out == {findings.OF_RECIPIENT: 7}  # the address in the path is one too


def test_without_a_sender_column_only_domains_and_links_of_ten_messages(
    tmp_path: Path, detector: ScamDetector
) -> None:
    rows = [
        *lures(f"at https://x.example/a wallet {WALLET}", 10),
        *lures("at https://y.example", 9),
    ]
    found, summary = proposed(tmp_path, detector, rows, sender_column=None)
    assert set(found) == {"x.example", "https://x.example/a"}
    assert found["x.example"]["senders"] == ""
    assert summary.left_out == {sums.FEW_MESSAGES: 2}
    assert "without a sender column" in summary.notes[0]
    for options in ({"types": ["wallet"]}, {"senders": True}):
        with pytest.raises(InputError, match="sender_column"):
            proposed(tmp_path, detector, rows, sender_column=None, **options)


def test_senders_are_proposed_only_if_asked_for(tmp_path: Path, detector: ScamDetector) -> None:
    rows = [*lures("now", 3, who="PARCEL-INFO"), *lures("now", 2, who="TWICE")]
    assert proposed(tmp_path, detector, rows)[0] == {}
    found, summary = proposed(tmp_path, detector, rows, senders=True)
    assert list(found) == ["sender:PARCEL-INFO"]
    assert found["sender:PARCEL-INFO"]["tlp"] == "TLP:AMBER"
    assert "easily forged" in summary.notes[0]
    assert summary.left_out == {sums.FEW_OF_SENDER: 1}


def test_unknown_types_and_regions_are_told(tmp_path: Path, detector: ScamDetector) -> None:
    rows = lures("call 07700 900123")
    with pytest.raises(InputError, match="unknown phones; known types: domain, link"):
        proposed(tmp_path, detector, rows, types=["phones"])
    assert (
        "without a country code" in proposed(tmp_path, detector, rows, types=["phone"])[1].notes[0]
    )
    with pytest.raises(InputError, match="'UK' is not a country"):
        proposed(tmp_path, detector, rows, types=["phone"], region="UK")


def _labels(path: Path, rows: dict[int, str], text: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        names = ("row", "text", "label", "part", "inclusion_probability", "decision")
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(
            (row, f"{text} {row}", label, "uncertain", "", "pass") for row, label in rows.items()
        )
    return path


def test_what_a_person_labelled_counts_for_its_whole_campaign(
    tmp_path: Path, detector: ScamDetector
) -> None:
    missed = [
        ("s", "r", "", f"{PLAIN} pay the fee {n} at https://missed.example") for n in range(3)
    ]
    honest = lures("it is an honest offer at https://honest.example", 5)
    rows = [*missed, *honest]
    assert set(proposed(tmp_path, detector, rows)[0]) == {
        "honest.example",
        "https://honest.example",
    }
    labels = _labels(tmp_path / "labels.csv", {2: "scam", 8: "legit"}, "t")
    found, summary = proposed(tmp_path, detector, rows, labels=[labels])
    assert set(found) == {"missed.example", "https://missed.example"}
    row = found["missed.example"]
    assert (row["labelled"], row["flagged"], row["confidence"]) == ("yes", "0", "90")
    assert summary.left_out == {sums.HONEST: 2}
    with pytest.raises(
        InputError, match="labels row 9, but .* has 8; pass the labels of this dump"
    ):
        proposed(tmp_path, detector, rows, labels=[_labels(tmp_path / "l.csv", {9: "scam"}, "t")])


def _members(path: Path, rows: Sequence[tuple[object, ...]], names: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names.split(), *rows])
    return path


def test_campaigns_of_the_members_file_are_told_and_used(
    tmp_path: Path, detector: ScamDetector
) -> None:
    rows = [
        (f"s{n}", "r", "", f"{LURE} word{'abcdef'[n]} {'xyz' * n} https://x.example/{n}00{n}/go")
        for n in range(5)
    ]
    found, _ = proposed(tmp_path, detector, rows)
    assert set(found) == {"x.example"}
    members = _members(tmp_path / "m.csv", [(n, "00ab12") for n in range(5)], "row campaign")
    found, _ = proposed(tmp_path, detector, rows, campaigns=members)
    assert set(found) == {"x.example", "https://x.example/*/go"}
    assert {row["campaigns"] for row in found.values()} == {"c-00ab12"}


WRONG_MEMBERS = [
    ([(0, "a"), (9, "a")], "row campaign", "rows that are not in the dumps"),
    ([(1, "a"), (0, "a")], "row campaign", "not in the order of the dumps"),
    ([("x", "a")], "row campaign", "a row without a number"),
    ([(0, "a", "in")], "row campaign input", "several dumps, but got 1"),
    ([(0,)], "row", "no column 'campaign'"),
]


@pytest.mark.parametrize(("rows", "names", "told"), WRONG_MEMBERS)
def test_members_of_other_dumps_are_refused(
    tmp_path: Path, detector: ScamDetector, rows: list[tuple[object, ...]], names: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        proposed(
            tmp_path, detector, lures("x.example"),
            campaigns=_members(tmp_path / "m.csv", rows, names),
        )  # fmt: skip


def test_several_dumps_are_counted_together(tmp_path: Path, detector: ScamDetector) -> None:
    rows = lures("at https://x.example/go", 4)
    paths = [scored(tmp_path, detector, rows[:2], "a"), scored(tmp_path, detector, rows[2:], "b")]
    members = _members(
        tmp_path / "m.csv", [(str(paths[0]), 1, "k"), (str(paths[1]), 0, "k")], "input row campaign"
    )
    summary = write_review(
        paths, tmp_path / "review.csv", sender_column="who", campaigns=members,
    )  # fmt: skip
    assert (summary.rows, summary.proposed) == (4, {"domain": 1, "link": 1})
    with pytest.raises(InputError, match="2 scored files and 1 labels"):
        write_review(paths, tmp_path / "r.csv", labels=[members])


def test_a_stopped_job_goes_on_to_the_same_bytes(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*lures("at https://x.example/{n}/go", 20), *lures("y.example")] * 3
    proposed(tmp_path, detector, rows)
    whole = (tmp_path / "review.csv").read_bytes()
    monkeypatch.setattr(propose, "SEGMENT_ROWS", 1)
    dump = tmp_path / "in.scored.csv"
    options: dict[str, Any] = {"sender_column": "who", "time_column": "at"}
    for calls in (2, 3):
        asked: Counter[str] = Counter()

        def stop(asked: Counter[str] = asked, calls: int = calls) -> bool:
            asked["stop"] += 1
            return asked["stop"] >= calls

        target = tmp_path / f"again{calls}.csv"
        with pytest.raises(JobInterrupted):
            write_review(dump, target, stop=stop, **options)
        assert not target.exists()
        summary = write_review(dump, target, resume=True, **options)
        assert target.read_bytes() == whole and summary.rows == len(rows)
        assert not (tmp_path / f"again{calls}.csv.parts").exists()


def test_only_a_csv_is_written_and_no_input(tmp_path: Path, detector: ScamDetector) -> None:
    dump = scored(tmp_path, detector, lures("x.example"))
    with pytest.raises(InputError, match="the review file is a CSV"):
        write_review(dump, tmp_path / "review.parquet")
    with pytest.raises(InputError, match="would be overwritten"):
        write_review(dump, dump, overwrite=True)


def test_the_shipped_guard_drops_reserved_names(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    found, summary = proposed(tmp_path, detector, lures("at https://x.example/go"))
    assert found == {} and summary.left_out == {RESERVED: 8}


def test_no_cell_holds_the_text_of_a_message(tmp_path: Path, detector: ScamDetector) -> None:
    proposed(tmp_path, detector, lures("at https://x.example/go"), types=ALL, senders=True)
    assert "guaranteed" not in (tmp_path / "review.csv").read_text("utf-8-sig")


def test_days_beyond_the_calendar_are_no_days() -> None:
    assert sums._day(10**7, findings.NO_DAY) is None
    assert sums._day(0, findings.NO_DAY) == datetime.date(1970, 1, 1)


def test_what_others_saw_is_beside_what_is_proposed(tmp_path: Path, detector: ScamDetector) -> None:
    told = tmp_path / "theirs.csv"
    told.write_text(
        "signal,messages,organisation\nx.example,42,Telco\ny.example,5,Telco\nx.example,few,Telco\n"
    )
    rows = lures("at https://x.example/pay", 9)
    options = {"sightings": [told], "organisation": "Example Bank"}
    found, summary = proposed(tmp_path, detector, rows, **options)
    assert {value: row["seen_by_others"] for value, row in found.items()} == {
        "x.example": "Telco: 42 messages", "https://x.example/pay": "",
    }  # fmt: skip
    assert summary.notes == (
        "theirs.csv: 2 sightings by others",
        "theirs.csv: 1 left out, the first at row 3: with a count that is not an integer of at "
        "least 1; write the number of messages",
        "others saw 1 indicators that are not among the proposals: they were published earlier, or "
        "belong to another organisation",
    )
    with pytest.raises(InputError, match="with organisation"):
        proposed(tmp_path, detector, rows, sightings=[told])
    assert "seen_by_others" not in proposed(tmp_path, detector, rows)[0]["x.example"]
