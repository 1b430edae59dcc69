"""Listed indicators: what they do to predictions, to the files of a job, and when they stop one."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import faulty_score, score
from feed_files import stix_domain, write_csv, write_stix
from test_dumps_sieve import D, L, listed_of

from scamdetect import Decision, ScamDetector
from scamdetect.dumps import listed as listed_module
from scamdetect.dumps.allow_list import AllowList, template_hash
from scamdetect.dumps.job import score_file
from scamdetect.errors import InputError
from scamdetect.frames.columns import INDICATORS_COLUMN
from scamdetect.scored.read import decided_otherwise, open_scored

LISTED = listed_of([(D, "evil.example"), (L, "https://shop.example/pay"), (L, "https://c.test/*")])
HONEST = "hello lunch"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see evil.example", ("domain:evil.example",)),
        ("see a.evil.example", ("domain:evil.example",)),
        ("see notevil.example", None),
        ("http://www.shop.example/pay?id=7", ("link:http://www.shop.example/pay",)),
        ("shop.example/other", None),
        ("https://c.test/x1", ("link:https://c.test/*",)),
        ("https://c.test/x1/more", None),
        ("evil.example then shop.example/pay",
         ("domain:evil.example", "link:shop.example/pay")),
        ("", None),
        (None, None),
        (7, None),
    ],
)  # fmt: skip
def test_what_a_message_has_of_a_list(text: object, names: tuple[str, ...] | None) -> None:
    (found,) = LISTED.found([text])
    assert (None if found is None else found.names) == names


def test_a_listed_message_is_reviewed_at_least(detector: ScamDetector) -> None:
    texts = ["hello evil.example", "guaranteed profit evil.example", HONEST, None]
    before = detector.predict(texts)
    after, found = LISTED.apply(before, texts)
    assert [one is not None for one in found] == [True, True, False, False]
    assert [one.decision for one in after] == [
        Decision.REVIEW, Decision.FLAG, Decision.PASS, Decision.UNSCORED,
    ]  # fmt: skip
    assert after[0].reason == "review by indicator" and after[1:] == before[1:]
    assert after[0].probabilities == before[0].probabilities


def test_an_allowed_message_with_a_listed_link_is_reviewed(detector: ScamDetector) -> None:
    text = "guaranteed profit https://shop.example/pay"
    allowed = AllowList(frozenset([(None, template_hash(text))]))
    (found,), _ = LISTED.apply(allowed.apply(detector.predict([text]), [text]), [text])
    assert found.decision is Decision.REVIEW
    assert found.reason == "review by indicator; allowed by template"


def test_the_feeds_of_what_was_found_are_known() -> None:
    from scamdetect.share.feed_versions import FeedReport, Versions
    from scamdetect.share.listing import Listing

    versions = Versions()
    for feed, value in ((0, "a.example"), (1, "a.example"), (1, "b.example")):
        versions.add(Listing(D, value, "", value), feed, None)
    listed = versions.listed([FeedReport("one"), FeedReport("two")], None)
    found = [None if has is None else has.feeds for has in listed.found(["a.example", "b.example"])]
    assert found == [0b11, 0b10] and len(listed) == 2


# -- on the command line --------------------------------------------------------------------------

ROWS = ["hello evil.example", "guaranteed profit evil.example", HONEST, "", "hello again"]


def dump(folder: Path, name: str = "in.csv", rows: list[str] = ROWS) -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(rows))
    return path


def feed(folder: Path, *domains: str) -> Path:
    return write_csv(folder / "feed.csv", "domain,valid_until", *(f"{d}," for d in domains))


def scored(folder: Path, tiny_bundle: Path, *arguments: str | Path):
    done = score(folder, "in.csv", "--indicators", "feed.csv", "--model", tiny_bundle, *arguments)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_the_column_names_what_was_found(tmp_path: Path, tiny_bundle: Path, extension: str) -> None:
    dump(tmp_path)
    feed(tmp_path, "evil.example", "google.com")
    done = scored(tmp_path, tiny_bundle, "-o", f"out.{extension}")
    assert "feed.csv: 1 indicators are used" in done.stderr
    assert "feed.csv: 1 left out, the first at row 2: " in done.stderr
    assert "flagged 1, review 1, passed 2, unscored 1" in done.stderr
    assert (
        "2 have a listed indicator, 1 of them are in review only because of it: feed.csv 2"
        in done.stderr
    )
    path = tmp_path / f"out.{extension}"
    if extension == "parquet":
        rows = pq.read_table(path).to_pylist()
    elif extension == "jsonl":
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    else:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    has = [row[INDICATORS_COLUMN] or None for row in rows]
    assert has == ["domain:evil.example"] * 2 + [None] * 3
    names = list(rows[0])
    assert names[:4] == ["id", "text", INDICATORS_COLUMN, "scamdetect_verdict"]
    (batch,) = open_scored(path).batches()
    assert decided_otherwise(batch.table).to_pylist() == [True] + [False] * 4


def test_other_columns_flagged_rows_and_the_log(tmp_path: Path, tiny_bundle: Path) -> None:
    dump(tmp_path)
    feed(tmp_path, "evil.example")
    done = scored(
        tmp_path, tiny_bundle, "--columns", "id", "--only-flagged", "-o", "out.csv", "--log-json"
    )
    lines = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert lines[0].startswith(f"id,{INDICATORS_COLUMN},") and len(lines) == 2
    assert lines[1].startswith("1,domain:evil.example,")
    first, *_, last = map(json.loads, done.stderr.splitlines())
    assert first == {"event": "feed", "feed": "feed.csv", "taken": 1, "left_out": {}}
    assert (last["listed"], last["held"], last["review"]) == (2, 1, 1)


def test_a_scored_file_is_scored_again_only_over_its_columns(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    dump(tmp_path)
    feed(tmp_path, "evil.example")
    scored(tmp_path, tiny_bundle)
    arguments = ("in.scored.csv", "-o", "again.csv", "--model", tiny_bundle)
    done = score(tmp_path, *arguments)
    assert done.returncode == 2 and INDICATORS_COLUMN in done.stderr
    assert score(tmp_path, *arguments, "--overwrite-columns").returncode == 0
    assert INDICATORS_COLUMN not in (tmp_path / "again.csv").read_text("utf-8")


def test_a_killed_job_goes_on_to_the_same_bytes(tmp_path: Path, tiny_bundle: Path) -> None:
    rows = [f"hello {n} {'evil.example' if n % 500 == 7 else 'lunch'}" for n in range(5_000)]
    dump(tmp_path, rows=rows)
    feed(tmp_path, "evil.example")
    arguments = (
        "in.csv", "--indicators", "feed.csv", "--model", str(tiny_bundle), "--part-rows", "2048",
        "--as-of", "2026-11-25",
    )  # fmt: skip
    assert score(tmp_path, *arguments, "-o", "whole.csv").returncode == 0
    faulty_score(tmp_path, "SIGKILL@predict#2", *arguments, "-o", "out.csv")
    other = write_csv(tmp_path / "other.csv", "domain", "more.example")
    done = score(tmp_path, *arguments, "--indicators", other, "-o", "out.csv", "--resume")
    assert done.returncode == 2 and "indicators" in done.stderr
    done = score(tmp_path, *arguments, "-o", "out.csv", "--resume")
    assert done.returncode == 0 and "2,048 of them in earlier runs" in done.stderr
    assert "10 have a listed indicator" in done.stderr
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_feed_that_fits_too_many_messages_stops_the_job(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    dump(tmp_path, rows=["hello evil.example"] * 11 + ["hello lunch"] * 989)
    feed(tmp_path, "evil.example")
    arguments = ("in.csv", "--indicators", "feed.csv", "--model", tiny_bundle)
    done = score(tmp_path, *arguments)
    assert done.returncode == 2
    assert "11 of the first 1,000 messages contain an indicator of feed.csv" in done.stderr
    assert not (tmp_path / "in.scored.csv").exists()
    assert score(tmp_path, *arguments, "--resume", "--max-listed", "1.1%").returncode == 0
    done = score(tmp_path, *arguments, "--overwrite", "--max-listed", "many")
    assert "max_listed (--max-listed) must be a number of messages" in done.stderr


def test_the_first_messages_decide_and_few_say_nothing(
    tmp_path: Path, detector: ScamDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = dump(tmp_path, "few.csv", ["evil.example"] * 50)
    summary = score_file(few, tmp_path / "few.jsonl", detector=detector, listed=LISTED)
    assert (summary.listed, summary.listed_by_feed) == (50, {"feed": 50})
    monkeypatch.setattr(listed_module, "FIRST_ROWS", 2_000)
    late = dump(tmp_path, "late.csv", [HONEST] * 2_000 + ["evil.example"] * 500)
    assert score_file(late, tmp_path / "late.jsonl", detector=detector, listed=LISTED).listed == 500
    early = dump(tmp_path, "early.csv", ["evil.example"] * 21 + [HONEST] * 5_000)
    with pytest.raises(InputError, match=r"21 of the first 2,000 messages"):
        score_file(early, tmp_path / "early.jsonl", detector=detector, listed=LISTED)
    score_file(early, tmp_path / "b.jsonl", detector=detector, listed=LISTED, max_listed=21)


def test_a_feed_is_never_written(tmp_path: Path, tiny_bundle: Path) -> None:
    dump(tmp_path)
    feed(tmp_path, "evil.example")
    done = score(
        tmp_path, "in.csv", "--indicators", "feed.csv", "-o", "feed.csv", "--overwrite",
        "--model", tiny_bundle,
    )  # fmt: skip
    assert done.returncode == 2 and "an input would be overwritten" in done.stderr


def test_a_broken_feed_is_one_line(tmp_path: Path, tiny_bundle: Path) -> None:
    dump(tmp_path)
    path = write_stix(tmp_path / "feed.json", stix_domain(1, "my-secret.example"))
    path.write_text(path.read_text("utf-8")[:-10], encoding="utf-8")
    done = score(tmp_path, "in.csv", "--indicators", "feed.json", "--model", tiny_bundle)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "feed.json:" in done.stderr and "secret" not in done.stderr


def test_the_same_list_has_the_same_digest_and_another_not() -> None:
    values = [(D, "a.example"), (D, "b.example")]
    assert listed_of(values).digest == listed_of(values[::-1]).digest
    digests = Counter(
        [
            listed_of(values).digest,
            listed_of(values[:1]).digest,
            listed_of(values, "DE").digest,
            listed_of([*values, (L, "https://a.example/*")]).digest,
        ]
    )
    assert len(digests) == 4
