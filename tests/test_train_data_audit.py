"""The audit of a corpus: counts, leaks, and how far texts betray their source."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_corpus
from hang import HANG

pytest.importorskip("rensa")

import scamdetect
from scamdetect.errors import InputError, SourceError
from scamdetect.reports.pages import between_markers
from scamdetect.train.data.audit import audit_corpus, guess_sources, real_scams
from scamdetect.train.data.audit_page import END, START, audit_page, summary_lines
from scamdetect.train.data.corpus_rows import Removed, read_removed

_ROOT = Path(scamdetect.__file__).resolve().parent.parent


def write(path: Path, rows: list[dict[str, object]], removed: Removed | None = None) -> Path:
    table = synthetic_corpus.table(rows)
    counts = [[source, step, n] for (source, step), n in (removed or Counter()).items()]
    metadata = (table.schema.metadata or {}) | {b"removed": str(counts).replace("'", '"').encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def unlike(number: int) -> str:
    words = "river lamp window tennis garden letter coffee winter bridge music paper doctor".split()
    return " ".join(random.Random(number).choices(words, k=12))


ROWS = [
    synthetic_corpus.row(1, "scam", role="train", norm=unlike(1)),
    synthetic_corpus.row(2, "legit", role="train", norm=unlike(2)),
    synthetic_corpus.row(3, "spam", role="train", norm=unlike(3), not_legit=True, reader=40),
    synthetic_corpus.row(4, "legit", role="dev", norm=unlike(4), source="held"),
    synthetic_corpus.row(5, "legit", role="dev", norm=unlike(2), source="held"),
    synthetic_corpus.row(6, "scam", role="dev", norm=unlike(6) + " [link host 2]", source="held"),
    synthetic_corpus.row(
        7, "scam", role="train", norm=unlike(7), source="authored_th", lang="th",
        verdict_provenance="authored", kinds_provenance="authored", kinds=["romance"],
    ),
]  # fmt: skip


def test_leaks_between_roles_and_sources_are_counted(tmp_path: Path) -> None:
    audit = audit_corpus(write(tmp_path / "c.parquet", ROWS))
    assert audit.role_leaks["dev", "train"] == (1, 1)
    assert audit.role_leaks["test", "train"] == (0, 0)
    assert audit.source_leaks == {("en_invented", "held"): 1}


def test_cells_kinds_and_readings_are_counted(tmp_path: Path) -> None:
    audit = audit_corpus(write(tmp_path / "c.parquet", ROWS))
    cells = {(cell.source, cell.label): cell for cell in audit.cells}
    assert cells["held", "legit"].roles == {"dev": 2} and cells["held", "scam"].links == 1.0
    assert cells["en_invented", "not legit"].roles == {"train": 1}
    assert audit.kinds == {("lottery", "source"): 1, ("romance", "authored"): 1}
    assert audit.provenance["scam", "authored"] == 1 and audit.read == 1


def test_the_page_shows_counts_and_no_text(tmp_path: Path) -> None:
    removed = Counter({("held", "exact repeats after masking"): 4})
    path = write(tmp_path / "c.parquet", ROWS, removed)
    assert read_removed(path) == removed
    page = audit_page(audit_corpus(path), ["lengths.png"], real_scams(path))
    assert "| held | 4 |" in page and "![lengths.png](lengths.png)" in page
    assert "- public sources: 6 rows, 2 sources, 1 languages" in page
    assert "| dev | train | 1 | 1 |" in page
    assert not any(word in page for word in ("tennis", "garden", "river"))


def test_sources_of_other_words_are_told_apart_and_equal_ones_are_not() -> None:
    texts = [f"alpha beta {unlike(n)}" for n in range(80)] + [f"gamma {n}" for n in range(80)]
    sources = ["a"] * 80 + ["b"] * 80
    (apart,) = guess_sources(texts, sources, ["en"] * 160, range(160))
    assert apart.accuracy > 0.95 and apart.chance == 0.5
    (alike,) = guess_sources([unlike(n) for n in range(160)], sources, ["en"] * 160, range(160))
    assert alike.accuracy < 0.75
    assert guess_sources(texts, ["a"] * 160, ["en"] * 160, range(160)) == []


def test_what_is_no_corpus_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    path.write_bytes(b"PAR1 half")
    with pytest.raises(SourceError, match=r"c\.parquet: not a corpus .*run: scamdetect data build"):
        audit_corpus(path)
    pq.write_table(pa.table({"text": ["x"]}), path)
    with pytest.raises(SourceError, match=r"c\.parquet: not a corpus"):
        audit_corpus(path)


def test_the_readme_gets_its_section(tmp_path: Path) -> None:
    audit = audit_corpus(write(tmp_path / "c.parquet", ROWS))
    page = between_markers(
        f"# Data\n{START}\nold\n{END}\nrest\n", START, END, summary_lines(audit), tmp_path
    )
    assert page.startswith(f"# Data\n{START}\n- public sources") and "old" not in page
    assert page.endswith(f"{END}\nrest\n")
    with pytest.raises(InputError, match="put the lines"):
        between_markers("# Data\n", START, END, [], tmp_path)


def test_plots_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from scamdetect.train.data.audit_plots import draw_plots

    audit = audit_corpus(write(tmp_path / "c.parquet", ROWS))
    for name in draw_plots(audit, tmp_path / "plots"):
        assert (tmp_path / "plots" / name).read_bytes().startswith(b"\x89PNG")


def test_the_command_writes_report_plots_and_readme(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write(tmp_path / "c.parquet", ROWS)
    (tmp_path / "README.md").write_text(f"# Data\n{START}\n{END}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "scamdetect.cli", "data", "audit", "--corpus", "c.parquet",
         "-o", "audit", "--readme", "README.md"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True, text=True, encoding="utf-8", timeout=HANG,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "audit" / "README.md").read_text(encoding="utf-8")
    assert all((tmp_path / "audit" / name).exists() for name in re.findall(r"\]\((.+?)\)", page))
    assert "rows judged by a blind reader: 1" in (tmp_path / "README.md").read_text("utf-8")


def test_real_scams_are_those_that_people_wrote(tmp_path: Path) -> None:
    rows = [
        synthetic_corpus.row(1, "scam", role="train", lang="fr"),
        synthetic_corpus.row(2, "scam", role="train", lang="fr", generated="a model"),
        synthetic_corpus.row(3, "scam", role="train", lang="fr", source="authored_fr"),
        synthetic_corpus.row(4, "scam", role="train", lang="fr", not_legit=True),
        synthetic_corpus.row(5, "scam", role="dev", lang="fr"),
        synthetic_corpus.row(6, "legit", role="train", lang="fr"),
    ]
    path = write(tmp_path / "c.parquet", rows)
    assert real_scams(path) == {"fr": 1}
    drawn = {"restyled": 0.35, "parity": 0.5, "auc": 0.61, "auc of public rows": 0.7}
    form = {"gate": 0.6, "draws": [drawn]}
    before = Counter({"de": 2})
    page = audit_page(audit_corpus(path), [], real_scams(path), before, form)
    assert (
        "| fr | 0 | 1 |" in page
        and "| de | 2 | 0 |" in page
        and "| 35% | 0.5 | 0.610 | 0.700 |" in page
    )
