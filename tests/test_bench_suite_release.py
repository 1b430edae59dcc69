"""What is released as scamdetect-bench-1, and how a suite built here is told from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scamdetect.bench import suite as release
from scamdetect.bench.answers import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.changed import evasion, rewrite
from scamdetect.bench.suites.written import pairs, pairs_final

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parent.parent
_OWN = Material(None, _ROOT / "data" / "authored", lambda line: None)


@pytest.fixture(scope="module")
def released() -> Suite:
    return pairs(_OWN)


def _again(suite: Suite, rows: list[dict[str, object]]) -> Suite:
    manifest = suite.manifest
    licences = {**manifest.licences, "en_more": "MIT"}
    return make_suite(suite.name, 1, manifest.about, rows, licences, final=manifest.final)


def test_suites_of_own_messages_are_the_released_ones(released: Suite) -> None:
    for suite in (released, pairs_final(_OWN), evasion(_OWN), rewrite(_OWN)):
        assert release.knows(suite.name)
        assert release.check(suite) is None


def test_a_changed_row_is_told(released: Suite) -> None:
    rows = released.rows.to_pylist()
    rows[0]["text"] += "!"
    told = release.check(_again(released, rows))
    assert told is not None
    assert "suite pairs: sha256" in told
    assert "as many rows, 780, but different ones" in told
    assert "data/authored" in told


def test_missing_and_added_rows_are_told_by_source(released: Suite) -> None:
    rows = released.rows.to_pylist()
    more = rows[0] | {"id": "zz-1", "source": "en_more"}
    told = release.check(_again(released, [*rows[2:], more]))
    assert told is not None
    assert "779 rows instead of 780" in told
    assert "authored_ar 28 instead of 30" in told
    assert "en_more 1 instead of 0" in told


def test_the_cure_of_public_rows_is_another_build(released: Suite) -> None:
    other = make_suite(
        "human", 1, "", released.rows.to_pylist(), released.manifest.licences, final=False
    )
    told = release.check(other)
    assert told is not None
    assert "scamdetect data build" in told
    assert "more sources" in told


def test_suites_of_others_are_not_known(released: Suite) -> None:
    other = make_suite(
        "mine", 1, "", released.rows.to_pylist(), released.manifest.licences, final=False
    )
    assert not release.knows("mine")
    assert release.check(other) is None


def test_the_checksum_is_of_all_suites_in_order() -> None:
    found = release.manifests()
    assert tuple(found) == release.SUITES
    assert release.digest(found.values()) == release.sha256()
    assert release.digest(reversed(found.values())) != release.sha256()
    assert all(sum(one.verdicts.values()) == one.rows for one in found.values())
