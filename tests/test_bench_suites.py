"""The suites of the box, from small invented corpora."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented_authored import SCAM, pair_of
from invented_authored import row as authored
from synthetic_corpus import row, table

from scamdetect.bench.answers import Material
from scamdetect.bench.suite import Suite
from scamdetect.bench.suites.calibrate import calibrate, mix_weights
from scamdetect.bench.suites.changed import PER_LANGUAGE, evasion
from scamdetect.bench.suites.rows import LICENCES
from scamdetect.bench.suites.written import (
    DEV,
    FINAL_SOURCES,
    SOURCES,
    TEST,
    capped,
    human,
    human_final,
    llm,
    llm_final,
    pairs,
    pairs_final,
)
from scamdetect.errors import InputError
from scamdetect.train.data.authored import AuthoredRow, write_rows
from scamdetect.train.data.corpus_rows import authored_entries, corpus_table
from scamdetect.train.data.registry import load_registry

_ROOT = Path(__file__).resolve().parent.parent
_SUITES = (human, human_final, llm, llm_final, pairs, pairs_final, evasion)
_FINAL = {"human-final", "llm-final", "pairs-final"}

CorpusRow = dict[str, Any]


def _corpus() -> list[CorpusRow]:
    """Return rows of every source of the suites, and of one that is in none."""
    rows = []
    for place, source in enumerate(["en_other", *DEV, *TEST, *SOURCES, *FINAL_SOURCES]):
        if source in DEV and source in SOURCES:
            continue
        role = "dev" if source in DEV else "test" if source in (*TEST, *FINAL_SOURCES) else "train"
        written = None if role == "dev" or source in TEST else "llm"
        for number in range(100 * place, 100 * place + 4):
            for verdict in ("legit", "scam"):
                rows.append(row(number, verdict, source=source, role=role, generated=written))
    mixed = "ko_korccvi_vishing"
    rows += [row(9000 + n, "legit", source=mixed, generated="llm") for n in range(3)]
    rows += [row(9100 + n, "scam", source=mixed) for n in range(3)]
    rows += [row(9200 + n, "scam", source="pest_human_vs_llm_email", role="train") for n in (1, 2)]
    rows.append(row(9300, "scam", source="vi_sms_ie403", not_legit=True))
    return rows


def _own() -> list[AuthoredRow]:
    rows = []
    for place, part in enumerate(("train", "calibrate", "dev", "final")):
        first = 1 + 100 * place
        for number in range(first, first + 24, 2):
            texts = (f"wire {number} coins to me", f"coins fell {number} again")
            for one, text in zip(pair_of(number, part=part), texts, strict=True):
                rows.append(authored(int(one.id[3:]), **_fields(one), text=text))
        rows.append(authored(first + 50, part=part, text=f"Lunch near bridge {first}?"))
        rows.append(authored(first + 51, part=part, text=f"Profit {first} is sure", **SCAM))
    return rows


def _fields(one: AuthoredRow) -> dict[str, Any]:
    return {
        name: getattr(one, name) for name in ("part", "verdict", "slice", "kinds", "cell", "pair")
    }


def _write(folder: Path, rows: Iterable[CorpusRow]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "corpus.parquet"
    pq.write_table(table(rows), path)
    return path


def _material(corpus: Path | None, own: Path | None) -> Material:
    return Material(corpus, own, lambda line: None)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authored")
    write_rows(folder / "en.jsonl", _own())
    return folder


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory, own: Path) -> Material:
    return _material(_write(tmp_path_factory.mktemp("corpus"), _corpus()), own)


def _counts(suite: Suite, *columns: str) -> Counter[tuple[Any, ...]]:
    return Counter(zip(*(suite.rows[name].to_pylist() for name in columns), strict=True))


@pytest.mark.parametrize("make", _SUITES)
def test_only_suites_of_test_rows_are_final(
    make: Callable[[Material], Suite], material: Material
) -> None:
    suite = make(material)
    assert suite.manifest.final == (suite.name in _FINAL)
    assert ("test" in set(suite.rows["part"].to_pylist())) == suite.manifest.final
    assert all(suite.rows["text"].to_pylist())
    assert None not in suite.rows["group"].to_pylist()


def test_people_wrote_the_human_suites(material: Material) -> None:
    for suite, sources in ((human(material), DEV), (human_final(material), TEST)):
        assert set(suite.manifest.generators) == {"people"}
        assert set(suite.manifest.sources) == set(sources)


def test_rows_with_an_open_verdict_are_in_no_suite(material: Material) -> None:
    (opened,) = [one["row_hash"] for one in _corpus() if one["not_legit"]]
    assert opened not in human(material).rows["id"].to_pylist()


def test_model_written_rows_stand_beside_the_people_they_rewrote(material: Material) -> None:
    found = _counts(llm(material), "source", "generator", "verdict")
    assert found["ko_korccvi_vishing", "ko_korccvi_vishing-llm", "legit"] == 3
    assert not [key for key in found if key[0] == "ko_korccvi_vishing" and key[2] == "scam"]
    assert found["pest_human_vs_llm_email", None, "scam"] == 2
    assert found["ccr_zh_calls", "antifraud-agents", "scam"] == 4
    assert found["authored_en", "a tester", "scam"] == 13
    assert {key[0] for key in _counts(llm_final(material), "source")} == {
        "authored_en",
        *FINAL_SOURCES,
    }


@pytest.mark.parametrize(
    ("provenance", "kinds"),
    [("rule", None), (None, None), ("source", ["lottery"]), ("read", ["lottery"])],
)
def test_kinds_that_a_rule_guessed_are_not_known(
    tmp_path: Path, own: Path, provenance: str | None, kinds: list[str] | None
) -> None:
    rows = [one | {"kinds_provenance": provenance} for one in _corpus()]
    suite = human(_material(_write(tmp_path, rows), own))
    scams = [one for one in suite.rows.to_pylist() if one["verdict"] == "scam"]
    assert [one["kinds"] for one in scams] == [kinds] * len(scams)


@pytest.mark.parametrize(
    ("make", "source"),
    [(human, "vi_sms_ie403"), (llm, "ccr_zh_calls"), (llm_final, "fraud_r1_base")],
)
def test_a_missing_source_is_named_with_the_cure(
    tmp_path: Path, own: Path, make: Callable[[Material], Suite], source: str
) -> None:
    corpus = _write(tmp_path, [one for one in _corpus() if one["source"] != source])
    with pytest.raises(InputError, match=f"no row of {source}; run: .*fetch --only {source}"):
        make(_material(corpus, own))


def test_what_is_missing_is_named_with_the_cure(material: Material) -> None:
    with pytest.raises(InputError, match="scamdetect data build"):
        human(_material(None, material.authored))
    for make in (llm, pairs, pairs_final, evasion, calibrate):
        with pytest.raises(InputError, match="--authored"):
            make(_material(None if make is calibrate else material.corpus, None))


def test_a_corpus_of_another_normaliser_is_refused(tmp_path: Path, own: Path) -> None:
    path = tmp_path / "corpus.parquet"
    pq.write_table(table(_corpus()).replace_schema_metadata({"normaliser_version": "0"}), path)
    with pytest.raises(InputError, match="built with normaliser 0"):
        human(_material(path, own))


@pytest.mark.parametrize("make", [human, llm, calibrate])
def test_another_numbering_and_order_of_the_corpus_change_nothing(
    tmp_path: Path, own: Path, make: Callable[[Material], Suite]
) -> None:
    rows = [
        one | {"group": one["group"] // 2, "role": _calibrating(one, make)} for one in _corpus()
    ]
    again = [one | {"group": 70_000 - 3 * one["group"]} for one in reversed(rows)]
    first = make(_material(_write(tmp_path / "a", rows), own))
    second = make(_material(_write(tmp_path / "b", again), own))
    assert first.manifest == second.manifest
    assert len(set(first.rows["group"].to_pylist())) < first.rows.num_rows


def _calibrating(one: CorpusRow, make: Callable[[Material], Suite]) -> str:
    return "calibrate" if make is calibrate else one["role"]


def test_a_changed_row_changes_the_checksum(tmp_path: Path, material: Material, own: Path) -> None:
    rows = _corpus()
    place = next(n for n, one in enumerate(rows) if one["source"] == "vi_sms_ie403")
    rows[place] |= {"input": rows[place]["input"] + "!"}
    changed = human(_material(_write(tmp_path, rows), own))
    assert changed.manifest.sha256 != human(material).manifest.sha256
    assert changed.manifest.rows == human(material).manifest.rows


_MEMBER = st.tuples(st.integers(0, 12), st.sampled_from(["scam", "legit"]), st.sampled_from("ab"))


@given(st.lists(_MEMBER, max_size=60), st.integers(1, 8))
def test_a_cap_keeps_the_parts_of_groups_whole(
    members: list[tuple[int, str, str]], limit: int
) -> None:
    rows = [
        {"id": f"{number:03d}", "group": str(group), "verdict": verdict, "source": source,
         "generator": None}
        for number, (group, verdict, source) in enumerate(members)
    ]  # fmt: skip
    taken = capped(rows, limit)
    cells = Counter((one["verdict"], one["source"]) for one in taken)
    assert all(n <= limit for n in cells.values())
    # Groups are known by number here, and by name in what was taken.
    ids = {one["id"] for one in taken}
    parts: dict[tuple[str, ...], set[str]] = {}
    for one in rows:
        parts.setdefault((one["group"], one["verdict"], one["source"]), set()).add(one["id"])
    assert all(part <= ids or not part & ids for part in parts.values())
    sizes = Counter((one["verdict"], one["source"]) for one in rows)
    assert all(cells[cell] == n for cell, n in sizes.items() if n <= limit)


def test_only_whole_pairs_are_pairs(tmp_path: Path) -> None:
    rows = [*pair_of(1, part="dev"), authored(3, part="dev", text="alone at the jeweller")]
    scam, legit = (authored(n, **_fields(one), text=f"{n} coins")
                   for n, one in ((1, rows[0]), (2, rows[1])))  # fmt: skip
    write_rows(tmp_path / "en.jsonl", [scam, legit, rows[2]])
    suite = pairs(_material(None, tmp_path))
    assert suite.rows["id"].to_pylist() == ["en-0001", "en-0002"]
    assert (
        set(suite.rows["group"].to_pylist()) == set(suite.rows["pair"].to_pylist()) == {"en-p0001"}
    )
    with pytest.raises(InputError, match="pairs-final: has no rows"):
        pairs_final(_material(None, tmp_path))


def test_disguised_copies_go_back_to_their_clean_rows(material: Material) -> None:
    suite = evasion(material)
    rows = {one["id"]: one for one in suite.rows.to_pylist()}
    clean = [one for one in rows.values() if one["clean_id"] is None]
    assert Counter(one["verdict"] for one in clean) == {
        "scam": PER_LANGUAGE, "legit": PER_LANGUAGE
    }  # fmt: skip
    copies = [one for one in rows.values() if one["clean_id"] is not None]
    assert {one["strength"] for one in copies} == {"none", "light", "medium", "heavy"}
    for one in copies:
        first = rows[one["clean_id"]]
        assert one["id"] == f"{first['id']}/{one['change']}/{one['strength']}"
        assert one["text"] != first["text"]
        assert {n: one[n] for n in ("verdict", "kinds", "lang", "generator", "group")} == {
            n: first[n] for n in ("verdict", "kinds", "lang", "generator", "group")
        }


def test_thresholds_are_set_on_calibrate_rows_with_own_ids(tmp_path: Path, own: Path) -> None:
    public = [row(n, "legit", role="calibrate", source="en_calm") for n in range(12)]
    both = pa.concat_tables([table(public), corpus_table(authored_entries(own))])
    pq.write_table(both, tmp_path / "corpus.parquet")
    suite = calibrate(_material(tmp_path / "corpus.parquet", own))
    assert set(suite.rows["part"].to_pylist()) == {"calibrate"}
    written = [one.id for one in _own() if one.part == "calibrate"]
    assert set(suite.rows["id"].to_pylist()) == {*written, *(one["row_hash"] for one in public)}
    assert suite.manifest.licences == {"authored_en": "CC-BY-4.0", "en_calm": "permissive"}
    alone = calibrate(_material(None, own))
    assert alone.rows["id"].to_pylist() == sorted(written)
    assert "missing" in alone.manifest.about


def test_a_corpus_of_other_authored_messages_cannot_set_thresholds(
    tmp_path: Path, own: Path
) -> None:
    pq.write_table(corpus_table(authored_entries(own)), tmp_path / "corpus.parquet")
    write_rows(tmp_path / "other" / "en.jsonl", [authored(1, part="calibrate", text="tea at six")])
    with pytest.raises(InputError, match="26 of the project's own messages"):
        calibrate(_material(tmp_path / "corpus.parquet", tmp_path / "other"))


def test_cells_of_the_mix_weigh_the_same(own: Path) -> None:
    suite = calibrate(_material(None, own))
    weights = mix_weights(suite.rows)
    assert weights.shape == (suite.rows.num_rows,)
    assert np.all(weights > 0)
    assert weights.mean() == pytest.approx(1)


def test_licences_are_those_of_the_registry() -> None:
    registry = load_registry(_ROOT / "data" / "sources")
    assert {source: registry[source].licence for source in LICENCES} == LICENCES
