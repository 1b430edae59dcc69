"""Fingerprints: they estimate how alike texts are, depend on the key, and hold no text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.share.fingerprint_key import Key
from scamdetect.share.fingerprints import (
    Shingles,
    Signer,
    matches,
    packed,
    shingles_of,
    similarity,
    unpacked,
)

SIGNER = Signer(Key(bytes(range(32))))
OTHER = Signer(Key(bytes(range(1, 33))))
PARCEL = "your parcel is held at customs pay the fee of number at link within number hours"
PRIZE = "congratulations you are the winner of our anniversary lottery claim your prize today"
WORDS = st.lists(st.sampled_from(PARCEL.split()), min_size=6, max_size=14).map(" ".join)


@given(WORDS, WORDS)
def test_the_estimate_is_close_to_the_jaccard_index(one: str, other: str) -> None:
    left, right = shingles_of(one), shingles_of(other)
    exact = len(left & right) / len(left | right)
    # Five standard errors; the values are fixed by the key.
    assert abs(similarity(SIGNER.sign(left), SIGNER.sign(right)) - exact) < 0.16


def test_another_key_gives_a_fingerprint_that_is_like_none() -> None:
    one, other = SIGNER.sign(shingles_of(PARCEL)), OTHER.sign(shingles_of(PARCEL))
    assert similarity(one, other) < 0.2
    assert similarity(one, SIGNER.sign(shingles_of(PARCEL))) == 1
    assert SIGNER.name("a") == SIGNER.name("a") != OTHER.name("a")


def test_what_few_messages_have_is_no_part_of_a_fingerprint() -> None:
    names = ("Maria", "Yusuf", "Chen", "Olga")
    found = Shingles(4)
    for name in names:
        found.add(f"Dear {name}, your parcel RX{len(name)}1234GB is held, pay the fee today")
    shared = "".join(found.shared())
    assert " your parc"[:5] in found.shared() and "toda" in shared
    assert not any(name.casefold()[:4] in shared for name in names)


def test_a_shingle_of_half_of_the_messages_counts() -> None:
    found = Shingles(4)
    for text in (PARCEL, PARCEL, PRIZE, PRIZE + " now"):
        found.add(text)
    assert set(found.shared()) == shingles_of(PARCEL) | shingles_of(PRIZE)


def test_messages_of_all_times_stand_for_a_large_campaign() -> None:
    found = Shingles(10_000)
    for number in range(10_000):
        found.add(PARCEL if number < 4_800 else f"{PRIZE} {'ab'[number % 2]}")
    assert set(found.shared()) >= shingles_of(PRIZE)
    assert not shingles_of(PARCEL) - shingles_of(PRIZE) <= set(found.shared())


@given(st.lists(st.integers(0, 15), min_size=256, max_size=256))
def test_a_signature_is_a_line_of_digits(values: list[int]) -> None:
    signature = np.array(values, np.uint8)
    text = packed(signature)
    assert len(text) == 256 and np.array_equal(unpacked(text), signature)


@pytest.mark.parametrize("text", ["", "00", "zz" * 128, "0" * 255, "00" * 129])
def test_other_digits_are_no_signature(text: str) -> None:
    with pytest.raises(ValueError):
        unpacked(text)


def test_a_value_of_a_signature_fits_one_shingle_in_sixteen() -> None:
    values = [int(SIGNER.sign([f"{n:05}"])[0]) for n in range(1_600)]
    counts = np.bincount(values, minlength=16)
    assert len(counts) == 16 and counts.min() > 60 and counts.max() < 140


def test_near_duplicates_are_found_among_many_others() -> None:
    random = np.random.default_rng(3)
    noise = [random.integers(0, 16, 256).astype(np.uint8) for _ in range(300)]
    changed = SIGNER.sign(shingles_of(PARCEL.replace("customs", "the depot")))
    mine = [SIGNER.sign(shingles_of(PRIZE)), SIGNER.sign(shingles_of(PARCEL))]
    theirs = [*noise, changed, mine[1]]
    found = list(matches(mine, theirs))
    assert [(one.mine, one.theirs) for one in found] == [(1, 301), (1, 300)]
    assert found[0].similarity == 1 > found[1].similarity >= 0.7
    assert not list(matches(mine[:1], theirs))
