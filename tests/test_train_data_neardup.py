"""Near-duplicates share a group, other messages do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rensa")

from scamdetect.train.data.neardup import Groups, near_duplicate_groups, shingles, signatures

LURE = (
    "Hello dear, this is the Northern Trust savings office. Your reward of {amount} dollars is "
    "ready, but a release fee must be paid before {day}. Send the code to agent {name} today."
)
OTHERS = (
    "Shall we have lunch on Friday? The new place near the station serves good soup.",
    "क्या आप कल शाम को घर पर होंगे? मैं किताब लौटाने आ रहा हूँ।",
    "明天下午三点开会，请带上上周的报告和电脑。",
    "Meeting moved to 3 pm, room 12, please bring the printed figures with you.",
)


def test_campaigns_share_a_group_and_others_stand_alone() -> None:
    campaign = [
        LURE.format(amount=amount, day=day, name=name)
        for amount, day, name in (
            (900, "Friday", "Ann"),
            (12000, "Friday", "Bob"),
            (77, "May 3", "Ann"),
        )
    ]
    groups = near_duplicate_groups([*campaign, *OTHERS, campaign[0].upper() + "!!"])
    assert len({*groups[:3].tolist(), int(groups[-1])}) == 1
    assert len(set(groups[2:-1].tolist())) == 1 + len(OTHERS)
    assert groups.dtype == np.int64


def test_groups_do_not_depend_on_the_company() -> None:
    texts = [LURE.format(amount=n, day="Friday", name="Ann") for n in range(3)]
    alone = near_duplicate_groups(texts)
    crowd = near_duplicate_groups([*OTHERS, *texts])[len(OTHERS) :]
    assert len(set(alone.tolist())) == len(set(crowd.tolist())) == 1


def test_signatures_are_the_same_in_every_run() -> None:
    first = signatures(["Send the fee today", "see you", ""])
    assert first.shape == (3, 96)
    assert np.array_equal(first, signatures(["Send the fee today", "see you", ""]))
    assert not np.array_equal(first[0], first[1])


def test_numbers_case_and_punctuation_are_levelled() -> None:
    assert shingles("Pay 1,200 NOW!") == shingles("pay 7 55 now")
    assert shingles("ok") == {"ok"}
    assert shingles("") == {""}
    assert len(shingles("ab cd" * 10_000)) <= 2000


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_joins_are_an_equivalence(pairs: list[tuple[int, int]]) -> None:
    groups = Groups(20)
    sets = [{item} for item in range(20)]
    for first, second in pairs:
        groups.join(first, second)
        union = sets[first] | sets[second]
        for item in union:
            sets[item] = union
    labels = groups.labels()
    for item in range(20):
        assert {other for other in range(20) if labels[other] == labels[item]} == sets[item]


def test_no_key_joins_nothing() -> None:
    groups = Groups(4)
    groups.join_equal(["a", None, "a", None])
    assert groups.labels().tolist() == [0, 1, 0, 3]
