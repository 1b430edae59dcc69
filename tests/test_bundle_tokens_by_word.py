"""Token ids word by word: the same as those of whole texts, at any number of threads."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from scamdetect.bundle import tokens
from scamdetect.bundle.bundle import TOKENIZER, default_bundle_path
from scamdetect.bundle.tokens import TokenIds, reads_by_word

# What composes, splits, vanishes or widens in the tokeniser's own steps, and its special tokens.
PIECES = [
    " ", "\n", "\t", "\x1f", "\u00a0", "\u3000", "\u2028", "\u200b", "\u2581", "\ufffd",
    "\u0301", "\u00a8", "e", "\u00e9", "\ufdfa", "\u2460", "\u0e33", "\u1100", "\u1161", "\u11a8",
    "card", "pay", "Suspended", "2024", "[link", "]", "!", "<s>", "<pad>", "<unk>",
    "कार्ड", "बंद", "账户", "口座", "บัตร", "карта", "😀",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=12)


@cache
def shipped() -> Tokenizer:
    return Tokenizer.from_file(str(default_bundle_path() / TOKENIZER))


@cache
def remembering() -> TokenIds:
    return TokenIds(shipped(), threads=1)


def whole(texts: list[str], tokenizer: Tokenizer | None = None) -> list[list[int]]:
    asked = tokenizer or shipped()
    return [asked.encode(text, add_special_tokens=False).ids for text in texts]


@given(st.lists(TEXTS.map("".join), max_size=4))
def test_the_ids_of_words_are_those_of_the_text(texts: list[str]) -> None:
    assert remembering().of(texts) == whole(texts)
    assert remembering().of(texts) == whole(texts)  # and once more, from memory


def test_what_is_returned_can_be_changed_without_harm() -> None:
    texts = ["pay", "pay your card"]
    for row in remembering().of(texts):
        row.clear()
    assert remembering().of(texts) == whole(texts)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_neither_ids_nor_order(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_SLICE", 7)
    texts = [f"card{n} pay{n * n}\nบัตร{n}" for n in range(60)]
    assert TokenIds(shipped(), threads).of(texts) == whole(texts)


def test_memory_is_bounded_and_keeps_what_still_occurs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED", 10)
    ids = TokenIds(shipped(), threads=1)
    for start in range(0, 200, 5):
        texts = ["pay " + " ".join(f"w{n}" for n in range(start, start + 5))]
        assert ids.of(texts) == whole(texts)
        kept = [set(generation) for generation in ids._kept]
        assert sum(map(len, kept)) <= 30
        assert "pay" in kept[0] | kept[1]
    ids.of(["x" * 100])
    assert not any("x" * 100 in generation for generation in ids._kept)


@pytest.mark.parametrize(
    ("normalizer", "pre_tokenizer"),
    [
        (normalizers.Replace(Regex(r"\s+"), " "), None),
        (normalizers.NFKC(), pre_tokenizers.Metaspace(prepend_scheme="first")),
        (None, None),
    ],
)
def test_a_tokeniser_that_sees_beyond_words_reads_whole_texts(
    normalizer: normalizers.Normalizer | None, pre_tokenizer: pre_tokenizers.PreTokenizer | None
) -> None:
    other = Tokenizer(shipped().model)
    if normalizer is not None:
        other.normalizer = normalizer
    if pre_tokenizer is not None:
        other.pre_tokenizer = pre_tokenizer
    texts = ["your card  is suspended", "", "pay\n\nnow"]
    assert reads_by_word(shipped()) and not reads_by_word(other)
    assert TokenIds(other).of(texts) == whole(texts, other)


def test_words_need_the_special_token_between_them() -> None:
    other = Tokenizer(shipped().model)
    other.normalizer, other.pre_tokenizer = shipped().normalizer, shipped().pre_tokenizer
    assert not reads_by_word(other)
    other.add_special_tokens(["<pad>"])
    assert reads_by_word(other)
    other.add_tokens(["your card"])
    assert not reads_by_word(other)
    texts = ["pay<pad>now your card"]
    assert TokenIds(other).of(texts) == whole(texts, other)


def test_a_forked_process_still_tokenises() -> None:
    script = """
import os
from scamdetect.bundle import tokens
from tokenizers import Tokenizer
from scamdetect.bundle.bundle import TOKENIZER, default_bundle_path
ids = tokens.TokenIds(Tokenizer.from_file(str(default_bundle_path() / TOKENIZER)), threads=3)
before = ids.of([f"card{n}" for n in range(2000)])
child = os.fork()
if child == 0:
    after = ids.of([f"card{n} pay{n}" for n in range(2000)])
    os._exit(0 if after[7][: len(before[7])] == before[7] else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
