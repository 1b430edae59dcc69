"""Which rows of a scored dump are chosen for labelling."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from campaign_rows import MISSED, campaign_id, make_stale, write_dump_with_campaigns
from hypothesis import given, settings
from hypothesis import strategies as st
from scored_rows import FLAG, REVIEW, scored_row, write_scored

from scamdetect.adapt.queue import AUDIT, CAMPAIGN, UNCERTAIN, choose_queue, survey
from scamdetect.adapt.sampling import Pool, quotas
from scamdetect.errors import InputError
from scamdetect.scored.read import open_scored
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import alike_groups

_WORDS = "harbour lunch sister bread train garden school rain thanks tomorrow later window".split()


def rows(n: int, seed: int, **columns: object) -> list[dict[str, object]]:
    random = np.random.default_rng(seed)
    return [
        {"id": f"m{seed}-{place}", "text": " ".join(random.choice(_WORDS, 12))}
        | scored_row(float(score), **columns)
        for place, score in enumerate(random.beta(0.4, 2, n))
    ]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copies = [
        {"id": f"c{n}", "text": f"pay {n} at the desk today, dear friend, before the bank closes"}
        | scored_row(FLAG)
        for n in range(500)
    ]
    unscored = [{"id": "none", "text": ""} | scored_row(None)] * 50
    parts = [*rows(1500, 1), *copies, *unscored, *rows(60, 2, language="th")]
    return write_scored(tmp_path_factory.mktemp("queue") / "scored.parquet", parts)


@given(st.dictionaries(st.text("abcdef", min_size=2, max_size=2), st.integers(0, 400)),
       st.integers(0, 300))  # fmt: skip
def test_quotas_use_all_places_and_no_more_than_there_are(counts: dict[str, int], n: int) -> None:
    given_ = quotas(counts, n)
    assert sum(given_.values()) == min(n, sum(counts.values()))
    assert all(given_[name] <= counts[name] for name in given_)
    if n >= len(given_):
        assert all(given_.values()), "each language that is there gets one"


def test_rare_languages_get_more_than_their_share() -> None:
    assert quotas({"en": 10_000, "th": 100, "vi": 0}, 110) == {"en": 99, "th": 11}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abcdefgh")), max_size=60),
    st.integers(0, 5),
    st.integers(1, 20),
)
def test_a_pool_keeps_the_nearest_and_of_copies_the_nearest(
    items: list[tuple[int, str]], size: int, batch: int
) -> None:
    pool = Pool(size)
    for first in range(0, len(items), batch):
        part = items[first : first + batch]
        pool.add(
            np.array([distance for distance, _ in part], np.float64),
            np.arange(first, first + len(part)),
            lambda place, part=part: f"{part[place][1]} {part[place][0]}",  # numbers are masked
        )
    nearest: dict[str, tuple[int, int]] = {}
    for row, (distance, name) in enumerate(items):
        nearest[name] = min(nearest.get(name, (99, 0)), (distance, row))
    expected = [row for _, row in sorted(nearest.values())[:size]]
    assert [one.row for one in pool.candidates()] == expected


def test_audit_rows_are_drawn_with_one_probability_that_sums_up(scored: Path) -> None:
    queue = choose_queue(scored, 100)
    audit = [row for row in queue.rows if row.part == AUDIT]
    assert len(audit) == 20 and queue.messages == 2060
    chances = {row.inclusion_probability for row in audit}
    assert chances == {20 / 2060}
    assert sum(1 / chance for chance in chances for _ in audit) == pytest.approx(2060)
    assert all(row.inclusion_probability is None for row in queue.rows if row.part == UNCERTAIN)


def test_uncertain_rows_are_near_the_thresholds_and_unlike_each_other(scored: Path) -> None:
    queue = choose_queue(scored, 100)
    uncertain = [row for row in queue.rows if row.part == UNCERTAIN]
    assert len(uncertain) == 80
    near = Counter(row.near for row in uncertain if row.language == "en")
    assert abs(near["flag"] - near["review"]) <= 1 and near["review"] > 20
    for name, threshold in (("flag", FLAG), ("review", REVIEW)):
        found = [row.scam_probability for row in uncertain if row.near == name]
        assert np.median(np.abs(np.array(found) - threshold)) < 0.15
    groups = alike_groups(template_key(row.text) for row in queue.rows if row.part == UNCERTAIN)
    assert len(groups) == len(uncertain), "500 copies at the very threshold are one"
    assert 5 <= sum(row.language == "th" for row in uncertain) < 60


def test_what_lists_and_kinds_decided_tells_nothing_of_the_thresholds(tmp_path: Path) -> None:
    allowed = {"scamdetect_decision": "pass", "scamdetect_reason": "allowed by sender"}
    by_kind = {"scamdetect_decision": "flag", "scamdetect_reason": "flagged by kind romance"}
    others = [
        {"id": "a", "text": "a known template"} | scored_row(0.999) | allowed,
        {"id": "k", "text": "a darling of mine"} | scored_row((FLAG + REVIEW) / 2) | by_kind,
    ]
    thresholds = []
    for name, dump in (("plain", rows(300, 4)), ("mixed", [*rows(300, 4), *others])):
        path = write_scored(tmp_path / f"{name}.parquet", dump)
        thresholds.append(survey(open_scored(path), "text").thresholds())
    assert thresholds[0] == thresholds[1] and set(thresholds[0]) == {"flag", "review"}


def test_rows_are_known_by_their_place_and_own_key(scored: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(scored).select(["id", "text"]).to_pylist()
    for row in choose_queue(scored, 50, key_column="id").rows:
        assert table[row.row - 1] == {"id": row.key, "text": row.text}


def test_a_seed_gives_one_queue_and_another_seed_another_audit(scored: Path) -> None:
    first, again, other = (choose_queue(scored, 60, seed=seed) for seed in (1, 1, 2))
    assert first == again
    parts = [{row.row for row in queue.rows if row.part == AUDIT} for queue in (first, other)]
    assert parts[0] != parts[1]


@pytest.mark.parametrize("audit", [0.0, 0.5, 1.0])
def test_more_places_than_messages_give_each_message_once(tmp_path: Path, audit: float) -> None:
    few = write_scored(tmp_path / "few.parquet", rows(7, 3))
    found = [row.row for row in choose_queue(few, 50, audit=audit).rows]
    assert len(set(found)) == len(found) <= 7
    if audit:
        assert len(found) == 7


def test_where_nothing_is_flagged_the_highest_scores_are_nearest(tmp_path: Path) -> None:
    calm = [{"text": f"{word} " * 6} | scored_row(n / 100) for n, word in enumerate(_WORDS)]
    queue = choose_queue(write_scored(tmp_path / "calm.parquet", calm), 4, audit=0)
    assert max(row.scam_probability for row in queue.rows) == pytest.approx(0.11)
    assert {row.near for row in queue.rows} == {"none reached"}


def test_what_cannot_be_queued_is_refused(tmp_path: Path, scored: Path) -> None:
    with pytest.raises(InputError, match="no column 'body'"):
        choose_queue(scored, 10, text_column="body")
    with pytest.raises(InputError, match="no column 'sender'"):
        choose_queue(scored, 10, key_column="sender")
    with pytest.raises(InputError, match="n must be at least 1.*n=0"):
        choose_queue(scored, 0)
    empty = write_scored(tmp_path / "e.parquet", [{"text": ""} | scored_row(None)] * 2)
    with pytest.raises(InputError, match="no scored message has a text"):
        choose_queue(empty, 10)


def test_a_campaign_that_nobody_sees_gets_one_row(tmp_path: Path) -> None:
    path = write_dump_with_campaigns(tmp_path / "scored.parquet")
    queue = choose_queue(path, 20)
    (row,) = [one for one in queue.rows if one.campaign is not None]
    assert row.campaign is not None
    assert (row.campaign.id, row.campaign.messages) == (campaign_id(path, "Your parcel"), 40)
    assert row.text == MISSED.format(0, 0) and (row.row == 1 or row.part == AUDIT)
    assert (row.inclusion_probability is None) == (row.part == CAMPAIGN)
    assert sum("parcel" in one.text and one.part == UNCERTAIN for one in queue.rows) == 0
    assert len(queue.rows) <= 20
    assert {one.campaign for one in choose_queue(path, 20, campaigns=0).rows} == {None}
    drawn = choose_queue(path, 119, audit=1.0)
    assert {one.part for one in drawn.rows} == {AUDIT}, "all places are of the random part"


def test_campaigns_of_another_dump_are_refused(tmp_path: Path) -> None:
    path = write_dump_with_campaigns(tmp_path / "scored.parquet")
    make_stale(path)
    with pytest.raises(InputError, match="contains campaigns of another dump.*--campaigns 0"):
        choose_queue(path, 20)
    assert choose_queue(path, 20, campaigns=0).rows
