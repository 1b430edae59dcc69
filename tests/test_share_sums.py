"""Sums of findings by campaign and value against plain counting, however messages are cut."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scamdetect.share.campaign_facts import of_campaigns
from scamdetect.share.findings import Findings, Message
from scamdetect.share.guard import Guard
from scamdetect.share.proposals import Proposal
from scamdetect.share.sums import FEW_FLAGGED, FEW_SENDERS, Rules, of_values
from scamdetect.text.indicators import IndicatorType

TYPES = (IndicatorType.DOMAIN, IndicatorType.LINK)
TEXTS = (
    "your parcel waits for the fee of today: {}",
    "dear customer, the account is closed, see {} at once",
    "{}",
)
LINKS = ("https://a.example", "https://a.example/x", "https://b.example/y/z", "c.example")


class Lenient(Guard):
    def verdict(self, type: IndicatorType, value: str) -> str | None:
        return None


GUARD = Lenient({}, frozenset(), frozenset(), frozenset())
Drawn = tuple[int, int, int, bool, int]  # text, link, sender, flagged, day


def link_of(drawn: Drawn) -> int:
    """Return one of two links a campaign: of more, those that differ would belong to recipients."""
    text, link, *_ = drawn
    return link if text == 2 else 2 * text + link % 2


def message(drawn: Drawn) -> Message:
    text, _, sender, flagged, day = drawn
    link = link_of(drawn)
    return Message(
        text=TEXTS[text].format(LINKS[link]),
        decision="flag" if flagged else "pass",
        language=("en", "de")[link % 2],
        kinds=("delivery", "phishing")[: sender % 3],
        model="tiny@1",
        sender=f"s{sender}" if sender else None,
        recipient=None,
        day=day or None,
        campaign=None,
        label=None,
    )


def summed(
    folder: Path, messages: list[Message], pieces: int
) -> tuple[list[Proposal], Counter[str]]:
    """Return what is proposed of messages in so many segments."""
    path = folder / "bucket"
    with path.open("wb") as file:
        for start in range(pieces):
            findings = Findings(TYPES, None, GUARD)
            for one in messages[start::pieces]:
                findings.add(one)
            findings.save(file)
    left_out: Counter[str] = Counter()
    table = of_campaigns(path)
    return list(of_values(table, Rules(True, GUARD.verdict), left_out)), left_out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 3),
            st.integers(0, 5),
            st.booleans(),
            st.integers(0, 3),
        ),
        max_size=40,
    ),
    st.integers(1, 3),
)
def test_sums_are_those_of_plain_counting(tmp_path: Path, drawn: list[Drawn], pieces: int) -> None:
    found, left_out = summed(tmp_path, [message(one) for one in drawn], pieces)
    of_value: defaultdict[str, list[Drawn]] = defaultdict(list)
    for one in drawn:
        link = LINKS[link_of(one)]
        host = link.removeprefix("https://").partition("/")[0]
        for value in {link, host} if "//" in link else {host}:
            of_value[value].append(one)
    expected = {}
    reasons: Counter[str] = Counter()
    for value, some in of_value.items():
        flagged = sum(one[3] for one in some)
        senders = len({one[2] for one in some} - {0})
        if flagged < 0.8 * len(some):
            reasons[FEW_FLAGGED] += 1
        elif senders < 3:
            reasons[FEW_SENDERS] += 1
        else:
            days = [one[4] for one in some if one[4]]
            expected[value] = (len(some), flagged, senders, min(days, default=None))
    told = {
        one.value: (
            one.messages, one.flagged, one.senders,
            None if one.first_day is None else one.first_day.toordinal() - 719163,
        )
        for one in found
    }  # fmt: skip
    assert told == expected
    assert left_out == reasons
    for one in found:
        assert sum(count for _, count in one.languages) == one.messages


def test_what_is_left_out_of_messages_is_summed_up(tmp_path: Path) -> None:
    class Strict(Guard):
        def verdict(self, type: IndicatorType, value: str) -> str | None:
            return "why"

    path = tmp_path / "bucket"
    with path.open("wb") as file:
        for _ in range(2):
            findings = Findings(TYPES, None, Strict({}, frozenset(), frozenset(), frozenset()))
            findings.add(message((0, 1, 1, True, 1)))
            findings.save(file)
    left_out: Counter[str] = Counter()
    assert [*of_values(of_campaigns(path), Rules(True, GUARD.verdict), left_out)] == []
    assert left_out == {"why": 4}


def test_a_bucket_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    table = of_campaigns(tmp_path / "bucket")
    assert isinstance(table, pa.Table) and table.num_rows == 0
