"""Trimming a vocabulary keeps ids in order, encodings of kept pieces and every character."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_base import CHARACTERS, ENDS, PIECES, SPECIAL, TAMIL, WORDS, tiny_encoder, tiny_tokenizer

from scamdetect.errors import RecipeError
from scamdetect.train.vocabulary import choose_pieces, count_pieces, growth, trim

pytestmark = pytest.mark.slow

BEFORE = tiny_tokenizer()
IDS = {piece: number for number, piece in enumerate(PIECES)}
MUST = {number for piece, number in IDS.items() if piece in SPECIAL or len(piece) == 1}
TAMIL_IDS = {IDS[piece] for piece in TAMIL}
SCORES = [score for _, score in json.loads(BEFORE.to_str())["model"]["vocab"]]
TEXTS = st.text(alphabet=f"{CHARACTERS} ", max_size=20) | st.lists(
    st.sampled_from([*WORDS, *ENDS, "a", "zz", "ж"]), max_size=6
).map(" ".join)


def test_pieces_are_counted() -> None:
    counts = count_pieces(BEFORE, ["hello hello", "hello z"])
    assert counts == {IDS["\u2581hello"]: 3, IDS["\u2581"]: 1, IDS["z"]: 1}
    many = count_pieces(BEFORE, ("hello" for _ in range(4_500)))
    assert many[IDS["\u2581hello"]] == 4_500


def test_the_most_used_pieces_stay_beside_what_must() -> None:
    counts = Counter({IDS["\u2581profit"]: 9, IDS["\u2581offer"]: 5, IDS["ing"]: 7, IDS["a"]: 50})
    keep = choose_pieces(BEFORE, counts, len(MUST) + 2, ())
    assert keep == sorted(MUST | {IDS["\u2581profit"], IDS["ing"]})


def test_a_whole_script_stays_though_nobody_uses_it() -> None:
    keep = choose_pieces(BEFORE, Counter(), len(MUST | TAMIL_IDS), ("TAMIL",))
    assert set(keep) == MUST | TAMIL_IDS
    assert not TAMIL_IDS <= set(choose_pieces(BEFORE, Counter(), len(MUST), ("KHMER",)))


def test_unused_pieces_stay_by_their_score_where_there_is_room() -> None:
    best = max(set(IDS.values()) - MUST, key=lambda number: (SCORES[number], -number))
    keep = choose_pieces(BEFORE, Counter(), len(MUST) + 1, ())
    assert keep == sorted(MUST | {best})


def test_too_small_a_vocabulary_says_what_must_stay() -> None:
    message = re.escape(f"max_pieces is 10, but {len(MUST)} pieces must be kept")
    with pytest.raises(RecipeError, match=message):
        choose_pieces(BEFORE, Counter(), 10, ())


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.sets(st.integers(0, len(PIECES) - 1)))
def test_kept_text_is_encoded_as_before_with_the_same_vectors(text: str, more: set[int]) -> None:
    old = BEFORE.encode(text)
    keep = sorted(MUST | more | set(old.ids))
    encoder = tiny_encoder(layers=1)
    table = encoder.get_input_embeddings().weight.detach().clone()
    after = trim(encoder, BEFORE, keep)
    new = after.encode(text)
    assert new.tokens == old.tokens
    vectors = encoder.get_input_embeddings().weight.detach()
    assert len(vectors) == len(keep) == encoder.config.vocab_size == after.get_vocab_size()
    assert torch.equal(vectors[new.ids], table[old.ids])


@settings(max_examples=40, deadline=None)
@given(TEXTS.filter(lambda text: "ж" not in text), st.sets(st.integers(0, len(PIECES) - 1)))
def test_nothing_becomes_unknown_while_the_characters_stay(text: str, more: set[int]) -> None:
    after = trim(tiny_encoder(layers=1), BEFORE, sorted(MUST | more))
    new = after.encode(text)
    assert SPECIAL.index("<unk>") not in new.ids
    assert after.decode(new.ids) == BEFORE.decode(BEFORE.encode(text).ids)


def test_growth_counts_longer_spellings_and_unknown_pieces() -> None:
    texts = ["hello profit", "hello"]
    assert growth(BEFORE, BEFORE, texts) == (0.0, 0.0)
    keep = [number for number in range(len(PIECES)) if number != IDS["\u2581profit"]]
    after = trim(tiny_encoder(layers=1), BEFORE, keep)
    # Two pieces and one become "_hello _ p r o f i t" and "_hello".
    assert growth(BEFORE, after, texts) == (pytest.approx(9 / 3 - 1), 0.0)
    keep = [number for number in keep if number != IDS["p"]]
    after = trim(tiny_encoder(layers=1), BEFORE, keep)
    assert growth(BEFORE, after, texts) == (pytest.approx(9 / 3 - 1), pytest.approx(1 / 9))
    assert growth(BEFORE, after, []) == (-1.0, 0.0)
