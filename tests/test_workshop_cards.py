"""Cards: drawn by seed, in the promised numbers, with the same form on both sides."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.workshop.card_tables import load_tables
from data.workshop.cards import Deck, apportion, brief_line, draw_cards, in_batches, sample
from scamdetect.errors import InputError, SourceError
from scamdetect.train.data.authored import SCRIPTS, AuthoredRow, find_problems
from scamdetect.train.typed import Located

TABLES = Path(__file__).parent.parent / "data" / "cards"
DUE = {
    "pair": 200, "investment": 30, "romance": 30, "other_scam": 25, "affection": 25, "finance": 25,
    "transactional": 30, "money_requests": 20, "awareness": 20, "promo": 15, "dialogue": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def cards() -> list[AuthoredRow]:
    return draw_cards("th", 440, 1, TABLES)


def of(cards: list[AuthoredRow], verdict: str) -> list[AuthoredRow]:
    return [card for card in cards if card.verdict == verdict]


def test_the_cells_have_the_numbers_of_the_table(cards: list[AuthoredRow]) -> None:
    assert Counter(card.cell for card in cards) == DUE
    sides = [card for card in cards if card.cell == "pair" and card.verdict == "scam"]
    assert sum("investment" in side.kinds and "romance" in side.kinds for side in sides) == 10
    assert sum(side.kinds == ("romance",) for side in sides) == 28
    twins = [c for c in cards if c.pair and c.slice == "transactional"]
    assert len(twins) == 25
    talks = Counter(card.verdict for card in cards if card.cell == "dialogue")
    assert talks == {"scam": 10, "legit": 10}
    halves = Counter(card.hard for card in cards if card.cell in ("affection", "finance"))
    assert abs(halves[True] - halves[False]) <= 2


@pytest.mark.parametrize("lang", sorted(SCRIPTS))
def test_every_language_has_cards_that_pass_the_check_once_written(lang: str) -> None:
    cards = draw_cards(lang, 44, 5, TABLES)
    assert {card.script for card in cards} == set(SCRIPTS[lang])
    unwritten = find_problems([Located(f"{lang}.jsonl:{n}", card) for n, card in enumerate(cards)])
    assert {problem.partition(f"{lang}-")[2][6:].partition(";")[0] for problem in unwritten} == {
        "empty text",
        "generated is empty",
    }


def test_form_is_dealt_alike_to_scam_and_legit(cards: list[AuthoredRow]) -> None:
    scam, legit = of(cards, "scam"), of(cards, "legit")

    def differences(form: str) -> float:
        shares = [Counter(str(getattr(c.card, form)) for c in side) for side in (scam, legit)]
        return max(
            abs(shares[0][key] / len(scam) - shares[1][key] / len(legit))
            for key in shares[0] | shares[1]
        )

    assert differences("length") < 0.02
    assert differences("emoji") < 0.02
    assert differences("amount") < 0.02
    links = [sum(card.card.link is not None for card in side) / len(side) for side in (scam, legit)]
    assert abs(links[0] - links[1]) < 0.02


def test_the_sides_of_a_pair_differ_in_sender_verdict_and_opening_only(
    cards: list[AuthoredRow],
) -> None:
    paired = [card for card in cards if card.pair]
    for scam, legit in zip(paired[::2], paired[1::2], strict=True):
        assert (scam.pair, scam.verdict, legit.verdict) == (legit.pair, "scam", "legit")
        ours, theirs = json.loads(json.dumps([_told(scam), _told(legit)]))
        assert {key for key in ours if ours[key] != theirs[key]} <= {"sender", "opening"}


def _told(card: AuthoredRow) -> dict[str, object]:
    return {name: getattr(card.card, name) for name in card.card.__struct_fields__}


def test_batches_mix_the_cells_and_keep_pairs_whole(cards: list[AuthoredRow]) -> None:
    batches = Counter(card.card.batch for card in cards)
    assert set(batches.values()) == {22}
    for batch in batches:
        inside = [card for card in cards if card.card.batch == batch]
        assert len({card.cell for card in inside}) > 6
        assert set(Counter(card.pair for card in inside if card.pair).values()) == {2}


def test_a_seed_draws_the_same_cards_and_another_seed_others(cards: list[AuthoredRow]) -> None:
    assert draw_cards("th", 440, 1, TABLES) == cards
    hooks = [card.card.hook for card in cards]
    assert [card.card.hook for card in draw_cards("th", 440, 2, TABLES)] != hooks
    assert [card.card.hook for card in draw_cards("vi", 440, 1, TABLES)] != hooks


def test_final_cards_say_so_and_have_six_rows_of_each_honest_cell() -> None:
    cards = draw_cards("sw", 97, 1, TABLES, final=True, first=8001)
    assert len(cards) == 97
    assert {card.part for card in cards} == {"final"}
    assert cards[0].id == "sw-8001"
    cells = Counter(card.cell for card in cards)
    honest = ("affection", "finance", "transactional", "money_requests", "awareness", "promo")
    assert min(cells[cell] for cell in honest) >= 6


def test_scripts_are_shared_out_evenly() -> None:
    cards = draw_cards("zh", 352, 1, TABLES)
    by_cell = Counter((card.cell, card.script) for card in cards)
    for cell in {card.cell for card in cards}:
        assert abs(by_cell[cell, "Hans"] - by_cell[cell, "Hant"]) <= 2
    per_batch = Counter(card.script for card in cards if card.card.batch == "round1-03")
    assert min(per_batch.values()) >= 6


def test_the_brief_line_tells_what_binds(cards: list[AuthoredRow]) -> None:
    card = next(card for card in cards if card.card.link and card.pair)
    line = brief_line(card)
    assert line.count("\n") == 0
    for part in (card.id, str(card.pair), card.card.hook, f"link: {card.card.link}"):
        assert part in line


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(SourceError, match="no cards for the language 'xx'; known: en"):
        draw_cards("xx", 10, 1, TABLES)
    with pytest.raises(InputError, match="1 to 9999"):
        draw_cards("th", 400, 1, TABLES, first=9900)


def test_an_unknown_group_of_apps_is_named(tmp_path: Path) -> None:
    for name in ("scenarios.toml", "languages.toml"):
        text = (TABLES / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("apps = {chat = 6", "apps = {pigeon = 6", 1))
    with pytest.raises(SourceError, match="scenarios.toml: .*'pigeon'; known"):
        load_tables(tmp_path)


@given(
    st.lists(st.floats(0.1, 100), min_size=1, max_size=8),
    st.integers(0, 500),
    st.data(),
)
def test_apportion_sums_up_and_keeps_the_fewest(
    weights: list[float], total: int, data: st.DataObject
) -> None:
    most = total // len(weights)
    fewest = data.draw(st.lists(st.integers(0, most), min_size=len(weights), max_size=len(weights)))
    counts = apportion(weights, total, fewest)
    assert sum(counts) == total
    assert all(count >= least for count, least in zip(counts, fewest, strict=True))


def test_the_fewest_are_kept_where_they_alone_are_too_many() -> None:
    assert apportion([1.0, 2.0, 0.0], 3, [2, 2, 1]) == [2, 2, 1]


@pytest.mark.parametrize("rows", [2, 3, 45])
def test_pairs_are_whole_and_no_row_is_lost(rows: int) -> None:
    cards = draw_cards("th", rows, 1, TABLES)
    assert len(cards) == rows
    assert set(Counter(card.pair for card in cards if card.pair).values()) <= {2}


def test_a_deck_draws_each_card_once_before_any_again() -> None:
    deck = Deck("abcd", random.Random(0))
    drawn = [deck.draw() for _ in range(8)]
    assert sorted(drawn[:4]) == sorted(drawn[4:]) == list("abcd")


def test_samples_and_batches_share_out_all() -> None:
    assert len(set(sample([1.0, 5.0, 0.2, 1.0], 3, random.Random(0)))) == 3
    assert in_batches(range(5), 2) == [[0, 2, 4], [1, 3]]
