"""The report folder and its page, through the command line."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluated import Evaluated
from synthetic_corpus import row, table

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from matplotlib import pyplot
from matplotlib.figure import Figure

from scamdetect.errors import InputError
from scamdetect.evaluate import baselines, plots
from scamdetect.evaluate.report import evaluate_bundle, prepare_folder

pytestmark = pytest.mark.slow


@pytest.fixture
def corpus_file(evaluated: Evaluated) -> Path:
    return evaluated.corpus


@pytest.fixture(scope="module")
def folder(evaluated: Evaluated) -> tuple[Path, Path]:
    """Return the results and the report folder that the command wrote."""
    return evaluated.results, evaluated.report


class _Record(dict[str, Any]):
    """A report as its JSON gives it back, read by attribute."""

    __getattr__ = dict.__getitem__


@pytest.fixture(scope="module")
def figures(folder: tuple[Path, Path]) -> Iterator[dict[str, Figure]]:
    """Return the plots of the report by name, laid out but not yet PNG bytes."""
    text = (folder[0] / "evaluate-scamdetect-tiny.json").read_text(encoding="utf-8")
    report = json.loads(text, object_hook=_Record)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plots, "png", lambda figure: figure)
        found = cast("dict[str, Figure]", plots.draw_plots(report))
    for figure in found.values():
        figure.draw_without_rendering()
    yield found
    for figure in found.values():
        pyplot.close(figure)


@pytest.mark.parametrize("name", ["languages", "kinds"])
def test_a_legend_covers_no_data_and_no_mark_hides_another(
    figures: dict[str, Figure], name: str
) -> None:
    figure = figures[name]
    assert figure.axes[0].get_legend() is None
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(figure.axes[0].get_tightbbox())
    marks = {line.get_marker(): line for line in figure.axes[0].lines}
    assert len(marks["D"].get_xdata())
    assert marks["D"].get_markerfacecolor() == "none"


def test_the_gates_plot_shows_both_lines_of_the_bar(figures: dict[str, Figure]) -> None:
    figure = figures["alarms"]
    axes = figure.axes[0]
    upright = {
        line.get_linestyle(): line.get_xdata()[0]
        for line in axes.lines
        if len(line.get_xdata()) == 2 and line.get_xdata()[0] == line.get_xdata()[1]
    }
    assert upright["--"] == 2 and upright[":"] == 4
    assert axes.get_xlim()[0] < 0
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(axes.get_tightbbox())
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["bar met", "bar missed", "too few rows"]


def test_the_page_is_one_file_that_loads_nothing(folder: tuple[Path, Path]) -> None:
    page = (folder[1] / "evaluate-scamdetect-tiny.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 8
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    for title in ("By left-out source", "Calibration", "Evasion", "Contamination audit"):
        assert title in page


def test_authored_promos_stand_beside_those_of_the_sources(folder: tuple[Path, Path]) -> None:
    markdown = (folder[0] / "evaluate-scamdetect-tiny.md").read_text(encoding="utf-8")
    assert "| authored dev | scamdetect-tiny | 1 | - | 0.0% [0.0, 79.3] |" in markdown


def test_kinds_are_calibrated_on_authored_rows(folder: tuple[Path, Path]) -> None:
    record = json.loads((folder[0] / "evaluate-scamdetect-tiny.json").read_text(encoding="utf-8"))
    found = [(one["name"], one["n_scam"], one["n_legit"]) for one in record["kind_reliability"]]
    assert found == [("investment", 25, 25), ("romance", 25, 25)]
    page = (folder[1] / "evaluate-scamdetect-tiny.html").read_text(encoding="utf-8")
    assert "Calibration of kinds" in page


def test_a_message_is_shown_and_not_run(folder: tuple[Path, Path]) -> None:
    page = (folder[1] / "evaluate-scamdetect-tiny.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(&#39;darling&#39;)&lt;/script&gt;" in page
    assert "<script" not in page and "<img src" not in page


def test_a_message_is_marked_with_its_language(folder: tuple[Path, Path]) -> None:
    page = (folder[1] / "evaluate-scamdetect-tiny.html").read_text(encoding="utf-8")
    assert '<td class="text" lang="vi" dir="auto">&lt;script&gt;' in page


def test_text_stands_on_the_page_alone_and_git_ignores_the_folder(
    folder: tuple[Path, Path],
) -> None:
    results, report = folder
    assert (report / ".gitignore").read_text(encoding="utf-8").splitlines()[1:] == ["*"]
    others = [path for path in (*results.rglob("*"), *report.rglob("*")) if path.is_file()]
    for path in others:
        if path.suffix == ".parquet":  # packed: its text would not show in its bytes
            columns = {"row", "scam", "flagged", "kinds", "language"}
            assert set(pq.read_schema(path).names) == columns
        elif path.suffix != ".html":
            assert b"alert(" not in path.read_bytes(), path
    assert {path.name for path in results.iterdir()} == {
        "evaluate-scamdetect-tiny.json", "evaluate-scamdetect-tiny.md",
    }  # fmt: skip


def test_a_final_page_shows_no_message(
    corpus_file: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    whole = pq.read_table(corpus_file)
    hidden = row(902, "scam", role="test", source="id_sms_spam", norm="a hidden test message")
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.concat_tables([whole, table([hidden])]), path)
    evaluate_bundle(
        tiny_bundle, path, tmp_path / "out", True, list[str]().append, report=tmp_path / "report"
    )
    page = (tmp_path / "report" / "evaluate-scamdetect-tiny-final.html").read_text("utf-8")
    assert "By left-out source" in page and "id_sms_spam" in page
    assert "hidden test message" not in page and "darling" not in page


def test_a_stopped_run_goes_on_with_the_scores_that_are_there(
    corpus_file: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    def run(lines: list[str]) -> None:
        evaluate_bundle(
            tiny_bundle, corpus_file, tmp_path / "out", False, lines.append,
            report=tmp_path / "report",
        )  # fmt: skip

    with monkeypatch.context() as patched:
        patched.setattr(baselines, "train_baseline", killed)
        with pytest.raises(KeyboardInterrupt):
            run([])
    assert len(list((tmp_path / "report" / "scores").iterdir())) == 1
    with monkeypatch.context() as patched:
        patched.setattr("scamdetect.evaluate.comparison.score_texts", killed)
        run([])
    assert (tmp_path / "report" / "evaluate-scamdetect-tiny.html").exists()


def test_folders_that_git_would_commit_are_refused(tmp_path: Path) -> None:
    results = tmp_path / "results"
    with pytest.raises(InputError, match="must not be committed"):
        prepare_folder(results / "page", results)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    tracked = tmp_path / "docs"
    tracked.mkdir()
    (tracked / "a.md").write_text("a", encoding="utf-8")
    subprocess.run(["git", "-C", str(tmp_path), "add", "docs/a.md"], check=True)
    with pytest.raises(InputError, match=r"docs contains files under version control"):
        prepare_folder(tracked, results)
    assert not (tracked / ".gitignore").exists()
    prepare_folder(tmp_path / "new", results)
    prepare_folder(tmp_path / "new", results)
    status = ["git", "-C", str(tmp_path), "status", "--porcelain"]
    assert "new" not in subprocess.run(status, capture_output=True, text=True).stdout


def test_a_file_or_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="is a file"):
        prepare_folder(tmp_path / "file", tmp_path / "results")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / ".gitignore").write_text("*\n", encoding="utf-8")
    with pytest.raises(InputError, match="files that a report did not write"):
        prepare_folder(tmp_path / "own", tmp_path / "results")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "draft.md").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="files that a report did not write"):
        prepare_folder(tmp_path / "work", tmp_path / "results")
    assert not (tmp_path / "work" / ".gitignore").exists()
