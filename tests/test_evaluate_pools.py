"""Pools: the honest side's masses, one threshold, means over sources and languages, halves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import synthetic_corpus

from scamdetect.errors import InputError
from scamdetect.evaluate.pools import (
    REST,
    Block,
    Pools,
    evaluate_pools,
    honest_masses,
    language_cells,
    load_pools,
    pool_members,
    used_rows,
)
from scamdetect.train.data.registry import load_registry
from scamdetect.train.data.table import column, half_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
POOLS = Pools(
    transfer=["one", "two"],
    in_source="reports",
    fpr=0.1,
    smallest_language=5,
    smallest_honest=10,
    rows_of_source=1000,
    most_of_mass=1.0,
    fewest_honest=10,
    shares={"transfer": 0.4, "in_source": 0.2, "everyday": 0.2, "authored": 0.2},
    blocks={
        "notices": Block(0.5, [["one"], ["two", "bank"]]),
        "talk": Block(0.5, [["chat"]]),
    },
    regions={"north": ["da", "sv"]},
)


def rows_of(source: str, verdict: str, n: int, first: int = 0, **changes: Any) -> list[Any]:  # noqa: ANN401
    return [synthetic_corpus.row(first + k, verdict, source=source, **changes) for k in range(n)]


@pytest.fixture
def table() -> pa.Table:
    own = {"verdict_provenance": "authored"}
    rows = [
        *rows_of("one", "scam", 6, 100), *rows_of("one", "legit", 20, 200),
        *rows_of("two", "scam", 4, 300, lang="da"), *rows_of("bank", "legit", 60, 400),
        *rows_of("chat", "legit", 40, 500), *rows_of("reports", "scam", 6, 600, lang="sv"),
        *rows_of("reports", "legit", 5, 700, lang="sv"),
        *rows_of("everyday_en", "scam", 6, 800, **own),
        *rows_of("everyday_en", "legit", 6, 850, **own),
        *rows_of("authored_en", "scam", 6, 900, **own),
    ]  # fmt: skip
    return synthetic_corpus.table(rows)


def scored(table: pa.Table, **low: float) -> np.ndarray:
    """Return 0.9 for scams and 0.1 for others, but ``low`` for the scams of a source."""
    return np.array([
        low.get(source, 0.9) if verdict == "scam" else 0.1
        for source, verdict in zip(
            table["source"].to_pylist(), table["verdict"].to_pylist(), strict=True
        )
    ])  # fmt: skip


def test_the_shipped_pools_name_held_out_sources() -> None:
    pools = load_pools(ROOT / "data" / "pools.toml")
    registry = load_registry(ROOT / "data" / "sources")
    listed = [s for block in pools.blocks.values() for c in block.collections for s in c]
    assert all(registry[name].role == "dev" for name in (*listed, *pools.transfer))
    assert registry[pools.in_source].role_file is not None
    assert {"tr_sms_collection", "exais_sms_nigeria"} <= set(listed)
    assert {n: block.share for n, block in pools.blocks.items()} == {
        "notices": 0.5, "talk": 0.3, "money": 0.2,
    }  # fmt: skip


def test_collections_of_a_block_weigh_alike(table: pa.Table) -> None:
    masses, blocks = honest_masses(table, POOLS)
    sources = column(table, "source")
    assert masses.sum() == pytest.approx(1)
    assert masses[blocks == "notices"].sum() == pytest.approx(0.5)
    assert masses[sources == "one"].sum() == pytest.approx(0.25)
    assert not masses[column(table, "verdict") == "scam"].any()
    assert not masses[np.isin(sources.astype(str), ["everyday_en", "reports"])].any()


def test_no_row_is_over_its_share_of_the_mass(table: pa.Table) -> None:
    masses, blocks = honest_masses(table, msgspec.structs.replace(POOLS, most_of_mass=0.009))
    assert masses[blocks == "notices"].max() <= 0.009 + 1e-9
    assert masses[blocks == "notices"].sum() == pytest.approx(0.5)
    few, named = honest_masses(table, msgspec.structs.replace(POOLS, rows_of_source=7))
    assert (named == "talk").sum() == 7 and few.sum() == pytest.approx(1)
    with pytest.raises(InputError, match="has 120 rows, but at least 500 are needed"):
        honest_masses(table, msgspec.structs.replace(POOLS, fewest_honest=500))


def test_the_mean_is_of_sources_and_of_languages(table: pa.Table) -> None:
    result = evaluate_pools(table, scored(table, two=0.05), POOLS)
    transfer, in_source, everyday, authored = result.pools
    assert (transfer.n_scam, in_source.n_scam, everyday.n_scam, authored.n_scam) == (10, 6, 6, 6)
    # Of the sources a half; of the languages all, for four Danish scams are no language.
    assert transfer.mean is not None and transfer.mean.value == pytest.approx(0.75)
    assert {n: e.value for n, e in transfer.sources.items() if e} == {"one": 1.0, "two": 0.0}
    assert set(transfer.languages) == {"en"}
    own = transfer.languages["en"].own["1%"]
    assert own is not None and own.value == 1.0
    assert result.score is not None
    assert result.score.value == pytest.approx(0.4 * 0.75 + 0.6)
    assert result.score.low <= result.score.value <= result.score.high


def test_small_languages_are_counted_with_their_region_or_with_all_such(table: pa.Table) -> None:
    more = synthetic_corpus.table(
        [*rows_of("one", "scam", 3, 2000, lang="sv"), *rows_of("two", "scam", 3, 2100, lang="fr"),
         *rows_of("one", "scam", 3, 2200, lang="xx")]
    )  # fmt: skip
    both = pa.concat_tables([table, more])
    cells = language_cells(both, POOLS)
    transfer = pool_members(both, POOLS)["transfer"]
    assert Counter(cells[transfer]) == {"en": 6, "north": 7, REST: 6}
    half = np.arange(both.num_rows) % 2 == 0
    figures = evaluate_pools(
        both.filter(pa.array(half)), scored(both)[half], POOLS, cells[half]
    ).pools[0]
    assert set(figures.languages) == {"en", "north", REST}


def test_copies_of_a_message_weigh_as_one(table: pa.Table) -> None:
    copies = rows_of("bank", "legit", 30, 3000, group=9999)
    both = pa.concat_tables([table, synthetic_corpus.table(copies)])
    masses, _ = honest_masses(both, POOLS)
    group = column(both, "group") == 9999
    other = masses[(column(both, "source") == "bank") & ~group]
    assert masses[group].sum() == pytest.approx(other[0])


def test_the_rows_that_the_figures_need_are_told(table: pa.Table) -> None:
    extra = synthetic_corpus.table(rows_of("elsewhere", "legit", 5, 4000))
    used = used_rows(pa.concat_tables([table, extra]), POOLS)
    sources = [*column(table, "source"), *["elsewhere"] * 5]
    assert not used[-5:].any() and used[np.array(sources) == "reports"].all()


def test_honest_reports_stand_beside_the_scams(table: pa.Table) -> None:
    scores = scored(table)
    reports = column(table, "source") == "reports"
    honest = reports & (column(table, "verdict") == "legit")
    scores[np.flatnonzero(honest)[:2]] = 0.95
    twins = evaluate_pools(table, scores, POOLS).twins
    assert twins.n == 5 and twins.over_threshold is not None
    assert twins.over_threshold.value == pytest.approx(0.4)
    assert twins.recall_at_own is not None and twins.recall_at_own.value == 0.0


def test_a_threshold_of_its_own_is_not_set_on_these_rows(table: pa.Table) -> None:
    scores = scored(table, two=0.05, reports=0.4)
    scores[np.flatnonzero(column(table, "source") == "chat")[:4]] = 0.5
    result = evaluate_pools(table, scores, POOLS, thresholds={"high": 0.5, "low": 0.3})
    high, low = result.shipped["high"], result.shipped["low"]
    assert high.threshold == 0.5
    # Transfer counts 0.4 and in-source 0.2: two thirds of 0.75 and a third of what is found there.
    assert high.real is not None and high.real.value == pytest.approx(0.5)
    assert low.real is not None and low.real.value == pytest.approx(0.5 + 1 / 3)
    assert {name: found.value for name, found in high.pools.items() if found} == {
        "transfer": pytest.approx(0.75), "in_source": 0.0, "everyday": 1.0, "authored": 1.0,
    }  # fmt: skip
    assert high.honest is not None and high.honest.value == pytest.approx(0.05)
    assert {name: found.value for name, found in high.blocks.items() if found} == {
        "notices": 0.0, "talk": pytest.approx(0.1),
    }  # fmt: skip
    assert high.twins is not None and (high.twins.value, high.twins.n) == (0.0, 5)


def test_a_missing_source_is_an_error_and_a_missing_pool_gives_no_score(table: pa.Table) -> None:
    without = table.filter(pa.array(column(table, "source") != "two"))
    with pytest.raises(InputError, match="none of two"):
        pool_members(without, POOLS)
    riddles = table.filter(pa.array(column(table, "source") != "everyday_en"))
    assert evaluate_pools(riddles, scored(riddles), POOLS).score is None


def test_halves_keep_groups_together_and_do_not_depend_on_their_numbers() -> None:
    rows = [synthetic_corpus.row(n, "scam", group=n // 3) for n in range(300)]
    halves = half_of(synthetic_corpus.table(rows))
    assert all(len(set(halves[n : n + 3])) == 1 for n in range(0, 300, 3))
    assert 0.35 < np.mean(halves == "select") < 0.65
    again = [row | {"group": 1000 - row["group"]} for row in rows]
    assert list(half_of(synthetic_corpus.table(again))) == list(halves)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("transfer = 0.30", "transfer = 0.40", "shares: the shares add up to 1.1"),
        ("share = 0.5", "share = 0.6", "blocks: the shares add up to 1.1"),
        ('["khpos_km"]', '["banemo_bn"]', "a source occurs twice: banemo_bn"),
        ('"da", "sv"', '"da", "de"', "a language occurs twice: de"),
        ("fpr =", "rate =", "unknown field `rate`"),
        ("authored = 0.25\n", "", "the shares add up to 0.75"),
    ],
)
def test_wrong_pools_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = (ROOT / "data" / "pools.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "pools.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        load_pools(path)
