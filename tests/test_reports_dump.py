"""The report of a scored dump: its page, its command, and what it says of odd files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import command
from tiny_bundle import write_tiny_bundle

pytest.importorskip("jinja2")

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.errors import InputError
from scamdetect.reports import dump_campaigns
from scamdetect.reports.dump import write_report
from scamdetect.scored.groups import write_groups

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> guaranteed bitcoin profit"
_LURE = "guaranteed bitcoin profit today, write to anna{}@mail.example, dear {}"


def write_dump(path: Path, *more: str) -> Path:
    """Write a CSV of some lures that are alike, and of others."""
    texts = [_LURE.format(n, name) for n, name in enumerate(("Ann", "Bob", "Kim"))]
    texts += [HOSTILE] * 2 + ["lunch tomorrow, thanks", "обед", "", *more]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "sent_at", "text"])
        rows.writerows([n, f"2026-03-{n + 1:02}", text] for n, text in enumerate(texts))
    return path


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, detector: ScamDetector) -> Path:
    folder = tmp_path_factory.mktemp("scored")
    return score_file(write_dump(folder / "in.csv"), detector=detector).destination


def page(path: Path, **options: object) -> str:
    target = path.parent / "page.html"
    write_report(path, target, **options)  # type: ignore[arg-type]
    return target.read_text(encoding="utf-8")


def words(html: str) -> str:
    """Return what a person reads of a page, in one line."""
    body = html.partition("<body>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_the_command_writes_a_page_beside_the_file(scored: Path, tiny_bundle: Path) -> None:
    done = command(scored.parent, "report", scored.name, "--model", tiny_bundle, "--title", "A & B")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "written to in.report.html",
        f"next: scamdetect queue {scored.name}",
    ]
    html = (scored.parent / "in.report.html").read_text(encoding="utf-8")
    assert "<title>A &amp; B</title>" in html
    read = words(html)
    assert "flagged 5 62.5 %" in read and "unscored 1 12.5 %" in read
    assert (
        "Campaign 1 3 messages 60.0 % of the flagged messages, in 3 wordings; 2026-03-01 to "
        "2026-03-03" in read
    )
    assert "passed 2 25.0 % no scam recognised" in read
    assert "From the column “sent_at”, found by its name." in read
    assert "At most 5 of 1,000 honest messages were flagged by mistake." in read
    assert "Measured on 500 honest messages" in read
    assert "scam probability 0.900 or higher" in read
    assert "Kinds of the flagged messages" in read and "investment 5" in read
    assert re.search(r"Day messages flagged share flagged to review verdict \w+ .*investment", read)
    assert "scamdetect-tiny@0.0.1+" in read and "A tiny bundle for tests" in read
    assert len(html) < 500_000
    again = command(scored.parent, "report", scored.name, "--no-samples")
    assert again.returncode == 0, "an earlier report is replaced"


def test_the_page_loads_nothing_and_runs_nothing(scored: Path, tiny_bundle: Path) -> None:
    html = page(scored, model=tiny_bundle)
    assert "&lt;script&gt;alert([number])&lt;/script&gt;" in html
    assert not re.search(r"<(script|img|link|iframe|object|form|base)\b", html)
    assert not re.search(r'\b(src|href)="(?!#)', html) and "url(" not in html
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html


def test_samples_are_masked_and_marked(scored: Path, tiny_bundle: Path) -> None:
    html = page(scored, model=tiny_bundle)
    assert "anna" not in html and "[email]" in html
    assert "This page shows people’s messages." in html
    assert re.search(r'<blockquote dir="auto" lang="en"><mark class="s2">guaranteed', html)


def test_a_table_names_its_headers_and_a_plot_says_what_it_shows(
    scored: Path, tiny_bundle: Path
) -> None:
    html = page(scored, model=tiny_bundle)
    assert all('scope="' in cell for cell in re.findall(r"<th\b[^>]*>", html))
    plots = re.findall(r'<(?:svg|div)\b[^>]*class="(?:bar|plot)[^>]*>', html)
    assert len(plots) > 5
    assert all('role="img"' in plot and 'aria-label="' in plot for plot in plots)
    inner = re.findall(r"<svg\b[^>]*>", html)
    assert all("aria-" in svg for svg in inner)


def test_formats_give_the_same_page(
    tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    write_dump(tmp_path / "in.csv")
    pages = set()
    for extension in ("csv", "tsv", "jsonl", "parquet"):
        target = tmp_path / f"out.{extension}"
        score_file(tmp_path / "in.csv", target, detector=detector)
        html = page(target, model=tiny_bundle, made=date(2026, 4, 1))
        pages.add(html.replace(target.name, "out"))
    assert len(pages) == 1


def test_without_samples_no_text_is_shown_and_no_model_loaded(
    scored: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*arguments: object) -> ScamDetector:
        pytest.fail("a model was loaded")

    monkeypatch.setattr(dump_campaigns.ScamDetector, "load", load)
    html = page(scored, model=tiny_bundle, samples=False)
    assert "bitcoin" not in html and "Campaign 1" in words(html)
    assert "(--no-samples)" in html and "row 1" in html
    assert "This page shows no message text. It loads nothing" in html


def test_without_a_text_column_there_is_no_campaign(
    tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    source = write_dump(tmp_path / "in.csv")
    done = score_file(source, detector=detector, columns=["id"])
    read = words(page(done.destination, model=tiny_bundle))
    assert "The file has no text column" in read and "Campaign 1" not in read
    assert "The file has no column with a usual name for times" in read
    assert "flagged 5" in read and "No two flagged" not in read
    assert "row 1" not in read


def test_campaigns_are_of_several_flagged_messages(tmp_path: Path, detector: ScamDetector) -> None:
    source = tmp_path / "in.txt"
    source.write_text("guaranteed profit\n" + "hello lunch\n" * 3, encoding="utf-8")
    read = words(page(score_file(source, detector=detector).destination))
    assert "flagged 1" in read
    assert "No two flagged messages are alike." in read and "Campaign 1" not in read


def test_another_bundle_is_refused_and_none_at_hand_is_told(scored: Path, tmp_path: Path) -> None:
    read = words(page(scored))
    assert "That model is not available here" in read and "by mistake" not in read
    assert "so nothing is marked" in read and "<mark" not in page(scored)
    other = write_tiny_bundle(tmp_path / "other", version="9")
    with pytest.raises(InputError, match=r"was scored by scamdetect-tiny@0\.0\.1\+\w+, and "):
        page(scored, model=other)


def test_two_models_in_one_file_are_told(scored: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    text = scored.read_text(encoding="utf-8")
    rows = text.splitlines(keepends=True)
    other = re.sub(r"scamdetect-tiny@[^,]*", "old@1+ab", rows[1])
    (tmp_path / "mixed.csv").write_text(text + other, encoding="utf-8")
    read = words(page(tmp_path / "mixed.csv", model=tiny_bundle))
    assert "Several models scored this file: scamdetect-tiny@" in read and "and old@1+ab." in read
    assert "old@1+ab (1 message)" in read


def test_flagged_rows_alone_and_none_at_all(
    tmp_path: Path, tiny_bundle: Path, detector: ScamDetector, scored: Path
) -> None:
    source = write_dump(tmp_path / "in.csv")
    done = score_file(source, detector=detector, only_flagged=True)
    read = words(page(done.destination, model=tiny_bundle))
    assert "This file has only flagged messages" in read
    assert "of 1,000 honest messages" in read and "If nearly all of the" not in read
    assert "If nearly all of the 7 scored messages here" in words(page(scored, model=tiny_bundle))
    (tmp_path / "calm.csv").write_text("text\nlunch\nthanks, tomorrow\n", encoding="utf-8")
    done = score_file(tmp_path / "calm.csv", detector=detector)
    read = words(page(done.destination))
    assert read.count("No message was flagged.") == 2


def test_schema_versions_and_broken_rows_are_told(tmp_path: Path) -> None:
    header = "text,scamdetect_decision,scamdetect_scam_probability,scamdetect_schema_version\n"
    old = tmp_path / "old.csv"
    old.write_text(header + "hi,pass,0.1,\nhi,pass,0.2,0\nhi,perhaps,0.2,1\n", encoding="utf-8")
    read = words(page(old))
    assert "Some rows do not have the schema version 1" in read
    assert "1 row could not be read" in read
    assert "scored by a model that the file does not name" in read
    new = tmp_path / "new.csv"
    new.write_text(header + "hi,pass,0.1,99\n", encoding="utf-8")
    with pytest.raises(InputError, match="schema version 99"):
        page(new)


def test_names_that_turn_text_around_are_shown_as_codes(tmp_path: Path, scored: Path) -> None:
    path = tmp_path / "a\u202egpj<b>.csv"
    path.write_bytes(scored.read_bytes())
    html = page(path)
    assert "\u202e" not in html and "a⟨U+202E⟩gpj&lt;b&gt;.csv" in html


def test_right_to_left_text_is_isolated(tmp_path: Path) -> None:
    rows = {
        "text": ["اربح المال مضمون اليوم"] * 2,
        "scamdetect_decision": ["flag"] * 2,
        "scamdetect_scam_probability": [0.95] * 2,
        "scamdetect_language": ["ar"] * 2,
    }
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    html = page(tmp_path / "a.parquet")
    assert '<blockquote dir="auto" lang="ar">اربح' in html


def test_texts_in_a_nested_column_are_found(
    tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    rows = [{"m": {"body": _LURE.format(n, "x"), "at": 1772582400}} for n in range(3)]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = score_file(source, detector=detector, text_column="m.body").destination
    read = words(page(path, text_column="m.body", time_column="m.at", model=tiny_bundle))
    assert "Campaign 1 3 messages" in read and "4 Mar 2026" in read


def test_the_folder_that_one_is_in_is_read(scored: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts.2026"
    folder.mkdir()
    (folder / "part-0.csv").write_bytes(scored.read_bytes())
    done = command(folder, "report", ".", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "parts.2026.report.html").read_text(encoding="utf-8")
    assert "<title>Scam report: parts.2026</title>" in html


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_groups_beside_the_file_are_shown(
    tmp_path: Path, detector: ScamDetector, extension: str
) -> None:
    senders = ["<b>", "<b>", "\u202eevil", "calm"]
    texts = [_LURE, _LURE, HOSTILE, "lunch"]
    lines = [json.dumps({"who": w, "text": t}) for w, t in zip(senders, texts, strict=True)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    target = tmp_path / f"out.{extension}"
    score_file(tmp_path / "in.jsonl", target, detector=detector)
    write_groups(target, by="who", source=tmp_path / "in.jsonl")
    html = page(target)
    read = words(html)
    assert "&lt;b&gt; 2 2 100 % 0.9" in read and "⟨U+202E⟩evil 1 1 100 %" in read
    assert "crypto 2, investment 2" in read and "calm" not in read
    hidden = words(page(target, samples=False))
    assert "This page shows no message text, but names groups" in hidden
    assert f"from out.groups.{extension} next to" in read


@pytest.mark.parametrize("delimiter", [";", "|", "\t", "^", "§"])
def test_groups_are_parted_as_the_source_is(
    tmp_path: Path, detector: ScamDetector, delimiter: str
) -> None:
    rows = [("who", "text"), ("Ann", "guaranteed bitcoin profit"), ("Bob", "lunch")]
    text = "".join(f"{delimiter.join(row)}\n" for row in rows)
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    done = score_file(tmp_path / "in.csv", detector=detector, delimiter=delimiter)
    write_groups(done.destination, by="who")
    assert "Ann 1 1 100 % 0.9" in words(page(done.destination))


def test_groups_of_another_run_are_left_out(tmp_path: Path, detector: ScamDetector) -> None:
    header, rows = "who,text\n", ["Ann,guaranteed bitcoin profit\n", "Bob,lunch\n"]
    source, target = tmp_path / "in.csv", tmp_path / "in.scored.csv"
    groups = tmp_path / "in.scored.groups.csv"
    source.write_text(header + "".join(rows), encoding="utf-8")
    score_file(source, detector=detector)
    write_groups(target, by="who")
    stale = groups.read_bytes()
    for more in (["Bob,thanks\n"], ["Bob,guaranteed bitcoin profit\n"], [rows[0]]):
        source.write_text(header + "".join([*rows, *more]), encoding="utf-8")
        score_file(source, target, detector=detector, overwrite=True)
        groups.write_bytes(stale)
        read = words(page(target))
        assert "in.scored.groups.csv does not belong to this file" in read
        assert "It counts 2 messages, 1 of them flagged; the scored file has 3 and" in read
        assert "Groups with the most" not in read


def test_damaged_groups_are_left_out(tmp_path: Path, detector: ScamDetector) -> None:
    source = write_dump(tmp_path / "in.csv")
    path = tmp_path / "out.parquet"
    score_file(source, path, detector=detector)
    write_groups(path, by="id")
    groups = tmp_path / "out.groups.parquet"
    groups.write_bytes(groups.read_bytes()[:-9])
    read = words(page(path))
    assert "The file of groups next to the scored file cannot be read" in read
    assert "Groups with the most" not in read
    score_file(source, tmp_path / "out.jsonl", detector=detector)
    write_groups(tmp_path / "out.jsonl", by="id")
    groups = tmp_path / "out.groups.jsonl"
    broken = groups.read_text(encoding="utf-8").replace('"messages": 1', '"messages": 1e999', 1)
    for text in (broken, broken + "{}\n", broken + "no json\n"):
        groups.write_text(text, encoding="utf-8")
        assert "out.groups.jsonl does not belong to this file" in words(
            page(tmp_path / "out.jsonl")
        )


def test_groups_keep_times_and_names_that_python_has_no_value_for(
    tmp_path: Path, detector: ScamDetector
) -> None:
    columns = {
        "who": pa.array([b"\xe9", b"\xe9"]).view(pa.string()),
        "time": pa.array([1772582400_123456789, 1772582401_123456789], pa.timestamp("ns")),
        "text": ["guaranteed bitcoin profit"] * 2,
    }
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    for by in ("who", "time"):
        target = tmp_path / f"by_{by}.parquet"
        score_file(tmp_path / "in.parquet", target, detector=detector)
        write_groups(target, by=by, time_column="time")
        read = words(page(target))
        assert "2026-03-04 00:00:00.123456789" in read
        assert "\\xe9 2 2 100 %" in read or by == "time"


@pytest.mark.parametrize("content", ["a\n", "a,b\n1,2\n", "who,messages\n"])
def test_another_file_of_that_name_is_no_groups(scored: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(scored.read_bytes())
    (tmp_path / "out.groups.csv").write_text(content, encoding="utf-8")
    assert "Groups with the most" not in page(path)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--text-column", "body"), "has no column 'body'; its columns are: id, sent_at, text,"),
        (("--time-column", "at"), "has no column 'at'"),
        (("--key-column", "key"), "has no column 'key'"),
        (("-o", "in.csv"), "in.csv: exists and is not a report"),
        (("-o", "none/page.html"), "none: folder not found"),
        (("--model", "none"), "none: folder not found"),
        (("-o", "s3://b/page.html"), "s3://b/page.html: a report is written to a local file"),
    ],
)
def test_wrong_use_is_one_line(scored: Path, arguments: Sequence[str], expected: str) -> None:
    done = command(scored.parent, "report", scored.name, *arguments)
    assert done.returncode == 2
    assert expected in done.stderr and done.stderr.count("\n") == 1
    assert "bitcoin" not in done.stderr


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text\nhi\n", "score it first with `scamdetect score`"),
        ("", "the file is empty"),
        ("text,scamdetect_decision,scamdetect_scam_probability\n", "has no scored message"),
    ],
)
def test_what_was_not_scored_is_one_line(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "in.csv").write_text(content, encoding="utf-8")
    done = command(tmp_path, "report", "in.csv")
    assert done.returncode == 2
    assert expected in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
