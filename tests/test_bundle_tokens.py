"""Windows, duplicate folding and token-budget batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from threading import Barrier, current_thread
from time import sleep
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import write_tiny_bundle

from scamdetect.bundle.bundle import Bundle, write_manifest
from scamdetect.bundle.tokens import (
    LEAST_ROWS,
    TokenWindows,
    batches,
    in_threads,
    pad,
    thin,
    windows,
)
from scamdetect.errors import BundleError
from scamdetect.frames.tables import chunked, fold_duplicates

shapes = st.integers(1, 300).flatmap(
    lambda size: st.tuples(st.integers(0, 3000), st.just(size), st.integers(0, size - 1))
)


@given(shapes)
def test_windows_cover_every_token_and_overlap(shape: tuple[int, int, int]) -> None:
    length, size, stride = shape
    spans = windows(*shape)
    assert spans[0][0] == 0 and spans[-1][1] == length
    assert all(end - start <= size for start, end in spans)
    for (_, end), (start, later_end) in zip(spans, spans[1:], strict=False):
        assert start <= end - stride and end < later_end


@given(st.integers(1, 500), st.integers(1, 40))
def test_thinning_keeps_order_and_both_ends(count: int, most: int) -> None:
    kept = thin(range(count), most)
    assert len(kept) == len(set(kept)) == min(count, most)
    assert kept == sorted(kept) and kept[0] == 0
    assert most == 1 or kept[-1] == count - 1


@given(st.lists(st.text(max_size=3)))
def test_folded_items_unfold(items: list[str]) -> None:
    distinct, inverse = fold_duplicates(items)
    assert [distinct[place] for place in inverse] == items
    assert len(set(distinct)) == len(distinct)


@given(st.lists(st.integers(1, 300)), st.integers(8, 2000))
def test_batches_hold_every_place_once_within_the_budget(lengths: list[int], budget: int) -> None:
    made = list(batches(lengths, budget))
    assert sorted(place for places, _ in made for place in places) == list(range(len(lengths)))
    for places, padded in made:
        assert padded % 8 == 0
        assert 0 <= padded - max(lengths[place] for place in places) < 8
        assert len(places) <= LEAST_ROWS or padded * len(places) <= budget


@given(st.lists(st.integers()), st.integers(1, 10))
def test_chunks_join_to_the_input(items: list[int], size: int) -> None:
    made = list(chunked(items, size))
    assert [item for chunk in made for item in chunk] == items
    assert all(len(chunk) == size for chunk in made[:-1])


def test_chunks_read_no_further_than_asked() -> None:
    source = iter(range(10))
    assert next(chunked(source, 3)) == [0, 1, 2]
    assert next(source) == 3


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


def test_threads_work_at_the_same_time() -> None:
    both = Barrier(2, timeout=60)

    def work(share: Iterator[int]) -> None:
        for _ in share:
            both.wait()

    in_threads(range(2), work, threads=2)


@pytest.mark.parametrize("in_caller", [True, False])
def test_after_an_error_no_thread_takes_another_item(in_caller: bool) -> None:
    both, seen, here = Barrier(2, timeout=60), list[int](), current_thread()

    def work(share: Iterator[int]) -> None:
        for item in share:
            seen.append(item)
            if item < 2:
                both.wait()
            if (current_thread() is here) == in_caller:
                raise ValueError("broken")
            sleep(0.001)

    with pytest.raises(ValueError, match="broken"):
        in_threads(range(10_000), work, threads=2)
    assert len(seen) < 10_000


def test_a_small_call_has_a_batch_of_two_rows_for_each_thread(tmp_path: Path) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path))
    for rows, sizes in ((1, [1]), (2, [2]), (3, [1, 2]), (4, [2, 2]), (12, [4, 4, 4])):
        found = list[list[int]]()
        TokenWindows(bundle, threads=3).read(
            [[0, 5, 2]] * rows, lambda batches, into=found: into.extend(b[0] for b in batches)
        )
        assert sorted(map(len, found)) == sizes
        assert sorted(chain.from_iterable(found)) == list(range(rows))


def test_each_window_stands_between_prefix_and_end(tmp_path: Path) -> None:
    read = TokenWindows(Bundle.load(write_tiny_bundle(tmp_path, prefix="hello: ")))
    tokens = read.tokens(["lunch " * 100])[0]
    found, count = read.cut(tokens)
    assert count == len(found) > 1
    head = found[0][: 32 - read.room - 1]
    assert head == [found[0][0], *read.tokens(["hello:"])[0]]
    for window in found:
        assert len(window) == 32 and window[: len(head)] == head and window[-1] == found[0][-1]
        assert window == [*head, *read.bare(window), window[-1]]
    assert read.bare(found[0]) == tokens[: read.room]
    assert read.cut([]) == ([], 0)


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
    path = write_tiny_bundle(tmp_path / "bundle") / "tokenizer.json"
    tokenizer = json.loads(path.read_text("utf-8"))
    change(tokenizer)
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    write_manifest(path.parent, {})
    with pytest.raises(BundleError, match=r"tokenizer\.json: needs <pad> and a post-processor"):
        TokenWindows(Bundle.load(path.parent))
