"""The report of a scored dump: its counts, its page, its command, and the drift from another."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from command_line import run
from report_rows import dump, missed, rows, texts
from scored_rows import scored_row, write_scored
from tiny_bundle import write_tiny_bundle

pytest.importorskip("jinja2")

from scamdetect import ScamDetector
from scamdetect.adapt.drift import Drift, measure_drift
from scamdetect.adapt.shifts import OTHERS, Level
from scamdetect.dumps.score import score_file
from scamdetect.errors import InputError
from scamdetect.explain.explanation import Piece
from scamdetect.reports import dump as module
from scamdetect.reports.counts import Counts, crossed, days_of
from scamdetect.reports.drift import drift_lines, drift_record
from scamdetect.reports.dump import ReportOptions, write_report
from scamdetect.reports.messages import TopMessages, sample
from scamdetect.reports.timeline import timeline
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.scored.read import open_scored

_HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> guaranteed bitcoin profit"
_LURE = "guaranteed bitcoin profit today, write to anna{}@mail.example, dear {}"


def write_source(path: Path) -> Path:
    """Write a CSV of three lures that are alike, and of other messages."""
    messages = [_LURE.format(n, name) for n, name in enumerate(("Ann", "Bob", "Kim"))]
    messages += [_HOSTILE] * 2 + ["lunch tomorrow, thanks", "обед", ""]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "sent_at", "text"])
        table.writerows([n, f"2026-03-{n + 1:02}", text] for n, text in enumerate(messages))
    return path


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, detector: ScamDetector) -> Path:
    folder = tmp_path_factory.mktemp("scored")
    score_file(write_source(folder / "in.csv"), folder / "in.scored.csv", detector=detector)
    return folder / "in.scored.csv"


def page(path: Path, drift: Drift | None = None, **options: Any) -> str:  # noqa: ANN401
    target = path.parent / "page.html"
    write_report(path, target, options=ReportOptions(overwrite=True, **options), drift=drift)
    return target.read_text(encoding="utf-8")


def words(html: str) -> str:
    """Return what a person reads of a page, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html.partition("<body>")[2]).split())


def counted(path: Path, time: str | None = None) -> Counts:
    counts = Counts()
    for batch in open_scored(path).batches("text", time):
        counts.add(batch.table)
    return counts


def test_counts_are_by_decision_language_kind_and_day(tmp_path: Path) -> None:
    given = [
        {"text": "a", "day": "2026-03-01"} | scored_row(0.95, kinds=["romance", "crypto"]),
        {"text": "b", "day": "2026-03-01"} | scored_row(1.0, kinds=[], language="th"),
        {"text": "c", "day": "2026-03-02"} | scored_row(0.7, kinds=["romance"]),
        {"text": "d", "day": "soon"} | scored_row(0.0),
        {"text": "", "day": None} | scored_row(None),
    ]
    counts = counted(dump(tmp_path / "s.parquet", given), "day")
    assert counts.total() == {"flag": 2, "review": 1, "pass": 1, "unscored": 1}
    assert counts.total("bin") == {47: 1, 49: 1, 34: 1, 0: 1, None: 1}
    assert crossed(counts.table, "language", "decision")["th"] == {"flag": 1}
    assert crossed(counts.kinds, "kind", "language") == {
        "romance": {"en": 1}, "crypto": {"en": 1}, "": {"th": 1},
    }  # fmt: skip
    assert crossed(counts.table, "day", "decision")[None] == {"pass": 1, "unscored": 1}


@pytest.mark.parametrize(
    ("values", "day"),
    [
        (["2026-03-01T23:59:59+00:00"], "2026-03-01"),
        (["2026-03-01"], "2026-03-01"),
        (["1772582400"], "2026-03-04"),
        ([1772582400], "2026-03-04"),
        ([date(2026, 3, 1)], "2026-03-01"),
        (pa.array([1772582400_000], pa.timestamp("ms")), "2026-03-04"),
        (["0001-01-01"], "NaT"),
        (["soon"], "NaT"),
        ([True], "NaT"),
        ([None], "NaT"),
    ],
)
def test_days_are_read_from_usual_times(values: Any, day: str) -> None:  # noqa: ANN401
    assert str(days_of(pa.chunked_array([pa.array(values)]))[0]) == day


