from __future__ import annotations

from dataclasses import asdict

import pytest
from bench_rows import LICENCES, row, rows, suite

from scamdetect.bench.suite import Manifest, make_suite
from scamdetect.errors import InputError
from scamdetect.train.typed import of_json


def test_rows_come_in_the_order_of_their_ids_and_are_counted() -> None:
    made = suite([row("b", "legit", generator="writer"), row("a", "scam", lang="th")])
    assert made.rows["id"].to_pylist() == ["a", "b"]
    manifest = made.manifest
    assert manifest.verdicts == {"legit": 1, "scam": 1}
    assert manifest.languages == {"en": 1, "th": 1}
    assert manifest.generators == {"people": 1, "writer": 1}
    assert manifest.kinds == {"investment": 1}
    assert manifest.licences == {"invented": "CC-BY-4.0"}
    assert of_json(asdict(manifest), Manifest) == manifest


def test_the_hash_is_of_the_rows_alone() -> None:
    records = rows(2, 2)
    digest = suite(records).manifest.sha256
    assert suite(reversed(records), "another name").manifest.sha256 == digest
    changed = [records[0] | {"text": "another"}, *records[1:]]
    assert suite(changed).manifest.sha256 != digest


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "no row"),
        ([row("a", "scam"), row("a", "legit")], "two rows have the id a"),
        ([row("a", "scam", source="unknown")], "licence .* source unknown"),
        ([row("a", "scam", clean_id="b", change="x")], "row a is a changed copy"),
        ([row("a", "scam"), row("b", "scam", clean_id="a")], "row b is a changed copy"),
        ([row("a", "scam"), row("b", "scam", group=None)], "row b has no group"),
        ([row("a", "scam", text=None)], "row a has no text"),
        ([row("a", "scam") | {"verdict": "ham"}], "'ham' is not one of legit, spam, scam"),
        ([row("a", "scam", kinds=["lies"])], "'lies' is not one of"),
    ],
)
def test_rows_that_make_no_suite_are_refused(records: list, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_suite("bad", 1, "about", records, LICENCES, final=False)
