"""The words of a bundle: which runs there are, and what they add up to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import Unigram

from scamdetect.bundle import lexical
from scamdetect.bundle.lexical import CLIP, Join, Pieces, Words, WordTable
from scamdetect.errors import BundleError

VOCABULARY = [
    "<s>", "</s>", "<unk>", "▁card", "▁Card", "▁suspended", "▁pay", "▁2024", "▁1999", "▁", "!", ".",
    "[", "]", "▁[", "link", "▁link", "phone", "▁short", "▁path", "▁lunch", "ិ", "X", "ก",
]  # fmt: skip
IDS = {piece: number for number, piece in enumerate(VOCABULARY)}
ROWS = st.lists(st.lists(st.integers(0, len(VOCABULARY) - 1), max_size=12), min_size=1, max_size=6)


def _tokenizer() -> Tokenizer:
    pieces = [(piece, 0.0 if piece == "<unk>" else -1.0) for piece in VOCABULARY]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=IDS["<unk>"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    return tokenizer


PIECES = Pieces(_tokenizer())


def ids(text: str) -> list[int]:
    return [IDS[piece] for piece in text.split()]


def runs(text: str) -> set[int]:
    return set(PIECES.runs([ids(text)])[0].tolist())


def some_words() -> Words:
    """Return words that know the runs of one scam and of one honest text."""
    scam, honest = sorted(runs("▁card ▁suspended")), sorted(runs("▁lunch"))
    prints = np.array(sorted(scam + honest), np.uint32)
    weights = np.array([50 if one in scam else -80 for one in prints.tolist()], np.int8)
    return Words(WordTable(prints, weights, 0.02), PIECES)


def test_a_row_has_runs_of_one_to_three_pieces() -> None:
    assert len(runs("▁card ▁suspended ▁pay")) == 3 + 2 + 1
    assert len(runs("▁card ▁card ▁card")) == 3  # each distinct one once
    assert PIECES.runs([[], []])[0].size == 0


def test_case_digits_and_punctuation_make_no_other_run() -> None:
    assert runs("▁card ▁suspended") == runs("▁Card ▁suspended ! .")
    assert runs("▁2024") == runs("▁1999")
    assert runs("▁card ! ▁pay") == runs("▁card ▁pay")
    assert runs("<s> ▁pay </s>") == runs("▁pay")


def test_masks_are_no_words_and_what_looks_like_one_is() -> None:
    assert runs("▁pay ▁[ link ▁short ▁path ] ▁card") == runs("▁pay ▁card")
    assert runs("▁pay [ phone ]") == runs("▁pay")
    assert runs("[ ▁link ]") == runs("▁link")
    assert runs("▁pay ▁[ link") == runs("▁pay")  # cut off


def test_vowel_signs_are_words() -> None:
    assert runs("ិ") and runs("ก")


def test_runs_do_not_reach_into_the_next_row() -> None:
    prints, owners = PIECES.runs([ids("▁card"), ids("▁pay")])
    assert set(prints[owners == 0].tolist()) == runs("▁card")
    assert set(prints[owners == 1].tolist()) == runs("▁pay")
    prints, owners = PIECES.runs([ids("▁["), ids("link ▁pay")])  # nor does a mask
    assert set(prints[owners == 1].tolist()) == runs("link ▁pay")


def test_phrases_are_the_runs_by_name() -> None:
    found = PIECES.phrases(ids("▁Card ! ▁suspended"))
    assert set(found) == runs("▁card ▁suspended")
    assert set(found.values()) == {"card", "suspended", "card suspended"}


@given(ROWS)
def test_neither_batch_nor_order_changes_a_digit(rows: list[list[int]]) -> None:
    words = some_words()
    together = words.log_odds(rows)
    assert together.tolist() == [words.log_odds([row])[0] for row in rows]
    assert words.log_odds(rows[::-1]).tolist() == together[::-1].tolist()


def test_unknown_runs_weigh_nothing_and_shrink_the_rest() -> None:
    known, mixed, unknown = some_words().log_odds(
        [ids("▁card ▁suspended"), ids("▁card ▁suspended ▁pay ▁short"), ids("▁pay ▁short")]
    )
    assert known == pytest.approx(0.02 * 150 / np.sqrt(3))
    assert 0 < mixed < known
    assert unknown == 0


def test_shares_add_up_to_the_log_odds() -> None:
    words = some_words()
    row = ids("▁card ▁suspended ▁lunch ▁pay")
    shares = words.shares(row)
    assert set(shares) == {"card", "suspended", "card suspended", "lunch"}
    assert sum(shares.values()) == pytest.approx(words.log_odds([row])[0])


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    prints = np.unique(np.random.default_rng(0).integers(0, 2**32, 5_000, dtype=np.uint32))
    table = WordTable(prints, np.arange(len(prints)).astype(np.int8), 0.03125)
    table.save(tmp_path / "words.arrow")
    found = WordTable.load((tmp_path / "words.arrow").read_bytes(), tmp_path / "words.arrow")
    assert found.scale == table.scale
    assert found.prints.tolist() == prints.tolist()
    assert found.weights.tolist() == table.weights.tolist()
    assert (tmp_path / "words.arrow").stat().st_size < 4.5 * len(prints)


def _arrow(path: Path, scale: bytes = b"0.5", **columns: object) -> bytes:
    table = pa.table(columns).replace_schema_metadata({b"scale": scale})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return path.read_bytes()


def test_what_is_no_table_of_words_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.arrow"
    gaps, weights = pa.array([1, 2], pa.uint32()), pa.array([1, -1], pa.int8())
    WordTable.load(_arrow(path, gap=gaps, weight=weights), path)
    for content in (
        b"",
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
            WordTable.load(content, path)


def test_a_join_cuts_both_sides() -> None:
    join = Join(0.5, 2.0, -1.0)
    assert join(np.array([1.0]), np.array([-1.0])).tolist() == [-2.5]
    far = join(np.array([99.0]), np.array([-99.0]))
    assert far.tolist() == join(np.array([CLIP]), np.array([-CLIP])).tolist()


def test_a_first_answer_needs_no_pandas() -> None:
    script = """
import sys
from scamdetect.detector import ScamDetector
ScamDetector.load().predict("pay now")
print("pandas" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@given(ROWS)
def test_pieces_do_not_depend_on_what_was_read_before(rows: list[list[int]]) -> None:
    fresh = Pieces(_tokenizer())
    assert [found.tolist() for found in fresh.runs(rows)] == [
        found.tolist() for found in PIECES.runs(rows)
    ]


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3), min_size=1))
def test_distinct_values_are_those_of_numpy(values: list[int]) -> None:
    given_values = np.array(values, np.uint64)
    expected = np.unique(given_values)
    assert lexical._distinct(given_values).tolist() == expected.tolist()
