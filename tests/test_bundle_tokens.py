"""Token ids word by word, windows, batches and threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from threading import Barrier, current_thread
from time import sleep
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import write_tiny_bundle
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from scamdetect.bundle import tokens
from scamdetect.bundle.bundle import TOKENIZER, Bundle, default_bundle_path, write_manifest
from scamdetect.bundle.tokens import (
    LEAST_ROWS,
    TokenIds,
    TokenWindows,
    batches,
    in_threads,
    pad,
    reads_by_word,
    windows,
)
from scamdetect.errors import BundleError, InputError

# What composes, splits, vanishes or widens in the tokeniser's own steps, and its special tokens.
PIECES = [
    " ", "\n", "\t", "\x1f", "\u00a0", "\u3000", "\u2028", "\u200b", "\u2581", "\ufffd",
    "\u0301", "\u00a8", "e", "\u00e9", "\ufdfa", "\u2460", "\u0e33", "\u1100", "\u1161", "\u11a8",
    "card", "pay", "Suspended", "2024", "[link", "]", "!", "<s>", "<pad>", "<unk>",
    "कार्ड", "बंद", "账户", "口座", "บัตร", "карта", "😀",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=12)
SHAPES = st.integers(1, 300).flatmap(
    lambda size: st.tuples(st.integers(0, 3000), st.just(size), st.integers(0, size - 1))
)


@cache
def shipped() -> Tokenizer:
    return Tokenizer.from_file(str(default_bundle_path() / TOKENIZER))


@cache
def remembering() -> TokenIds:
    return TokenIds(shipped(), threads=1)


def whole(texts: list[str], tokenizer: Tokenizer | None = None) -> list[list[int]]:
    used = tokenizer or shipped()
    return [used.encode(text, add_special_tokens=False).ids for text in texts]


@given(st.lists(TEXTS.map("".join), max_size=4))
def test_the_ids_of_words_are_those_of_the_text(texts: list[str]) -> None:
    for row in remembering().encode(texts):
        row.clear()  # changing a result harms no later one
    assert remembering().encode(texts) == whole(texts)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_neither_ids_nor_order(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_SLICE", 7)
    texts = [f"card{n} pay{n * n}\nบัตร{n}" for n in range(60)]
    assert TokenIds(shipped(), threads).encode(texts) == whole(texts)


def test_memory_is_bounded_and_keeps_common_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED", 10)
    ids = TokenIds(shipped(), threads=1)
    for start in range(0, 200, 5):
        texts = ["pay " + " ".join(f"w{n}" for n in range(start, start + 5)) + " " + "x" * 100]
        assert ids.encode(texts) == whole(texts)
        kept = [set(generation) for generation in ids._kept]
        assert sum(map(len, kept)) <= 30
        assert "pay" in kept[0] | kept[1] and "x" * 100 not in kept[0] | kept[1]


@pytest.mark.parametrize(
    ("normalizer", "pre_tokenizer"),
    [
        (normalizers.Replace(Regex(r"\s+"), " "), None),
        (normalizers.NFKC(), pre_tokenizers.Metaspace(prepend_scheme="first")),
        (None, None),
    ],
)
def test_other_tokenisers_read_whole_texts(
    normalizer: normalizers.Normalizer | None, pre_tokenizer: pre_tokenizers.PreTokenizer | None
) -> None:
    other = Tokenizer(shipped().model)
    if normalizer is not None:
        other.normalizer = normalizer
    if pre_tokenizer is not None:
        other.pre_tokenizer = pre_tokenizer
    texts = ["your card  is suspended", "", "pay\n\nnow"]
    assert reads_by_word(shipped()) and not reads_by_word(other)
    assert TokenIds(other).encode(texts) == whole(texts, other)


@given(SHAPES)
def test_windows_cover_every_token_and_overlap(shape: tuple[int, int, int]) -> None:
    length, size, stride = shape
    spans = windows(*shape)
    assert spans[0][0] == 0 and spans[-1][1] == length
    assert all(end - start <= size for start, end in spans)
    for (_, end), (start, later_end) in zip(spans, spans[1:], strict=False):
        assert start <= end - stride and end < later_end


@given(st.lists(st.integers(1, 300)), st.integers(8, 2000))
def test_batches_hold_every_index_once_within_the_budget(lengths: list[int], budget: int) -> None:
    chosen = range(0, len(lengths), 2)
    made = list(batches(lengths, chosen, budget))
    assert sorted(index for indices, _ in made for index in indices) == list(chosen)
    for indices, padded in made:
        assert padded % 8 == 0 and 0 <= padded - max(lengths[index] for index in indices) < 8
        assert len(indices) <= LEAST_ROWS or padded * len(indices) <= budget


def test_padding_is_masked() -> None:
    ids, mask = pad([[0, 7, 2], [0, 2]], width=8, pad_id=1)
    assert ids.tolist() == [[0, 7, 2, 1, 1, 1, 1, 1], [0, 2, 1, 1, 1, 1, 1, 1]]
    assert (ids * mask).sum(axis=1).tolist() == [9, 2] and mask.sum() == 5


@given(st.lists(st.integers()), st.integers(1, 5))
def test_threads_share_the_items(items: list[int], threads: int) -> None:
    shares: list[list[int]] = []
    in_threads(items, lambda share: shares.append(list(share)), threads)
    assert sorted(chain.from_iterable(shares)) == sorted(items)
    assert len(shares) == max(min(threads, len(items)), 1)


@pytest.mark.parametrize("in_caller", [True, False])
def test_after_an_error_no_thread_takes_another_item(in_caller: bool) -> None:
    both, seen, caller = Barrier(2, timeout=60), list[int](), current_thread()

    def work(share: Iterator[int]) -> None:
        for item in share:
            seen.append(item)
            if item < 2:
                both.wait()  # two threads work at the same time
            if (current_thread() is caller) == in_caller:
                raise ValueError("broken")
            sleep(0.001)

    with pytest.raises(ValueError, match="broken"):
        in_threads(range(10_000), work, threads=2)
    assert len(seen) < 10_000


def test_a_small_call_has_a_batch_for_each_thread(tmp_path: Path) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path))
    for rows, sizes in ((1, [1]), (2, [2]), (3, [1, 2]), (4, [2, 2]), (12, [4, 4, 4])):
        read = list[list[int]]()
        TokenWindows(bundle, threads=3).read(
            [[0, 5, 2]] * rows, lambda batches, into=read: into.extend(b[0] for b in batches)
        )
        assert sorted(map(len, read)) == sizes
        assert sorted(chain.from_iterable(read)) == list(range(rows))


def test_each_window_is_between_prefix_and_end(tmp_path: Path) -> None:
    reader = TokenWindows(Bundle.load(write_tiny_bundle(tmp_path / "a", prefix="hello: ")))
    (ids,) = reader.encode(["lunch " * 100])
    cut, count = reader.cut(ids)
    assert count == len(cut) > 3
    head = cut[0][: 32 - reader.room - 1]
    assert head == [cut[0][0], *reader.encode(["hello:"])[0]]
    for window in cut:
        assert len(window) == 32 and window == [*head, *reader.bare(window), cut[0][-1]]
    assert reader.bare(cut[0]) == ids[: reader.room]
    assert reader.cut([]) == ([], 0)
    folder = write_tiny_bundle(tmp_path / "b", prefix="hello: ", max_windows=3)
    some, all_windows = TokenWindows(Bundle.load(folder)).cut(ids)
    assert all_windows == count and len(some) == 3
    assert (some[0], some[-1]) == (cut[0], cut[-1])


@pytest.mark.parametrize("threads", [0, -2, 100_000])
def test_invalid_threads_are_refused(tiny_bundle: Path, threads: int) -> None:
    with pytest.raises(InputError, match=f"threads={threads}"):
        TokenWindows(Bundle.load(tiny_bundle), threads)


def _no_padding(tokenizer: dict[str, Any]) -> None:
    for one in (*tokenizer["added_tokens"], tokenizer["model"]["vocab"][1]):
        if isinstance(one, list):
            one[0] = "<none>"
        elif one["content"] == "<pad>":
            one["content"] = "<none>"


@pytest.mark.parametrize(
    "change", [lambda tokenizer: tokenizer.update(post_processor=None), _no_padding]
)
def test_a_tokeniser_without_edges_or_padding_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    path = write_tiny_bundle(tmp_path / "bundle") / TOKENIZER
    tokenizer = json.loads(path.read_text("utf-8"))
    change(tokenizer)
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    write_manifest(path.parent, {})
    with pytest.raises(BundleError, match=r"tokenizer\.json: needs <pad> and a post-processor"):
        TokenWindows(Bundle.load(path.parent))
