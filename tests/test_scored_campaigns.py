"""Campaigns of scored files: their figures, near-duplicates, growth, several dumps, operations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_rows import MISSED, campaign_id, write_dump, write_dump_with_campaigns
from dump_files import read_rows
from hypothesis import given
from hypothesis import strategies as st
from scored_rows import scored_row, write_scored

from scamdetect.errors import InputError
from scamdetect.scored import similar
from scamdetect.scored.campaigns import CampaignsSummary, write_campaigns
from scamdetect.scored.database import OutputOptions
from scamdetect.scored.operations import (
    MOST_CAMPAIGNS,
    Indicators,
    Operation,
    find_operations,
)
from scamdetect.scored.read import open_scored
from scamdetect.scored.similar import similar_groups
from scamdetect.scored.top_campaigns import (
    LARGE,
    Campaign,
    are_of,
    campaigns_beside,
    members_path,
    other_texts,
    read_campaigns,
    unnoticed,
)

PARCEL = "Your parcel {} is held at customs, pay the fee at https://fee{}.example/p now"
BANK = "Hello {}, the harbour bank closes your account {} unless you confirm it at once"
LURE = "guaranteed bitcoin profit for {} days, write to desk{}@mail.example"
NAMES = ("Ann", "Bob", "Kim", "Lou", "Max")


def _rows(count: int = 30, first: int = 0) -> list[dict[str, Any]]:
    """Return parcel texts, others that name somebody, lures, and some that are like nothing."""
    rows = []
    for n in range(first, first + count):
        text = (PARCEL, BANK, LURE)[n % 3].format(NAMES[n % 5] if n % 3 == 1 else n, n)
        columns = {"who": f"s{n % 4}", "at": f"2026-03-{n % 28 + 1:02}", "text": text}
        rows.append(scored_row((0.7, 0.2, 0.95)[n % 3], kinds=["crypto"], **columns))
    odd = (("", None), ("lunch at the harbour with my sister", 0.1), ("thanks", 0.1))
    return [*rows, *(scored_row(p, who=" ", at="soon", text=text) for text, p in odd)]


def _texts(path: Path, texts: Sequence[str]) -> Path:
    path.parent.mkdir(exist_ok=True)
    return write_scored(path, [scored_row(0.3, text=text) for text in texts])


def test_a_campaign_has_the_figures_of_its_messages(tmp_path: Path) -> None:
    path = write_scored(tmp_path / "out.jsonl", _rows())
    summary = write_campaigns(path, sender_column="who", time_column="at", at_least=3)
    assert summary == CampaignsSummary(
        destination=tmp_path / "out.campaigns.jsonl",
        members=tmp_path / "out.campaigns.members.jsonl",
        campaigns=3, flagged=1, messages=30, rows=33, unnoticed=0, listed=(), compared=False,
    )  # fmt: skip
    parcel, lure, bank = read_rows(summary.destination)
    assert len(parcel.pop("campaign")) == 16
    assert parcel == {
        "template": "Your parcel [number] is held at customs, pay the fee at [link] now",
        "messages": 10, "templates": 1, "flagged": 0, "review": 10, "flagged_share": 0.0,
        "mean_scam_probability": 0.7, "highest_scam_probability": 0.7,
        "senders": 4, "first_day": "2026-03-01", "last_day": "2026-03-28",
        "languages": [{"language": "en", "messages": 10}], "kinds": [], "first_row": 0,
    }  # fmt: skip
    assert (bank["templates"], bank["messages"]) == (5, 10)
    # Of equally frequent templates one leads, whatever the order of the rows.
    texts = [row["text"] for row in _rows()]
    name = bank["template"].removeprefix("Hello ").partition(",")[0]
    assert bank["first_row"] == next(n for n, text in enumerate(texts) if name in text)
    assert (lure["flagged"], lure["flagged_share"]) == (10, 1.0)
    assert lure["kinds"] == [{"kind": "crypto", "messages": 10}]
    members = read_rows(summary.members)
    assert [row["row"] for row in members] == list(range(30))
    assert {row["campaign"] for row in members[2::3]} == {lure["campaign"]}
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet", "out.jsonl"])
def test_campaigns_are_read_back_from_every_format(tmp_path: Path, name: str) -> None:
    path = write_scored(tmp_path / name, _rows())
    summary = write_campaigns(path, sender_column="who", time_column="at")
    parcel, lure, *_ = read_campaigns(summary.destination)
    assert (parcel.messages, parcel.flagged, parcel.senders, parcel.earlier) == (10, 0, 4, None)
    assert (parcel.first_day, parcel.last_day) == ("2026-03-01", "2026-03-28")
    assert (parcel.languages, parcel.kinds) == ((("en", 10),), ())
    assert lure.kinds == (("crypto", 10),)
    assert len(read_rows(summary.members)) == 30


def test_growth_and_new_campaigns(tmp_path: Path) -> None:
    before = write_campaigns(write_scored(tmp_path / "march.csv", _rows())).destination
    # The same templates except for the parcels', which have other words; and a new one.
    rows = [
        row | {"text": row["text"].replace("is held", "is being held")} for row in _rows(60, 30)
    ]
    water = "dear neighbour, the water is off on {} june, fill a bucket"
    rows += [row | {"text": water.format(n)} for n, row in enumerate(_rows(25)[:25])]
    rows = [row | {"scamdetect_decision": "pass"} for row in rows]
    summary = write_campaigns(write_scored(tmp_path / "april.jsonl", rows), before=before)
    found = {row["template"][:10]: row for row in read_rows(summary.destination)}
    assert [found[name]["earlier_messages"] for name in ("Your parce", "guaranteed")] == [10, 10]
    assert found["Your parce"]["growth"] == found["guaranteed"]["growth"] == 2.0
    new = found["dear neigh"]
    assert (new["earlier_messages"], new["growth"], new["messages"]) == (0, None, 25)
    assert [one.id for one in summary.listed] == [new["campaign"]]
    assert (summary.unnoticed, summary.compared) == (1, True)


def test_an_earlier_campaign_merges_nothing(tmp_path: Path) -> None:
    words = [chr(97 + n) * 6 for n in range(20)]
    sides = [" ".join([*words[:-3], "q" * 6, "r" * 6]), " ".join(["y" * 6, "z" * 6, *words[3:]])]
    earlier = write_campaigns(_texts(tmp_path / "b.csv", [" ".join(words)] * 4)).destination
    summary = write_campaigns(_texts(tmp_path / "n.csv", sides * 3), before=earlier)
    rows = read_rows(summary.destination)
    assert [row["messages"] for row in rows] == ["3", "3"]
    assert sorted(row["earlier_messages"] for row in rows) == ["0", "4"]


def test_dumps_are_merged(tmp_path: Path) -> None:
    days = [write_scored(tmp_path / f"day{n}.parquet", _rows(30, 30 * n)) for n in range(3)]
    with pytest.raises(InputError, match="destination.* -o"):
        write_campaigns(days)
    summary = write_campaigns(days, tmp_path / "week.jsonl", sender_column="who")
    assert (summary.rows, summary.messages) == (99, 96)  # "thanks" and "lunch" occur three times
    parcel, *_, thanks = read_rows(summary.destination)
    assert (parcel["messages"], parcel["senders"], parcel["input"]) == (30, 4, str(days[0]))
    assert (thanks["template"], thanks["messages"], thanks["first_row"]) == ("thanks", 3, 32)
    members = read_rows(summary.members)
    assert [row["row"] for row in members if row["input"] == str(days[2])][:3] == [0, 1, 2]


def test_a_folder_of_parts_is_one_dump(tmp_path: Path) -> None:
    whole = write_campaigns(write_scored(tmp_path / "out.parquet", _rows()))
    (tmp_path / "parts").mkdir()
    for number, rows in enumerate((_rows()[:20], _rows()[20:])):
        write_scored(tmp_path / "parts" / f"part-{number}.parquet", rows)
    summary = write_campaigns(tmp_path / "parts")
    assert summary.destination == tmp_path / "parts.campaigns.parquet"
    assert read_rows(summary.destination) == read_rows(whole.destination)


def test_the_result_is_the_same_in_every_run(tmp_path: Path) -> None:
    path = write_scored(tmp_path / "out.parquet", _rows(300))
    runs = []
    for number in range(2):
        summary = write_campaigns(path, tmp_path / f"{number}.csv", sender_column="who")
        runs.append((summary.destination.read_bytes(), summary.members.read_bytes()))
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at_least": 1}, "at least 2 messages"),
        ({"before": "out.csv"}, "contains no campaigns"),
        ({"sender_column": "no"}, "no column 'no'"),
        ({"time_column": "no"}, "no column 'no'"),
        ({"destination": "out.csv", "options": OutputOptions(overwrite=True)}, "overwritten"),
    ],
)
def test_what_makes_no_campaigns_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_scored(Path("out.csv"), _rows())
    with pytest.raises(InputError, match=message) as error:
        write_campaigns("out.csv", **options)
    assert "customs" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_only_similar_templates_are_joined(
    tmp_path_factory: pytest.TempPathFactory, starts: list[int]
) -> None:
    words = [chr(97 + n) * 7 for n in range(26)]
    # Texts that are shifted by at most two words are near-duplicates.
    texts = [" ".join(words[start : start + 16]) for start in starts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similar, "_COMPARED", 3)
        patch.setattr(similar, "_CONFIRMED", 2)
        groups = similar_groups(
            [texts[:5], texts[5:]] if texts[5:] else [texts],
            np.ones(len(texts), np.int64),
            lambda numbers: [texts[number] for number in numbers],
            tmp_path_factory.mktemp("similar"),
        ).tolist()
    ordered = sorted({*starts})
    gaps = np.cumsum([0, *(b - a > 2 for a, b in zip(ordered, ordered[1:], strict=False))])
    parts = {start: gaps[index] for index, start in enumerate(ordered)}
    assert len({*zip(starts, groups, strict=True)}) == len(ordered)  # equal texts are together
    assert len({(group, parts[s]) for s, group in zip(starts, groups, strict=True)}) == len(
        {*groups}
    )
    if len(ordered) == 2:
        assert (len({*groups}) == 1) is (ordered[1] - ordered[0] <= 2)


_FOUND = re.compile(r"(?P<link>https://\S+)|(?P<handle>@\w+)|(?P<phone>\+\d+)|(?P<wallet>w-\w+)")


def _values(text: str) -> Iterator[tuple[str, str]]:
    for match in _FOUND.finditer(text):
        yield match.lastgroup or "", match[0]


INDICATORS = Indicators(_values, lambda kind, value: "short.example" in value)


def test_a_shared_value_joins_campaigns_and_is_the_reason() -> None:
    shared = [
        ("link:https://a.example/pay", ["5", "7"]),
        ("handle:@desk", ["5", "9"]),
        ("wallet:w-1", ["20", "21"]),
        ("handle:@other", ["30"]),
        ("link:https://short.example/x", ["50", "51"]),
        ("link:https://everybody.example/", [f"{n:02}" for n in range(MOST_CAMPAIGNS + 1)]),
    ]
    assert find_operations(shared, INDICATORS) == {
        "5": Operation("5", ("handle:@desk", "link:https://a.example/pay")),
        "7": Operation("5", ("link:https://a.example/pay",)),
        "9": Operation("5", ("handle:@desk",)),
        "20": Operation("20", ("wallet:w-1",)),
        "21": Operation("20", ("wallet:w-1",)),
    }
    assert INDICATORS.joining("ask @desk or +14155550101, @desk") == ["handle:@desk"]


def test_the_file_has_the_operation_of_each_campaign(tmp_path: Path) -> None:
    texts = ["the first notice of may, see @desk"] * 3
    texts += ["another wording altogether, write to @desk today"] * 2 + ["lunch at noon?"] * 2
    path = _texts(tmp_path / "out.parquet", texts)
    summary = write_campaigns(path, indicators=INDICATORS)
    first, second, lunch = read_rows(summary.destination)
    assert summary.operations == 1
    assert first["operation"] == second["operation"] is not None
    assert {first["reasons"], second["reasons"]} == {"handle:@desk"}
    assert lunch["operation"] is None and lunch["campaign"] == campaign_id(path, "lunch")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"messages": LARGE, "flagged": 0}, True),
        ({"messages": LARGE - 1, "flagged": 0}, False),
        ({"flagged": 10}, False),
        ({"template": "good morning all"}, False),
        ({"template": "go to [link]"}, True),
        ({"template": "call me on [number]"}, False),
        ({"earlier": 0}, True),
        ({"earlier": 100}, False),
        ({"earlier": 20}, True),
        ({"earlier": 21}, False),
    ],
)
def test_large_new_and_not_flagged(changes: dict[str, Any], expected: bool) -> None:
    values: dict[str, Any] = {
        "id": "0" * 16, "template": "your parcel is held at the depot", "messages": 100,
        "templates": 1, "flagged": 9, "review": 0, "mean_probability": 0.2,
        "highest_probability": 0.5, "kinds": (), "languages": (), "first_row": 0,
    }  # fmt: skip
    assert Campaign(**values | changes).is_unnoticed is expected


def test_those_with_most_scams_by_their_scores_come_first(tmp_path: Path) -> None:
    path = tmp_path / "a.campaigns.csv"
    head = "campaign,template,messages,templates,flagged,review,flagged_share,"
    head += "mean_scam_probability,highest_scam_probability,languages,kinds,first_row\n"
    rows = [
        "01,see you tomorrow at the usual place,900,1,0,0,0,0.001,0.1,en:900,,0",
        "02,your parcel is held at the depot,50,2,1,0,0.02,0.3,0.9,en:49;es:1,job:1,1",
        "04,your parcel is held at the desk,19,1,0,0,0,0.3,0.3,,,2",
    ]
    path.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    found = unnoticed(path, 1)
    assert (found.count, found.compared, [one.id for one in found.first]) == (2, False, ["02"])
    assert found.first[0].languages == (("en", 49), ("es", 1))


def test_campaigns_next_to_a_dump_are_those_of_its_messages(tmp_path: Path) -> None:
    path = write_dump_with_campaigns(tmp_path / "out.parquet")
    beside = campaigns_beside(path)
    assert beside == tmp_path / "out.campaigns.parquet"
    assert campaigns_beside(tmp_path / "other.parquet") is None
    campaigns = list(read_campaigns(beside))
    dump = open_scored(path)
    assert are_of(dump, "text", campaigns) and are_of(dump, None, campaigns)
    assert not are_of(open_scored(_texts(tmp_path / "b.csv", ["hi"] * 99)), "text", campaigns)
    with pytest.raises(InputError, match="contains no campaigns"):
        list(read_campaigns(path))


def test_other_messages_are_of_other_wordings_first(tmp_path: Path) -> None:
    texts = [MISSED.format(n, n) for n in range(30)]
    texts += [texts[0], texts[0].replace("today", "tonight")]
    path = write_dump(tmp_path / "a.parquet", [{"text": text} | scored_row(0.2) for text in texts])
    summary = write_campaigns(path)
    (campaign,) = read_campaigns(summary.destination)
    found = other_texts(open_scored(path), "text", [campaign], 3)
    assert found == {campaign.id: (texts[-1], texts[1], texts[2])}
    members_path(summary.destination).write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match=summary.members.name):
        other_texts(open_scored(path), "text", [campaign], 3)
    members_path(summary.destination).unlink()
    assert other_texts(open_scored(path), "text", [campaign], 3) == {}
