from __future__ import annotations

from collections import Counter

import pytest
from bench_rows import row, rows, suite

from scamdetect.bench.suite import limited
from scamdetect.errors import InputError


def test_a_small_suite_stays_as_it_is() -> None:
    whole = suite(rows(3, 3))
    assert limited(whole, 6) is whole


def test_a_part_is_even_over_verdicts_and_languages_and_always_the_same() -> None:
    whole = suite([*rows(40, 10), *(row(f"t{n}", "scam", lang="th") for n in range(40))])
    part = limited(whole, 12)
    cells = Counter(
        zip(*(part.rows[name].to_pylist() for name in ("verdict", "lang")), strict=True)
    )
    assert cells == {("scam", "en"): 4, ("legit", "en"): 4, ("scam", "th"): 4}
    assert limited(whole, 12).manifest == part.manifest != whole.manifest


def test_pairs_and_changed_copies_stay_whole() -> None:
    records = []
    for n in range(10):
        records += [
            row(f"{n}-a", "scam", pair=f"p{n}", group=f"p{n}"),
            row(f"{n}-b", "legit", pair=f"p{n}", group=f"p{n}"),
            row(f"{n}-a/leet", "scam", clean_id=f"{n}-a", change="leet", group=f"p{n}"),
        ]
    part = limited(suite(records), 7)
    assert part.rows.num_rows == 6
    assert set(Counter(part.rows["group"].to_pylist()).values()) == {3}
    with pytest.raises(InputError, match="--limit 2 .* at least 3"):
        limited(suite(records), 2)
