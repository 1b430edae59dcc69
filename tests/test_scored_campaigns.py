"""One row a campaign of scored files: what it tells, growth, several dumps, kills, bad input."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dump_files import read_rows
from killed_job import killed_at

from scamdetect import ScamDetector
from scamdetect.dumps.job import score_file
from scamdetect.errors import InputError, JobInterrupted, NothingToResume
from scamdetect.scored.campaigns import CampaignsSummary, write_campaigns
from scamdetect.scored.job import Step
from scamdetect.scored.top_campaigns import read_campaigns

PARCEL = "Your parcel {} is held at customs, pay the fee at https://fee{}.example/p now"
BANK = "Hello {}, the harbour bank closes your account {} unless you confirm it at once"
LURE = "guaranteed bitcoin profit for {} days, write to desk{}@mail.example"
NAMES = ("Ann", "Bob", "Kim", "Lou", "Max")


def _dump(folder: Path, rows: Sequence[dict[str, Any]], name: str = "in.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def _rows(count: int = 30, first: int = 0) -> list[dict[str, Any]]:
    """Return parcel texts, others that name somebody, lures, and some that are like nothing."""
    rows = []
    for n in range(first, first + count):
        text = (PARCEL, BANK, LURE)[n % 3].format(NAMES[n % 5] if n % 3 == 1 else n, n)
        rows.append({"who": f"s{n % 4}", "at": f"2026-03-{n % 28 + 1:02}", "text": text})
    odd = ("", "lunch at the harbour with my sister", "thanks")
    return [*rows, *({"who": "", "at": "soon", "text": text} for text in odd)]


def _score(source: Path, target: str, detector: ScamDetector, **options: Any) -> Path:  # noqa: ANN401
    scored = source.with_name(target)
    score_file(source, scored, detector=detector, **options)
    return scored


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, detector: ScamDetector) -> Path:
    folder = tmp_path_factory.mktemp("campaigns")
    return _score(_dump(folder, _rows()), "out.jsonl", detector)


def _copy(scored: Path, folder: Path, name: str | None = None) -> Path:
    """Return a copy of a scored file with its record."""
    folder.mkdir(exist_ok=True)
    target = folder / (name or scored.name)
    shutil.copy(scored, target)
    shutil.copy(f"{scored}.job.json", f"{target}.job.json")
    return target


def _written(scored: Path, folder: Path, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return read_rows(write_campaigns(_copy(scored, folder), **options).destination)


def test_a_campaign_tells_what_became_of_all_its_messages(tmp_path: Path, scored: Path) -> None:
    summary = write_campaigns(
        _copy(scored, tmp_path), sender_column="who", time_column="at", at_least=3
    )
    assert summary == CampaignsSummary(
        destination=tmp_path / "out.campaigns.jsonl",
        members=tmp_path / "out.campaigns.members.jsonl",
        campaigns=3, flagged=1, messages=30, rows=33, unnoticed=0, listed=(), compared=False,
    )  # fmt: skip
    parcel, lure, bank = read_rows(summary.destination)
    mean, highest = parcel.pop("mean_scam_probability"), parcel.pop("highest_scam_probability")
    assert 0 < mean <= highest < 0.9
    assert len(parcel.pop("campaign")) == 16
    assert parcel == {
        "template": "Your parcel [number] is held at customs, pay the fee at [link] now",
        "messages": 10, "templates": 1, "flagged": 0, "review": 10,
        "flagged_share": 0.0, "senders": 4, "first_day": "2026-03-01", "last_day": "2026-03-28",
        "languages": [{"language": "en", "messages": 10}], "kinds": [], "first_row": 0,
    }  # fmt: skip
    assert (bank["templates"], bank["messages"]) == (5, 10)
    # Of equally frequent templates one leads whatever the order of the rows is.
    texts = [row["text"] for row in _rows()]
    name = bank["template"].removeprefix("Hello ").partition(",")[0]
    assert bank["first_row"] == next(n for n, text in enumerate(texts) if name in text)
    assert (lure["flagged"], lure["flagged_share"], lure["senders"]) == (10, 1.0, 4)
    assert lure["kinds"][0] == {"kind": "crypto", "messages": 10}
    members = read_rows(summary.members)
    assert [row["row"] for row in members] == list(range(30))
    assert {row["campaign"] for row in members[2::3]} == {lure["campaign"]}


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet", "out.jsonl"])
def test_formats_hold_the_same_and_are_read_back(
    tmp_path: Path, detector: ScamDetector, name: str
) -> None:
    scored = _score(_dump(tmp_path, _rows()), name, detector)
    summary = write_campaigns(scored, sender_column="who", time_column="at")
    assert summary.destination == scored.with_name(f"out.campaigns{scored.suffix}")
    parcel, *_ = read_campaigns(summary.destination)
    assert (parcel.messages, parcel.flagged, parcel.senders, parcel.earlier) == (10, 0, 4, None)
    assert (parcel.first_day, parcel.last_day) == ("2026-03-01", "2026-03-28")
    assert (parcel.languages, parcel.kinds) == ((("en", 10),), ())
    assert len(read_rows(summary.members)) == 30


def test_texts_that_the_scored_file_lacks_come_from_the_source(
    tmp_path: Path, detector: ScamDetector
) -> None:
    source = _dump(tmp_path, _rows())
    scored = _score(source, "out.parquet", detector, columns=["at"])
    with pytest.raises(InputError, match=r"has no column 'text'.*--source"):
        write_campaigns(scored)
    summary = write_campaigns(scored, sources=[source], sender_column="who")
    assert [row["senders"] for row in read_rows(summary.destination)] == [4, 4, 4]


def test_growth_and_what_is_new(tmp_path: Path, detector: ScamDetector) -> None:
    march = _score(_dump(tmp_path / "march", _rows(30)), "out.jsonl", detector)
    before = write_campaigns(march).destination
    # The same templates but for the parcels', which have other words now; and a new one.
    texts = [row["text"].replace("customs, pay", "customs: pay") for row in _rows(60, first=30)]
    texts = [text.replace("is held", "is being held") for text in texts]
    texts += [f"dear neighbour, the water is off on {n} june, fill a bucket" for n in range(25)]
    april = _score(_dump(tmp_path / "april", [{"text": t} for t in texts]), "out.jsonl", detector)
    summary = write_campaigns(april, before=before)
    rows = {row["template"][:10]: row for row in read_rows(summary.destination)}
    assert [rows[name]["earlier_messages"] for name in ("Your parce", "guaranteed")] == [10, 10]
    assert rows["Your parce"]["growth"] == rows["guaranteed"]["growth"] == 2.0
    water = rows["dear neigh"]
    assert (water["earlier_messages"], water["growth"], water["messages"]) == (0, None, 25)
    assert [one.id for one in summary.listed] == [water["campaign"]]
    assert (summary.unnoticed, summary.compared) == (1, True)
    new = {one.template[:10]: one.is_new for one in read_campaigns(summary.destination)}
    assert new["dear neigh"] and not new["guaranteed"]


def test_an_earlier_campaign_unites_nothing(tmp_path: Path, detector: ScamDetector) -> None:
    words = [chr(97 + n) * 6 for n in range(20)]
    middle = " ".join(words)
    sides = [" ".join([*words[:-3], "q" * 6, "r" * 6]), " ".join(["y" * 6, "z" * 6, *words[3:]])]
    before = _score(_dump(tmp_path / "b", [{"text": middle}] * 4), "out.jsonl", detector)
    now = _score(
        _dump(tmp_path / "n", [{"text": text} for text in sides for _ in range(3)]),
        "out.jsonl",
        detector,
    )
    earlier = write_campaigns(before).destination
    rows = read_rows(write_campaigns(now, before=earlier).destination)
    assert [row["messages"] for row in rows] == [3, 3]
    assert sorted(row["earlier_messages"] for row in rows) == [0, 4]


def test_dumps_are_merged_and_each_is_read_once(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [
        _score(_dump(tmp_path / f"day{n}", _rows(30, first=30 * n)), f"day{n}.parquet", detector)
        for n in range(3)
    ]
    options: dict[str, Any] = {"sender_column": "who", "index": tmp_path / "index"}
    write_campaigns(days[0], **options)
    with pytest.raises(InputError, match="destination.* -o"):
        write_campaigns(days, **options)
    week = write_campaigns(days, tmp_path / "week.jsonl", **options)
    assert (week.resumed, week.rows, week.messages) == (33, 99, 96)  # "thanks" and "lunch" thrice
    parcel, *_, thanks = read_rows(week.destination)
    assert (parcel["messages"], parcel["senders"], parcel["input"]) == (30, 4, str(days[0]))
    assert (thanks["template"], thanks["messages"]) == ("thanks", 3)
    members = read_rows(week.members)
    assert [row["row"] for row in members if row["input"] == str(days[2])][:3] == [0, 1, 2]
    # On another machine, where there are no messages: the same but for the names.
    folders = sorted((tmp_path / "index").iterdir())
    moved = [Path(shutil.move(folder, tmp_path / f"moved{n}")) for n, folder in enumerate(folders)]
    for day in days:
        shutil.rmtree(day.parent)
    there = write_campaigns(moved, tmp_path / "there.jsonl", sender_column="who")
    assert [
        {name: cell for name, cell in row.items() if name != "input"}
        for row in read_rows(there.destination)
    ] == [
        {name: cell for name, cell in row.items() if name != "input"}
        for row in read_rows(week.destination)
    ]
    with pytest.raises(InputError, match=r"was made with sender_column \(--sender-column\)"):
        write_campaigns(moved, tmp_path / "other.jsonl")
    (moved[0] / "rows-000000.arrow").write_bytes(b"")
    with pytest.raises(InputError, match="rows-000000.arrow: damaged"):
        write_campaigns(moved, tmp_path / "other.jsonl", sender_column="who")


def test_a_folder_of_parts_is_one_dump(tmp_path: Path, detector: ScamDetector) -> None:
    whole = _score(_dump(tmp_path, _rows()), "out.parquet", detector)
    expected = read_rows(write_campaigns(whole).destination)
    record = json.loads(Path(f"{whole}.job.json").read_text("utf-8"))
    record["destination"]["bytes"] = None
    parts = tmp_path / "parts"
    parts.mkdir()
    shutil.copy(whole, parts / "part-0.parquet")
    (tmp_path / "parts.job.json").write_text(json.dumps(record), encoding="utf-8")
    summary = write_campaigns(parts)
    assert summary.destination == tmp_path / "parts.campaigns.parquet"
    assert read_rows(summary.destination) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sender_column": "no"}, "no column 'no'.*--sender-column"),
        ({"time_column": "who.x"}, "no column 'who.x'.*--time-column"),
        ({"at_least": 1}, "at_least"),
        ({"sources": ["a", "b"]}, "1 scored files and 2 sources"),
        ({"before": "none.jsonl"}, "none.jsonl"),
    ],
)
def test_what_cannot_be_is_named_before_anything_is_written(
    tmp_path: Path, scored: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _written(scored, tmp_path, **options)
    assert {path.name for path in tmp_path.iterdir()} == {scored.name, f"{scored.name}.job.json"}


def test_bad_inputs_are_refused_by_name(tmp_path: Path, detector: ScamDetector) -> None:
    source = _dump(tmp_path, _rows())
    flagged = _score(source, "flagged.jsonl", detector, only_flagged=True)
    with pytest.raises(InputError, match="only flagged rows, and campaigns need all"):
        write_campaigns(flagged)
    with pytest.raises(InputError, match=r"in\.jsonl\.job\.json is missing"):
        write_campaigns(source)
    scored = _score(source, "out.jsonl", detector)
    with pytest.raises(InputError, match="given twice"):
        write_campaigns([scored, scored], tmp_path / "twice.jsonl")
    with pytest.raises(InputError, match="contains no campaigns"):
        write_campaigns(scored, before=scored)
    done = write_campaigns(scored)
    with pytest.raises(InputError, match="already exists"):
        write_campaigns(scored)
    done.destination.unlink()
    with pytest.raises(InputError, match=r"members\.jsonl: already exists"):
        write_campaigns(scored)
    assert write_campaigns(scored, overwrite=True).campaigns == 3


def test_rows_without_text_or_score_are_in_no_campaign(
    tmp_path: Path, detector: ScamDetector
) -> None:
    rows = [{"text": text} for text in ["", None, " ", "\u200b", 7, "hello", "hello"] * 3]
    scored = _score(_dump(tmp_path, rows), "out.csv", detector)
    (hello,) = read_rows(write_campaigns(scored).destination)
    assert (hello["template"], hello["messages"], hello["flagged"]) == ("hello", "6", "0")
    empty = _score(_dump(tmp_path, [{"text": "x"}], "one.jsonl"), "one.csv", detector)
    summary = write_campaigns(empty)
    assert summary.campaigns == 0 and read_rows(summary.destination) == []
    assert summary.destination.read_text("utf-8").startswith("campaign,template,messages")


def test_what_hides_in_names_and_senders_is_kept_apart(
    tmp_path: Path, detector: ScamDetector
) -> None:
    rows = [{"text": f"=cmd() {PARCEL.format(n, n)}", "who": f"one {n}"} for n in range(50)]
    rows += [{"text": PARCEL.format(1, 1), "who": None}, {"text": PARCEL.format(1, 1), "who": " "}]
    scored = _score(_dump(tmp_path, rows), "out.csv", detector)
    (one,) = read_rows(
        write_campaigns(scored, sender_column="who", spreadsheet_safe=True).destination
    )
    assert one["template"].startswith("'=cmd()")
    assert (one["messages"], one["senders"]) == ("52", "50"), "nobody is no sender"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make several segments, buckets and slices of a few rows."""
    for name, value in (
        ("dumps.batches.BATCH_ROWS", 4),
        ("scored.template_index.SEGMENT_ROWS", 10),
        ("scored.campaigns.BUCKET_BYTES", 600),
        ("scored.campaign_join._TOGETHER", 3),
        ("scored.campaign_join._EXACT", 2),
        ("scored.campaign_join._TEXTS", 2),
        ("scored.campaign_label._TOGETHER", 1),
        ("scored.work._CHUNK", 1),
        ("scored.work._HELD_BYTES", 200),
    ):
        monkeypatch.setattr(f"scamdetect.{name}", value)


