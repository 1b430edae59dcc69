"""Two scored dumps compared: what shifted, what is left out, what cannot be compared."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from campaign_rows import campaign_id, make_stale, write_dump_with_campaigns
from command_line import command
from scored_rows import scored_row, write_scored

from scamdetect.adapt.drift import Drift, measure_drift
from scamdetect.adapt.shifts import OTHERS, Level
from scamdetect.errors import InputError
from scamdetect.reports.drift import drift_lines, drift_record

_WORDS = "harbour lunch sister bread train garden school rain thanks tomorrow later window".split()


def texts(n: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(_WORDS, 9)) for _ in range(n)]


def rows(n: int, seed: int, flagged: float = 0.02, **columns: object) -> list[dict[str, object]]:
    random = np.random.default_rng(seed)
    scores = np.where(random.random(n) < flagged, 0.95, random.beta(0.5, 12, n)).tolist()
    words = texts(n, seed)
    return [
        {"text": text} | scored_row(score, **{"kinds": ["romance"]} | columns)
        for score, text in zip(scores, words, strict=True)
    ]


def dump(folder: Path, name: str, *parts: list[dict[str, object]]) -> Path:
    return write_scored(folder / f"{name}.parquet", [row for part in parts for row in part])


def levels(drift: Drift) -> dict[str, Level]:
    return {one.name: one.level for one in (*drift.rates, *drift.features)}


def test_dumps_of_one_kind_have_no_drift(tmp_path: Path) -> None:
    found = measure_drift(dump(tmp_path, "a", rows(2000, 1)), dump(tmp_path, "b", rows(2000, 2)))
    assert set(levels(found).values()) == {Level.NONE} and found.level is Level.NONE
    assert not found.notices


def test_a_shift_is_named_with_its_rows(tmp_path: Path) -> None:
    before = dump(tmp_path, "a", rows(2000, 1))
    after = dump(tmp_path, "b", rows(1500, 2, 0.08), rows(500, 3, language="th"))
    found = measure_drift(before, after)
    assert levels(found)["flagged"] is Level.ALERT and found.level is Level.ALERT
    languages = next(one for one in found.features if one.name == "languages")
    assert languages.level is Level.ALERT and languages.largest[0].label == "Thai (th)"
    line = next(line for line in drift_lines(found) if "languages" in line)
    assert "look at Thai (th) (0.00 % to 25.0 %)" in line


def test_messages_unlike_all_of_the_reference_are_novel(tmp_path: Path) -> None:
    lure = "our desk doubles what you send in a week, write to {} before friday"
    known = [{"text": lure.format(n)} | scored_row(0.95) for n in range(400)]
    new = [{"text": text} | scored_row(0.95) for text in texts(300, 5)]
    before = dump(tmp_path, "a", known)
    assert levels(measure_drift(before, before))["without a near-duplicate"] is Level.NONE
    found = measure_drift(before, dump(tmp_path, "b", known[:100], new))
    novel = next(one for one in found.rates if one.name == "without a near-duplicate")
    assert novel.reference.share == 0 and novel.current.share == 0.75
    assert novel.level is Level.ALERT


def test_other_models_are_told_loudly_and_fail(tmp_path: Path) -> None:
    before = dump(tmp_path, "a", rows(300, 1))
    after = dump(tmp_path, "b", rows(300, 1, model="other@2+def"))
    found = measure_drift(before, after)
    assert found.level is Level.ALERT and "NOT COMPARABLE" in found.notices[0]
    assert "tiny@1+abc" in found.notices[0] and "other@2+def" in found.notices[0]
    unknown = {name for name, level in levels(found).items() if level is Level.UNKNOWN}
    assert unknown == {
        "flagged", "flagged or to review", "scam probability", "decisions", "languages", "kinds",
    }  # fmt: skip


def test_without_a_text_column_lengths_and_novelty_are_left_out_and_it_says_so(
    tmp_path: Path,
) -> None:
    bare = [{"id": n} | scored_row(0.1) for n in range(50)]
    found = measure_drift(dump(tmp_path, "a", rows(50, 1)), dump(tmp_path, "b", bare))
    assert any("text column" in notice and "--text-column" in notice for notice in found.notices)
    assert not {"text length", "without a near-duplicate"} & set(levels(found))
    with pytest.raises(InputError, match="no column 'body'"):
        measure_drift(tmp_path / "a.parquet", tmp_path / "b.parquet", text_column="body")


def test_one_row_and_unscored_rows_alone_are_compared(tmp_path: Path) -> None:
    one = dump(tmp_path, "a", [{"text": "hello"} | scored_row(0.1)])
    unscored = dump(tmp_path, "b", [{"text": ""} | scored_row(None)] * 3)
    for pair in ((one, one), (one, unscored), (unscored, one), (unscored, unscored)):
        assert measure_drift(*pair).level is Level.NONE


def test_what_is_no_language_code_is_never_shown(tmp_path: Path) -> None:
    secret = "Dear Ann, my account is 1234"
    before = dump(tmp_path, "a", rows(100, 1))
    after = dump(tmp_path, "b", rows(100, 2, language=secret, kinds=[]))
    assert "Ann" not in json.dumps(drift_record(measure_drift(before, after)))


def test_many_languages_share_a_bin(tmp_path: Path) -> None:
    rare = [row for code in ("de", "fr", "it") for row in rows(3, 4, language=code)]
    before = dump(tmp_path, "a", rows(1000, 1), rare)
    languages = next(
        one for one in measure_drift(before, before).features if one.name == "languages"
    )
    assert [(one.label, one.reference) for one in languages.bins] == [
        ("English (en)", 1000),
        (OTHERS, 9),
    ]


def test_the_command_writes_a_page_and_a_record_and_fails_where_asked(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    before = dump(tmp_path, "a", rows(1000, 1))
    dump(tmp_path, "b", rows(1000, 2, 0.2))
    same = command(tmp_path, "drift", before, before, "--fail-on", "watch")
    assert same.returncode == 0 and same.stdout.startswith("drift: none\n"), same.stderr
    done = command(tmp_path, "drift", "a.parquet", "b.parquet", "-o", "d", "--fail-on", "alert")
    assert done.returncode == 10, done.stderr
    assert done.stderr.splitlines() == [
        "written to d/drift.html",
        "next: scamdetect queue b.parquet",
    ]
    record = json.loads((tmp_path / "d/drift.json").read_text(encoding="utf-8"))
    assert record["level"] == "alert" and record["rates"][0]["name"] == "flagged"
    html = (tmp_path / "d/drift.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html and "<script" not in html
    assert not re.search(r"(?:src|href)=\"(?!#)", html), "it loads nothing"
    for text in texts(1000, 2)[:50]:
        assert text not in html and text not in str(record)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.parquet", b"", "the file is empty"),
        ("broken.parquet", b"PAR1 and no more", "broken.parquet"),
        ("other.csv", b"id,text\n1,hello\n", "score it first"),
        ("none.csv", b"scamdetect_decision,scamdetect_scam_probability\n", "no scored message"),
    ],
)
def test_what_is_no_scored_dump_is_refused(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    dump(tmp_path, "a", rows(20, 1))
    (tmp_path / name).write_bytes(content)
    done = command(tmp_path, "drift", "a.parquet", name)
    assert done.returncode == 2 and told in done.stderr


def test_campaigns_that_nobody_sees_are_listed_without_their_texts(tmp_path: Path) -> None:
    before = dump(tmp_path, "a", rows(300, 1))
    after = write_dump_with_campaigns(tmp_path / "b.parquet")
    found = measure_drift(before, after)
    *_, title, line = drift_lines(found)
    assert title.startswith("Large and not flagged: 1 (at least 20 messages")
    assert line.startswith(f"  {campaign_id(after, 'Your parcel')}  40 messages, flagged 0.00 %")
    record = drift_record(found)["campaigns"]
    assert (record["not_flagged"], record["compared"]) == (1, False)
    assert "parcel" not in json.dumps(record) and "parcel" not in line
    assert drift_record(measure_drift(after, before))["campaigns"] is None
    make_stale(after)
    again = measure_drift(before, after)
    assert again.campaigns is None and "another dump" in again.notices[-1]