@pytest.mark.parametrize(
    ("days", "unit"), [(9, "day"), (300, "week"), (2000, "month"), (9999, "year")]
)
def test_a_timeline_has_few_bars_and_all_messages(days: int, unit: str) -> None:
    first = date(1999, 1, 4)
    counts: dict[date | None, Counter[Any]] = {
        first + timedelta(day): Counter({"flag": 1, "pass": 2}) for day in range(days)
    }
    bars = timeline(counts | {None: Counter({"pass": 1})}, {})
    assert bars is not None and bars.unit == unit and len(bars.labels) <= 120
    assert sum(bars.messages) + bars.before + bars.after == 3 * days
    assert bars.labels[0] == {"month": "Jan 1999", "year": "1999"}.get(unit, bars.labels[0])
    assert timeline({None: Counter({"pass": 1})}, {}) is None


def test_a_wrong_clock_does_not_stretch_the_axis() -> None:
    counts: dict[date | None, Counter[Any]] = {
        date(2026, 3, 1) + timedelta(day): Counter({"pass": 100}) for day in range(30)
    }
    bars = timeline(counts | {date(1995, 1, 1): Counter({"pass": 1})}, {})
    assert bars is not None and (bars.unit, bars.before) == ("day", 1)


def test_the_highest_messages_are_shown_once() -> None:
    given = [{"text": f"pay {n} today"} | scored_row(0.9 + n / 1000) for n in range(50)] + [
        {"text": text} | scored_row(0.1 + n / 100) for n, text in enumerate(texts(20, 1))
    ]
    given += [{"text": "known"} | scored_row(0.59) | {"scamdetect_reason": "allowed by sender"}]
    top = TopMessages()
    for start in range(0, len(given), 7):
        top.add(_batch(given[start : start + 7]))
    assert [(m["row"], m["probability"]) for m in top.recognised] == [(50, pytest.approx(0.949))]
    assert [m["row"] for m in top.passed] == list(range(70, 60, -1))


def _batch(given: list[dict[str, Any]]) -> pa.Table:
    names = ("decision", "scam_probability", "kinds", "language", "reason")
    columns = {name: pa.array([row[f"scamdetect_{name}"] for row in given]) for name in names}
    columns["reason"] = columns["reason"].cast("string")
    table = pa.table(columns | {"text": [row["text"] for row in given]})
    return table.rename_columns({"scam_probability": "probability"})


def test_a_sample_is_masked_cut_and_marked(detector: ScamDetector) -> None:
    pieces = sample("hello, lunch? guaranteed bitcoin profit at https://a.example", detector)
    assert "".join(piece.text for piece in pieces).endswith("profit at [link]")
    assert any(piece.strength == 2 and "bitcoin" in piece.text for piece in pieces)
    long = sample("lunch +49 30 123456 " * 90, None)
    assert long[-1] == Piece("…", 0, "") and len(long[0].text) <= 600


def test_the_command_writes_a_page_next_to_the_file(scored: Path, tiny_bundle: Path) -> None:
    done = run("report", scored.name, "--model", tiny_bundle, "--title", "A & B", cwd=scored.parent)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines() == [
        "written to in.report.html",
        f"next: scamdetect review queue {scored.name}",
    ]
    html = (scored.parent / "in.report.html").read_text(encoding="utf-8")
    read = words(html)
    for part in (
        "flagged 5 62.5 %", "unscored 1 12.5 %", "passed 2 25.0 % no scam recognised",
        "Campaign 1 3 messages 60.0 % of the flagged messages, in 3 wordings; 2026-03-01 to "
        "2026-03-03",
        "From the column “sent_at”, in UTC.", "Flag: scam probability 0.900 or higher",
        "At most 5 of 1,000 honest messages were flagged by mistake.",
        "If nearly all of the 7 scored messages here", "Kinds of the flagged messages",
        "investment 5", "scamdetect-tiny@0.0.1+", "A tiny bundle for tests",
        "The threshold is in the record of the job", "This page shows people’s messages.",
    ):  # fmt: skip
        assert part in read, part
    assert "<title>A &amp; B</title>" in html and len(html) < 500_000
    assert run("report", scored.name, "--no-samples", cwd=scored.parent).exit_code == 0
    refused = run("report", scored.name, "-o", "in.csv", cwd=scored.parent)
    assert refused.exit_code == 2 and "in.csv: already exists" in refused.stderr


