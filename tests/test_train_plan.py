"""Which rows a run sees, how often and in which batches."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import RecipeError
from scamdetect.train.plan import PAD_TO, RowFacts, draw_rows, draw_shares, make_batches, padded
from scamdetect.train.recipe import DataTable, ScamShares

BIG, SMALL = ("big", "en", ""), ("small", "th", "everyday")
LENGTHS = st.lists(st.integers(2, 200), min_size=1, max_size=300).map(
    lambda lengths: np.array(lengths, dtype=np.int64)
)


def _facts(small_weight: float = 1.0) -> RowFacts:
    """Return 400 rows: each class has a cell of 80 and one of 20 rows, legit twice that."""
    classes = ["scam"] * 100 + ["spam"] * 100 + ["legit"] * 200
    cells = [BIG if n % 5 else SMALL for n in range(400)]
    return RowFacts(
        lengths=np.random.default_rng(1).integers(4, 100, 400),
        classes=classes,
        cells=cells,
        weights=np.array([small_weight if cell == SMALL else 1.0 for cell in cells]),
    )


def _cells(facts: RowFacts, rows: np.ndarray) -> Counter[tuple[str, tuple[str, str, str]]]:
    return Counter((facts.classes[row], facts.cells[row]) for row in rows.tolist())


def test_the_tokens_are_spent_at_the_shares_of_the_classes() -> None:
    facts, table = _facts(), DataTable(tokens=60_000, max_tokens=64)
    rows = draw_rows(facts, table, seed=0)
    lengths = np.minimum(facts.lengths, 64)
    assert lengths[rows].sum() == pytest.approx(60_000, rel=0.03)
    for name, share in (("scam", 0.30), ("spam", 0.12), ("legit", 0.58)):
        members = [row for row in rows.tolist() if facts.classes[row] == name]
        assert lengths[members].sum() == pytest.approx(60_000 * share, rel=0.05)


@given(st.integers(500, 100_000), st.floats(0, 1), st.integers(0, 3))
def test_each_row_of_a_cell_is_seen_once_before_any_is_seen_again(
    tokens: int, temperature: float, seed: int
) -> None:
    facts = _facts()
    rows = draw_rows(facts, DataTable(tokens=tokens, source_temperature=temperature), seed)
    seen = np.bincount(rows, minlength=400)
    for cell in {(facts.classes[row], facts.cells[row]) for row in range(400)}:
        times = [seen[r] for r in range(400) if (facts.classes[r], facts.cells[r]) == cell]
        assert max(times) - min(times) <= 1
        assert max(times) >= 1


@pytest.mark.parametrize(("temperature", "ratio"), [(0.0, 1.0), (0.5, 2.0), (1.0, 4.0)])
def test_the_temperature_decides_between_sources_and_rows(temperature: float, ratio: float) -> None:
    facts = _facts()
    table = DataTable(tokens=500_000, source_temperature=temperature)
    drawn = _cells(facts, draw_rows(facts, table, 0))
    for name in ("legit", "spam", "scam"):
        assert drawn[name, BIG] / drawn[name, SMALL] == pytest.approx(ratio, rel=0.01)


def test_a_source_of_half_the_weight_comes_half_as_often() -> None:
    table = DataTable(tokens=500_000, source_temperature=0.0)
    drawn = _cells(_facts(), draw_rows(_facts(small_weight=0.5), table, 0))
    assert drawn["legit", BIG] / drawn["legit", SMALL] == pytest.approx(2.0, rel=0.01)


def test_rows_of_a_cell_come_by_their_weight() -> None:
    facts = _facts()
    heavy = np.arange(400) % 3 == 0
    facts = replace(facts, weights=np.where(heavy, 3.0, 1.0))
    seen = np.bincount(draw_rows(facts, DataTable(tokens=500_000), 0), minlength=400)
    legit = np.array([label == "legit" for label in facts.classes])
    of_cell = legit & np.array([cell == BIG for cell in facts.cells])
    ratio = seen[of_cell & heavy].mean() / seen[of_cell & ~heavy].mean()
    assert ratio == pytest.approx(3.0, rel=0.02)


def test_shares_say_how_often_a_row_is_drawn() -> None:
    facts = replace(_facts(), weights=np.linspace(0.5, 2.0, 400))
    table = DataTable(tokens=2_000_000)
    shares = draw_shares(facts, table)
    seen = np.bincount(draw_rows(facts, table, 0), minlength=400)
    for name in ("legit", "spam", "scam"):
        rows = np.array([label == name for label in facts.classes])
        assert shares[rows].sum() == pytest.approx(1)
        assert seen[rows] / seen[rows].sum() == pytest.approx(shares[rows], rel=0.05)


def test_a_class_without_rows_is_left_out() -> None:
    facts = RowFacts(
        lengths=np.full(4, 10),
        classes=["legit", "scam", "legit", "scam"],
        cells=[BIG] * 4,
        weights=np.ones(4),
    )
    assert set(draw_rows(facts, DataTable(tokens=2_000), 0).tolist()) == {0, 1, 2, 3}


def test_rows_of_no_weight_are_never_drawn() -> None:
    facts = _facts(small_weight=0.0)
    drawn = draw_rows(facts, DataTable(tokens=20_000), 0)
    assert {facts.cells[row] for row in drawn.tolist()} == {BIG}
    weights = np.array([float(label != "spam") for label in facts.classes])
    table = DataTable(authored_weight=0.0)
    with pytest.raises(
        RecipeError, match="all 100 spam rows have weight 0 .data.authored_weight is 0"
    ):
        draw_rows(replace(facts, weights=weights), table, 0)


@given(LENGTHS, st.integers(64, 2_000), st.integers(0, 5))
def test_batches_are_complete_and_bounded(lengths: np.ndarray, budget: int, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, len(lengths), 2 * len(lengths))
    batches = make_batches(rows, lengths, budget, seed)
    assert sorted(np.concatenate(batches).tolist()) == sorted(rows.tolist())
    for batch in batches:
        width = padded(int(lengths[batch].max()))
        assert len(batch) == 1 or width * len(batch) <= budget


@given(LENGTHS)
def test_batches_waste_little_once_sorted(lengths: np.ndarray) -> None:
    batches = make_batches(np.arange(len(lengths)), lengths, 1_000, 0)
    spans = sorted((int(lengths[b].min()), int(lengths[b].max())) for b in batches)
    assert all(high <= low for (_, high), (low, _) in zip(spans, spans[1:], strict=False))


def test_long_plans_mix_their_lengths() -> None:
    lengths = np.random.default_rng(0).integers(2, 100, 10_000)
    widths = [
        padded(int(lengths[b].max())) for b in make_batches(np.arange(10_000), lengths, 512, 0)
    ]
    halves = np.mean(widths[: len(widths) // 2]), np.mean(widths[len(widths) // 2 :])
    assert halves[0] == pytest.approx(halves[1], rel=0.05)


def test_the_plan_follows_from_the_seed_alone() -> None:
    facts, table = _facts(), DataTable(tokens=20_000)

    def plan(seed: int) -> list[list[int]]:
        rows = draw_rows(facts, table, seed)
        return [batch.tolist() for batch in make_batches(rows, facts.lengths, 512, seed)]

    assert plan(3) == plan(3)
    assert plan(3) != plan(4)


@given(st.integers(1, 1_000))
def test_lengths_are_padded_upwards(length: int) -> None:
    assert padded(length) % PAD_TO == 0
    assert length <= padded(length) < length + PAD_TO


def test_the_sides_of_a_pair_share_a_batch() -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(4, 60, 400)
    pairs = np.repeat(np.arange(200), 2)
    pairs[200:] = -1
    rows = generator.permutation(np.repeat(np.arange(400), 2))
    batches = make_batches(rows, lengths, 512, 0, pairs)
    assert sorted(np.concatenate(batches).tolist()) == sorted(rows.tolist())
    together = sum(
        min((pairs[batch] == pair).sum() // 2 for pair in [number])
        for batch in batches
        for number in set(pairs[batch].tolist()) - {-1}
    )
    assert together > 180  # of 200: each of 100 pairs was drawn twice
    for batch in batches:
        assert padded(int(lengths[batch].max())) * len(batch) <= 512 or len(batch) == 1


GROUPS = ("real", "everyday", "riddles", "weak")
SHARES = ScamShares(real=0.4, everyday=0.25, riddles=0.2, weak=0.15)


def _grouped(sizes: tuple[int, ...], seed: int = 0) -> RowFacts:
    """Return scam rows, so many of each of the GROUPS in two sources each, and 100 legit rows."""
    generator = np.random.default_rng(seed)
    groups = [name for name, size in zip(GROUPS, sizes, strict=True) for _ in range(size)]
    n = len(groups) + 100
    return RowFacts(
        lengths=generator.integers(4, 60, n),
        classes=["scam"] * len(groups) + ["legit"] * 100,
        cells=[(f"source {k % 2}", "en", "") for k in range(n)],
        weights=generator.choice([0.3, 1.0, 4.0], n),
        groups=groups + [""] * 100,
    )


def _shares_drawn(facts: RowFacts, rows: np.ndarray) -> dict[str, float]:
    scams = [facts.groups[row] for row in rows.tolist() if facts.classes[row] == "scam"]
    return {name: scams.count(name) / len(scams) for name in GROUPS}


def test_scams_come_at_the_shares_of_their_groups_whatever_their_numbers_and_weights() -> None:
    facts = _grouped((300, 20, 100, 40))
    facts = replace(
        facts, weights=np.where([g == "riddles" for g in facts.groups], 9.0, facts.weights)
    )
    table, lines = DataTable(tokens=200_000, scam_shares=SHARES), list[str]()
    drawn = _shares_drawn(facts, draw_rows(facts, table, 0, lines.append))
    assert drawn == pytest.approx(
        {"real": 0.4, "everyday": 0.25, "riddles": 0.2, "weak": 0.15}, abs=0.005
    )
    assert not lines
    shares = draw_shares(facts, table)
    assert shares[[g == "weak" for g in facts.groups]].sum() == pytest.approx(0.15)


def test_a_group_without_rows_gives_its_share_to_the_others() -> None:
    facts, lines = _grouped((300, 20, 100, 0)), list[str]()
    table = DataTable(tokens=200_000, scam_shares=SHARES)
    drawn = _shares_drawn(facts, draw_rows(facts, table, 0, lines.append))
    assert drawn["real"] == pytest.approx(0.4 / 0.85, abs=0.005)
    assert lines == ["no scam rows of group weak: its share of 15.0% goes to the other groups"]


def test_a_group_without_a_share_is_never_drawn() -> None:
    facts = _grouped((30, 20, 10, 10))
    table = DataTable(tokens=20_000, scam_shares=ScamShares(real=1.0))
    assert _shares_drawn(facts, draw_rows(facts, table, 0))["real"] == 1
    none = _grouped((0, 20, 10, 10))
    with pytest.raises(
        RecipeError, match="no scam row belongs to a group with a share in data.scam_sh"
    ):
        draw_rows(none, table, 0)


def test_honest_rows_do_not_change_with_the_shares_of_the_scams() -> None:
    facts = _grouped((300, 20, 100, 40))
    seen = [
        np.bincount(draw_rows(facts, DataTable(tokens=90_000, scam_shares=s), 0), minlength=560)
        for s in (ScamShares(), SHARES)
    ]
    honest = np.array([label == "legit" for label in facts.classes])
    assert np.abs(seen[0] - seen[1])[honest].max() <= 1


@given(
    st.tuples(*[st.integers(0, 60)] * 4).filter(any),
    st.integers(500, 300_000),
    st.integers(1, 12),
    st.booleans(),
    st.integers(0, 3),
)
def test_no_row_is_drawn_more_often_than_the_limit(
    sizes: tuple[int, ...], tokens: int, most: int, shared: bool, seed: int
) -> None:
    facts = _grouped(sizes, seed)
    shares = SHARES if shared else ScamShares()
    table = DataTable(tokens=tokens, most_draws=most, scam_shares=shares, max_tokens=512)
    rows = draw_rows(facts, table, seed)
    seen = np.bincount(rows, minlength=len(facts.classes))
    assert seen.max() <= most
    assert np.array_equal(rows, draw_rows(facts, table, seed))
    for name, share in (("scam", table.scam_share), ("legit", 0.58)):
        members = np.array([label == name for label in facts.classes])
        budget, longest = tokens * share, int(facts.lengths.max())
        spent = (seen * facts.lengths)[members].sum()
        room = (most * facts.lengths)[members].sum()
        rounding = 2 * longest * len({facts.cells[k] for k in np.flatnonzero(members)} | {*GROUPS})
        assert spent >= min(budget, room) * 0.95 - rounding


def test_what_a_row_has_above_the_limit_goes_to_its_group() -> None:
    facts = _grouped((200, 200, 100, 100))
    heavy = np.arange(700) < 5  # of the group real
    facts = replace(facts, weights=np.where(heavy, 500.0, 1.0))
    table = DataTable(tokens=100_000, scam_shares=SHARES, most_draws=8)
    lines: list[str] = []
    rows = draw_rows(facts, table, 0, lines.append)
    assert (np.bincount(rows)[:5] == 8).all()
    assert _shares_drawn(facts, rows)["real"] == pytest.approx(0.4, abs=0.01)
    assert not [line for line in lines if "scam" in line]


def test_what_a_group_has_above_the_limit_goes_to_the_other_groups() -> None:
    facts, lines = _grouped((300, 200, 200, 10)), list[str]()
    table = DataTable(tokens=160_000, scam_shares=SHARES, most_draws=8)
    rows = draw_rows(facts, table, 0, lines.append)
    drawn = _shares_drawn(facts, rows)
    seen = np.bincount(rows, minlength=len(facts.classes))
    assert (seen[[g == "weak" for g in facts.groups]] == 8).all()
    assert drawn["real"] / drawn["riddles"] == pytest.approx(2, rel=0.02)
    assert [line for line in lines if "scam" in line] == [
        "all 10 scam rows of group weak reach data.most_draws (8): they are "
        f"{drawn['weak']:.1%} of the scam draws, target 15.0%"
    ]
    scams = np.array([label == "scam" for label in facts.classes])
    assert (seen * facts.lengths)[scams].sum() == pytest.approx(48_000, rel=0.02)


def test_a_class_that_reaches_the_limit_falls_short_and_says_so() -> None:
    facts, lines = _grouped((5, 5, 5, 5)), list[str]()
    draw_rows(facts, DataTable(tokens=100_000, most_draws=2), 0, lines.append)
    spent = 2 * int(facts.lengths[:20].sum())
    assert f"all 20 scam rows reach data.most_draws (2): {spent:,} of their 30,000 tokens" in lines


@given(st.integers(500, 100_000), st.integers(0, 3))
def test_a_limit_that_no_row_reaches_changes_nothing(tokens: int, seed: int) -> None:
    facts = _facts()
    free, bound = (DataTable(tokens=tokens, most_draws=most) for most in (0, 10**6))
    assert np.array_equal(draw_rows(facts, free, seed), draw_rows(facts, bound, seed))
