"""The n-grams of a bundle: which there are, and what they add up to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import Unigram

from scamdetect.bundle.ngrams import CLIP, Join, NgramReader, Ngrams, NgramTable
from scamdetect.errors import BundleError

VOCABULARY = [
    "<s>", "</s>", "<unk>", "▁card", "▁Card", "▁suspended", "▁pay", "▁2024", "▁1999", "▁", "!", ".",
    "[", "]", "▁[", "link", "▁link", "phone", "▁short", "▁path", "▁lunch", "ិ", "X", "ก",
]  # fmt: skip
IDS = {piece: number for number, piece in enumerate(VOCABULARY)}
ROWS = st.lists(st.lists(st.integers(0, len(VOCABULARY) - 1), max_size=12), min_size=1, max_size=6)


def _reader() -> NgramReader:
    pieces = [(piece, 0.0 if piece == "<unk>" else -1.0) for piece in VOCABULARY]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=IDS["<unk>"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    return NgramReader(tokenizer)


READER = _reader()


def ids(text: str) -> list[int]:
    return [IDS[piece] for piece in text.split()]


def ngrams(text: str) -> set[int]:
    return set(READER.ngrams([ids(text)])[0].tolist())


def scorer() -> Ngrams:
    """Return n-grams of one scam and of one honest text."""
    scam, honest = ngrams("▁card ▁suspended"), ngrams("▁lunch")
    known = np.array(sorted(scam | honest), np.uint32)
    weights = np.array([50 if one in scam else -80 for one in known.tolist()], np.int8)
    return Ngrams(NgramTable(known, weights, 0.02), READER)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("▁card ▁suspended", "▁Card ▁suspended ! ."),  # case and punctuation
        ("▁2024", "▁1999"),
        ("▁card ! ▁pay", "▁card ▁pay"),
        ("<s> ▁pay </s>", "▁pay"),
        ("▁pay ▁[ link ▁short ▁path ] ▁card", "▁pay ▁card"),  # masks
        ("▁pay [ phone ]", "▁pay"),
        ("▁pay ▁[ link", "▁pay"),  # cut off
        ("[ ▁link ]", "▁link"),  # not a mask
    ],
)
def test_texts_with_the_same_n_grams(text: str, same: str) -> None:
    assert ngrams(text) == ngrams(same) != set()


def test_a_row_has_n_grams_of_one_to_three_pieces() -> None:
    assert len(ngrams("▁card ▁suspended ▁pay")) == 3 + 2 + 1
    assert len(ngrams("▁card ▁card ▁card")) == 3  # each distinct one once
    assert READER.ngrams([[], []])[0].size == 0
    assert ngrams("ិ") and ngrams("ก")  # vowel signs


def test_n_grams_and_masks_end_with_their_row() -> None:
    fingerprints, owners = READER.ngrams([ids("▁card"), ids("▁pay"), ids("▁["), ids("link ▁pay")])
    for row, text in ((0, "▁card"), (1, "▁pay"), (3, "link ▁pay")):
        assert set(fingerprints[owners == row].tolist()) == ngrams(text)


@given(ROWS)
def test_neither_batch_nor_order_changes_a_digit(rows: list[list[int]]) -> None:
    words = scorer()
    together = words.log_odds(rows)
    assert together.tolist() == [words.log_odds([row])[0] for row in rows]
    assert words.log_odds(rows[::-1]).tolist() == together[::-1].tolist()
    assert [part.tolist() for part in _reader().ngrams(rows)] == [
        part.tolist() for part in READER.ngrams(rows)
    ]


def test_unknown_n_grams_weigh_nothing_and_shrink_the_rest() -> None:
    known, mixed, unknown = scorer().log_odds(
        [ids("▁card ▁suspended"), ids("▁card ▁suspended ▁pay ▁short"), ids("▁pay ▁short")]
    )
    assert known == pytest.approx(0.02 * 150 / np.sqrt(3))
    assert 0 < mixed < known and unknown == 0


def test_shares_add_up_to_the_log_odds() -> None:
    row = ids("▁Card ! ▁suspended ▁lunch ▁pay")
    shares = scorer().shares(row)
    assert set(shares) == {"card", "suspended", "card suspended", "lunch"}
    assert sum(shares.values()) == pytest.approx(scorer().log_odds([row])[0])


def test_a_table_survives_a_file(tmp_path: Path) -> None:
    known = np.unique(np.random.default_rng(0).integers(0, 2**32, 5_000, dtype=np.uint32))
    table, path = NgramTable(known, np.arange(len(known)).astype(np.int8), 0.03125), tmp_path / "w"
    table.save(path)
    again = NgramTable.load(path.read_bytes(), path)
    assert again.scale == table.scale and np.array_equal(again.weights, table.weights)
    assert np.array_equal(again.fingerprints, known)


def _arrow(path: Path, scale: bytes = b"0.5", **columns: object) -> bytes:
    table = pa.table(columns).replace_schema_metadata({b"scale": scale})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return path.read_bytes()


def test_an_invalid_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.arrow"
    gaps, weights = pa.array([1, 2], pa.uint32()), pa.array([1, -1], pa.int8())
    NgramTable.load(_arrow(path, gap=gaps, weight=weights), path)
    for content in (
        b"no arrow",
        _arrow(path, gap=gaps),
        _arrow(path, gap=gaps, weight=weights, scale=b"nan"),
        _arrow(path, gap=gaps, weight=weights, scale=b"x"),
        _arrow(path, gap=pa.array([1, 0], pa.uint32()), weight=weights),
        _arrow(path, gap=pa.array([2**32 - 1, 2], pa.uint32()), weight=weights),
        _arrow(path, gap=pa.array([1, None], pa.uint32()), weight=weights),
        _arrow(path, gap=gaps, weight=pa.array([1, 400], pa.int16())),
        _arrow(path, gap=gaps[:0], weight=weights[:0]),
    ):
        with pytest.raises(BundleError, match=r"words\.arrow: .*get or export"):
            NgramTable.load(content, path)


def test_a_join_clips_both_sides() -> None:
    join = Join(encoder=0.5, ngrams=2.0, bias=-1.0)
    assert join(np.array([1.0]), np.array([-1.0])).tolist() == [-2.5]
    far = join(np.array([99.0]), np.array([-99.0]))
    assert far.tolist() == join(np.array([CLIP]), np.array([-CLIP])).tolist()
