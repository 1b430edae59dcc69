"""The workshop's commands: cards to parts, and blind readings drawn, answered and merged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
import synthetic_corpus
from click.testing import CliRunner
from hang import HANG
from invented_authored import SCAM, row

pytest.importorskip("sklearn")
pytest.importorskip("rensa")

import scamdetect
from data.workshop.__main__ import workshop
from data.workshop.reading import read_keys
from scamdetect.train.data.authored import load_authored, write_rows
from scamdetect.train.data.corrections import read_corrections

pytestmark = pytest.mark.slow

_ROOT = Path(scamdetect.__file__).resolve().parent.parent
_SCAM = {**SCAM, "part": "train"}


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data.workshop", *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True, text=True, encoding="utf-8", timeout=HANG,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a small corpus and authored rows."""
    rows = [synthetic_corpus.row(n, v, role="train") for n in range(30) for v in ("legit", "scam")]
    rows += [synthetic_corpus.row(n, "spam", role="train", not_legit=True) for n in range(100, 110)]
    pq.write_table(synthetic_corpus.table(rows), tmp_path / "corpus.parquet")
    own = [row(n, text=f"gold cost me {n} shillings at the jeweller") for n in range(1, 7)]
    own += [row(n, **_SCAM, text=f"our teacher doubles {n} coins a day") for n in range(7, 13)]
    write_rows(tmp_path / "data" / "authored" / "en.jsonl", own)
    return tmp_path


def _answer_all(folder: Path, wrong: str = "") -> None:
    (folder / "answers").mkdir()
    lines: dict[str, list[str]] = {}
    for key in read_keys(folder):
        scam = (key.old in ("scam", "open")) != (key.id == wrong)
        line = (
            f"{key.number} | scam | 95 | job | x" if scam else f"{key.number} | legit | 5 | - | x"
        )
        lines.setdefault(key.batch, []).append(line)
    for batch, of_batch in lines.items():
        path = folder / "answers" / f"{batch}.r1.txt"
        path.write_text("\n".join(of_batch) + "\n", encoding="utf-8")


def test_public_rows_are_drawn_answered_and_corrected(folder: Path) -> None:
    drawn = _run(
        folder, "reading-draw", "read", "--corpus", "corpus.parquet", "--rows", "20", "--twice",
        "5", "--batch", "12", "--name", "some", "--sources", str(_ROOT / "data" / "sources"),
    )  # fmt: skip
    assert drawn.returncode == 0, drawn.stderr
    assert "4 batches, some-001 to some-twice-001" in drawn.stdout
    _answer_all(folder / "read")
    merged = _run(
        folder, "reading-merge", "read", "--corpus", "corpus.parquet", "--report", "report.md"
    )
    assert merged.returncode == 0, merged.stderr
    corrections = read_corrections(folder / "data" / "corrections", "en_invented")
    assert len(corrections) == 20
    assert {one.new.value for one in corrections if one.old == "open"} == {"scam"}
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "known answers found: 12 of 12" in report and "read twice: 5, equal" not in report
    text = (folder / "data" / "corrections" / "en_invented.csv").read_text(encoding="utf-8")
    assert "bridge" not in text and "discount" not in text


def test_authored_rows_get_a_reader_and_a_difference_fails_the_command(folder: Path) -> None:
    drawn = _run(folder, "reading-draw", "read", "--name", "own", "--batch", "10")
    assert drawn.returncode == 0, drawn.stderr
    _answer_all(folder / "read", wrong="en-0011")
    merged = _run(folder, "reading-merge", "read")
    assert merged.returncode == 1
    assert "en-0011: writer scam, reader legit 5" in merged.stdout
    readers = {one.id: one.reader for one in load_authored(folder / "data" / "authored")}
    assert readers["en-0001"] == 5 and readers["en-0007"] == 95 and readers["en-0011"] == 5


def test_answers_with_a_mistake_are_named_and_nothing_is_written(folder: Path) -> None:
    _run(folder, "reading-draw", "read", "--name", "own", "--batch", "10")
    _answer_all(folder / "read")
    path = next((folder / "read" / "answers").iterdir())
    path.write_text(path.read_text(encoding="utf-8").replace("| 95 |", "| 30 |"), encoding="utf-8")
    merged = _run(folder, "reading-merge", "read")
    assert merged.returncode == 2
    assert f"{path.name}:" in merged.stderr and "scam is 50 and over" in merged.stderr
    assert all(one.reader is None for one in load_authored(folder / "data" / "authored"))


def test_the_commands_from_cards_to_parts(tmp_path: Path) -> None:
    def run(*arguments: str | Path) -> tuple[int, str]:
        done = CliRunner().invoke(workshop, [str(argument) for argument in arguments])
        return done.exit_code, done.output

    tables = Path(__file__).parent.parent / "data" / "cards"
    options = ("--rows", "3", "--seed", "1", "--tables", tables)
    code, drawn = run("cards", "en", *options)
    assert code == 0
    assert run("cards", "en", *options, "--brief")[1].count("\n") == 3
    cards, texts, own = tmp_path / "en.jsonl", tmp_path / "en.txt", tmp_path / "own"
    cards.write_text(drawn, encoding="utf-8")
    ids = [msgspec.json.decode(line)["id"] for line in drawn.splitlines()]
    texts.write_text("".join(f"## {one}\n{one[-1] * 3} lamp {one}\n" for one in ids))
    merged = ("merge", cards, texts, "-o", own / "en.jsonl", "--writer", "claude")
    code, shown = run(*merged)
    assert code == 0
    assert "differs from its card" in shown and "3 rows; 0 cards have no text yet" in shown
    code, shown = run("parts", own)
    assert code == 0 and "train" in shown
    code, shown = run("check", own, "--by", "cell-part")
    assert code == 0
    assert "total" in shown and "openings" in shown
    texts.write_text(f"## {ids[0]}\nat evil.com\n")
    code, shown = run(*merged)
    assert code == 1 and "not written" in shown
    (own / "en.jsonl").write_text("{}\n")
    code, shown = run("check", own)
    assert code == 1 and "en.jsonl:1: malformed row" in shown