@pytest.mark.usefixtures("small")
def test_the_size_of_pieces_does_not_matter(
    tmp_path: Path, scored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"sender_column": "who", "time_column": "at"}
    few = _written(scored, tmp_path / "few", **options)
    monkeypatch.undo()
    assert few == _written(scored, tmp_path / "one", **options)


@pytest.mark.usefixtures("small")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_step_is_made_up_for(tmp_path: Path, scored: Path) -> None:
    expected = write_campaigns(_copy(scored, tmp_path / "whole"))
    files = [path.read_bytes() for path in (expected.destination, expected.members)]
    step, killed = 0, True
    while killed:
        step += 9
        folder = tmp_path / f"kill{step}"
        copy = _copy(scored, folder)
        killed = killed_at(step, partial(write_campaigns, copy))
        try:
            write_campaigns(copy, resume=True)
        except NothingToResume:
            assert (folder / "out.campaigns.jsonl").exists(), step
        found = [folder / f"out.campaigns{name}.jsonl" for name in ("", ".members")]
        assert [path.read_bytes() for path in found] == files, step
        shutil.rmtree(folder)
    assert step > 60


@pytest.mark.usefixtures("small")
def test_stop_keeps_what_is_masked(tmp_path: Path, scored: Path) -> None:
    copy = _copy(scored, tmp_path)
    ended: list[Step] = []
    with pytest.raises(JobInterrupted) as caught:
        write_campaigns(copy, watch=ended.append, stop=lambda: any(one.ended for one in ended))
    assert "masked rows kept in" in caught.value.__notes__[0]
    done = write_campaigns(copy, resume=True)
    assert 0 < done.resumed < done.rows
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.campaigns.jsonl", "out.campaigns.members.jsonl", "out.jsonl", "out.jsonl.job.json",
    ]  # fmt: skip