def test_the_page_is_self_contained_masked_and_accessible(scored: Path, tiny_bundle: Path) -> None:
    html = page(scored, model=tiny_bundle)
    assert "&lt;script&gt;alert([number])&lt;/script&gt;" in html and "default-src 'none'" in html
    assert not re.search(r"<(script|img|link|iframe|object|form|base)\b", html)
    assert not re.search(r'\b(src|href)="(?!#)', html) and "url(" not in html
    assert "anna" not in html and "[email]" in html
    assert re.search(r'<blockquote dir="auto" lang="en"><mark class="s2">guaranteed', html)
    assert all('scope="' in cell for cell in re.findall(r"<th\b[^>]*>", html))
    plots = re.findall(r'<(?:svg|div)\b[^>]*class="(?:bar|plot)[^>]*>', html)
    assert len(plots) > 5 and all('aria-label="' in plot for plot in plots)


def test_formats_give_the_same_page(
    tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    write_source(tmp_path / "in.csv")
    pages = set()
    for extension in ("csv", "tsv", "jsonl", "parquet"):
        target = tmp_path / f"out.{extension}"
        score_file(tmp_path / "in.csv", target, detector=detector)
        pages.add(page(target, model=tiny_bundle).replace(target.name, "out"))
    assert len(pages) == 1


def test_without_samples_no_text_is_shown_and_no_model_is_loaded(
    scored: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*arguments: object) -> ScamDetector:
        pytest.fail("a model was loaded")

    monkeypatch.setattr(module.ScamDetector, "load", load)
    html = page(scored, model=tiny_bundle, samples=False)
    assert "bitcoin" not in html and "Campaign 1" in words(html) and "row 1" in html
    assert "(--no-samples)" in html and "This page shows no message text." in html


def test_without_a_text_column_or_a_bundle_the_page_says_so(tmp_path: Path, scored: Path) -> None:
    bare = dump(tmp_path / "bare.parquet", [{"n": 1} | scored_row(0.95)] * 3)
    read = words(page(bare))
    assert "The file has no text column" in read and "Campaign 1" not in read
    assert "The file has no column with a usual name for times" in read and "flagged 3" in read
    read = words(page(scored))
    assert "That model is not available here" in read and "by mistake" not in read
    assert "so nothing is marked" in read and "<mark" not in page(scored)
    other = write_tiny_bundle(tmp_path / "other", version="9")
    with pytest.raises(InputError, match=r"was scored by scamdetect-tiny@0\.0\.1\+\w+, and "):
        page(scored, model=other)


def test_odd_dumps_are_described(tmp_path: Path) -> None:
    mixed = [{"text": "a"} | scored_row(0.95, model=name) for name in ("one@1", "two@2", "two@2")]
    read = words(page(write_scored(tmp_path / "mixed.parquet", mixed)))
    assert "Several models scored this file: two@2 and one@1." in read
    assert "This file has only flagged messages" in read
    assert "Flag: the threshold is not known" in read
    old = write_scored(
        tmp_path / "a\u202egpj<b>.parquet",
        [{"text": "a"} | scored_row(0.1) | {"scamdetect_schema_version": None}],
    )
    html = page(old)
    assert "Some rows do not have the schema version 1" in words(html)
    assert "\u202e" not in html and "a⟨U+202E⟩gpj&lt;b&gt;.parquet" in html
    assert words(html).count("No message was flagged.") == 2


def test_campaigns_next_to_the_file_are_shown(tmp_path: Path) -> None:
    lures = [
        {"id": "l", "text": f"guaranteed profit {n}, dear friend"} | scored_row(0.95)
        for n in range(9)
    ]
    given = [*missed(), *lures, *rows(30, 1)]
    path = dump(tmp_path / "s.parquet", given)
    write_campaigns(path)
    html = page(path)
    read = words(html)
    assert "Not flagged 1 40 messages 0 of them flagged, mean score 0.200" in read
    assert "Campaign 1 9 messages 9 flagged" in read
    assert "https://fee" not in html and "Your parcel [number] waits at the depot" in html
    dump(path, given[5:][::-1])  # scored again
    read = words(page(path))
    assert "s.campaigns.parquet is damaged or belongs to another file" in read
    assert "Campaign 1 9 messages 100 % of the flagged" in read


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.parquet", b"", "empty"),
        ("broken.parquet", b"PAR1 my secret", "broken.parquet"),
        ("other.csv", b"id,text\n1,my secret\n", "score it first"),
        ("none.csv", b"scamdetect_decision,scamdetect_scam_probability\n", "no scored message"),
    ],
)
def test_an_unscored_file_is_refused_without_its_texts(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    dump(tmp_path / "a.parquet", rows(20, 1))
    (tmp_path / name).write_bytes(content)
    for arguments in ((name,), ("a.parquet", "--before", name)):
        done = run("report", *arguments, cwd=tmp_path)
        assert done.exit_code == 2 and message in done.stderr and "secret" not in done.stderr
    assert not list(tmp_path.glob("*.html"))


def levels(drift: Drift) -> dict[str, Level]:
    return {one.name: one.level for one in (*drift.rates, *drift.features)}


def test_dumps_of_one_kind_have_no_drift(tmp_path: Path) -> None:
    before, after = (dump(tmp_path / f"{n}.parquet", rows(2000, n)) for n in (1, 2))
    drift = measure_drift(before, after)
    assert set(levels(drift).values()) == {Level.NONE} and not drift.notices
    one = dump(tmp_path / "one.parquet", [{"text": "hello"} | scored_row(0.1)])
    unscored = dump(tmp_path / "none.parquet", [{"text": ""} | scored_row(None)] * 3)
    assert measure_drift(one, unscored).level is measure_drift(unscored, one).level is Level.NONE


def test_a_shift_is_reported_with_its_bins(tmp_path: Path) -> None:
    before = dump(tmp_path / "a.parquet", rows(2000, 1))
    after = dump(tmp_path / "b.parquet", [*rows(1500, 2, 0.08), *rows(500, 3, language="th")])
    drift = measure_drift(before, after)
    assert levels(drift)["flagged"] is levels(drift)["languages"] is Level.ALERT
    line = next(line for line in drift_lines(drift) if "languages" in line)
    assert "look at Thai (th) (0.00 % to 25.0 %)" in line
    read = words(page(after, drift))
    assert "What changed alert" in read and "Thai (th) 0.00 % 25.0 %" in read


def test_messages_unlike_all_earlier_ones_are_novel(tmp_path: Path) -> None:
    lure = "our desk doubles what you send in a week, write to {} before friday"
    known = [{"text": lure.format(n)} | scored_row(0.95) for n in range(400)]
    new = [{"text": text} | scored_row(0.95) for text in texts(300, 5)]
    before = dump(tmp_path / "a.parquet", known)
    drift = measure_drift(before, dump(tmp_path / "b.parquet", [*known[:100], *new]))
    rate = drift.rates[-1]
    assert (rate.name, rate.reference.share) == ("without a near-duplicate", 0)
    assert rate.current.share == 0.75 and rate.level is Level.ALERT


def test_scores_of_different_models_are_not_compared(tmp_path: Path) -> None:
    before = dump(tmp_path / "a.parquet", rows(300, 1))
    drift = measure_drift(before, dump(tmp_path / "b.parquet", rows(300, 1, model="other@2+def")))
    assert drift.level is Level.ALERT and "NOT COMPARABLE" in drift.notices[0]
    assert {name for name, level in levels(drift).items() if level is Level.UNKNOWN} == {
        "flagged", "flagged or to review", "scam probability", "decisions", "languages", "kinds",
    }  # fmt: skip


def test_rare_languages_share_a_bin_and_others_are_hidden(tmp_path: Path) -> None:
    rare = [row for code in ("de", "fr", "it") for row in rows(3, 4, language=code)]
    before = dump(tmp_path / "a.parquet", [*rows(1000, 1), *rare])
    languages = next(f for f in measure_drift(before, before).features if f.name == "languages")
    assert [(b.label, b.reference) for b in languages.bins] == [("English (en)", 1000), (OTHERS, 9)]
    after = dump(tmp_path / "b.parquet", rows(100, 2, language="Dear Ann, my account is 1234"))
    assert "Ann" not in json.dumps(drift_record(measure_drift(before, after)))


def test_the_command_compares_and_fails_at_a_level(tmp_path: Path) -> None:
    for name, flagged in (("a", 0.02), ("b", 0.2)):
        dump(tmp_path / f"{name}.parquet", rows(1000, 1, flagged))
    same = run("report", "a.parquet", "--before", "a.parquet", "--fail-on", "watch", cwd=tmp_path)
    assert same.exit_code == 0 and same.stdout.startswith("drift: none\n"), same.stderr
    options = ("--before", "a.parquet", "-o", "d.html", "--fail-on", "alert", "--json")
    done = run("report", "b.parquet", *options, cwd=tmp_path)
    assert done.exit_code == 10, done.stderr
    record = json.loads(done.stdout)
    assert record["level"] == "alert" and record["rates"][0]["name"] == "flagged"
    assert "What changed" in (tmp_path / "d.html").read_text(encoding="utf-8")
    assert not any(text in done.stdout for text in texts(1000, 1)[:50])
    assert run("report", "b.parquet", "--fail-on", "alert", cwd=tmp_path).exit_code == 2
