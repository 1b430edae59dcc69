"""Which templates are united: never what is not alike, whatever fits into memory together."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.frames.arrow import plain_array
from scamdetect.scored import campaign_join
from scamdetect.scored.campaign_join import NONE, Space, found_campaigns, unite_alike
from scamdetect.scored.templates import save_templates, template_hash
from scamdetect.text.near_duplicates import ALIKE, jaccard, shingles

WORDS = "harbour lunch sister bread train garden school rain later window".split()


def _saved(path: Path, keys: list[str]) -> Path:
    by_hash = sorted((template_hash(key), key) for key in set(keys))
    hashes = np.array([number for number, _ in by_hash], np.uint64)
    messages = np.array([keys.count(key) for _, key in by_hash], np.int64)
    with path.open("wb") as file:
        save_templates(file, hashes, messages, plain_array([k for _, k in by_hash], pa.string()))
    return path


def _groups(folder: Path, *segments: list[str], at_least: int = 2) -> set[frozenset[str]]:
    """Return the templates of each campaign."""
    paths = [_saved(folder / f"segment-{n}.arrow", keys) for n, keys in enumerate(segments)]
    space = Space(paths, folder)
    space.fill(lambda share: None)
    found = found_campaigns(space, unite_alike(space, lambda share: None), at_least)
    texts = space.templates(np.arange(space.size))
    assert [space.numbers(np.array([template_hash(t)], np.uint64))[0] for t in texts] == list(
        range(space.size)
    )
    space.remove()
    members: dict[int, set[str]] = {}
    for label, text in zip(found.labels.tolist(), texts, strict=True):
        if label != NONE:
            members.setdefault(label, set()).add(text)
    assert [len(members[n]) for n in range(len(found.leaders))] == found.templates.tolist()
    return set(map(frozenset, members.values()))


def _connected(keys: set[str]) -> list[set[str]]:
    sets = [{key} for key in keys]
    for one, other in combinations(sorted(keys), 2):
        if jaccard(shingles(one), shingles(other)) >= ALIKE:
            both = [s for s in sets if one in s or other in s]
            sets = [s for s in sets if s not in both] + [set().union(*both)]
    return sets


_KEYS = st.lists(st.integers(0, 9), min_size=6, max_size=9).map(
    lambda numbers: " ".join(WORDS[n] for n in numbers)
)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(_KEYS, max_size=8), min_size=1, max_size=3), st.booleans())
def test_what_is_united_is_connected(
    tmp_path_factory: pytest.TempPathFactory, segments: list[list[str]], few: bool
) -> None:
    folder = tmp_path_factory.mktemp("join")
    keys = [key for keys in segments for key in keys]
    with pytest.MonkeyPatch.context() as patch:
        if few:
            for name in ("_TOGETHER", "_EXACT", "_TEXTS"):
                patch.setattr(campaign_join, name, 2)
        found = _groups(folder, *segments)
    connected = _connected(set(keys))
    for group in found:
        assert any(group <= whole for whole in connected)
        assert sum(keys.count(key) for key in group) >= 2
    for key in set(keys):
        assert keys.count(key) == 1 or any(key in group for group in found)


def test_variants_that_differ_in_a_word_are_one_campaign(tmp_path: Path) -> None:
    start = "your parcel is held at the depot until the small fee is paid dear "
    keys = [f"{start}{word}" for word in WORDS]
    lonely = "shall we meet for lunch at the harbour tomorrow with my sister"
    assert _groups(tmp_path, [*keys[:5], lonely], keys[5:]) == {frozenset(keys)}


def test_many_that_share_a_start_cost_no_square(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    keys = [
        "good morning dear friend of mine " + "".join(rng.choice(list("bcdfghjk"), 40))
        for _ in range(400)
    ]
    compared = 0
    original = Space.agreements

    def counted(self: Space, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        nonlocal compared
        compared += len(one)
        return original(self, one, other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Space, "agreements", counted)
        assert _groups(tmp_path, keys) == set()
    assert compared < 16 * 64 * len(keys) / 2
