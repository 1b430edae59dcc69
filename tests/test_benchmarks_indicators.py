"""The script that compares what the extractor finds with what writers of messages list."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hang import HANG

from benchmarks.indicators import count_proposed, count_public, in_one_notation, missed
from scamdetect import ScamDetector
from scamdetect.dumps.job import score_file
from scamdetect.text.indicators import IndicatorType

_TRON = "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"
_ROOT = Path(__file__).resolve().parent.parent
_ROWS = (
    {
        "id": "en-1", "lang": "en", "region": "GB",
        "text": "Pay at https://pay.parcel.example:8443/Fee/?id=1 or call 020 7946 0018",
        "indicators": [
            {"type": "link", "value": "pay.parcel.example/Fee"},
            {"type": "domain", "value": "parcel.example"},
            {"type": "phone", "value": "+442079460018"},
        ],
    },
    {
        "id": "fr-1", "lang": "fr", "region": "FR",
        "text": "Le colis est sur retrait.example, écrivez à bureau@retrait.example",
        "indicators": [
            {"type": "domain", "value": "autre.example"},
            {"type": "email", "value": "bureau@retrait.example"},
        ],
    },
)  # fmt: skip


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable, _ROOT / "benchmarks" / "indicators.py",
            "--rows", folder, "--out", folder / "out",
        ],
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True, text=True, encoding="utf-8", timeout=HANG,
    )  # fmt: skip


def test_right_and_wrong_finds_are_counted_by_type_and_language(tmp_path: Path) -> None:
    for row in _ROWS:
        path = tmp_path / f"{row['lang']}.jsonl"
        path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    done = _run(tmp_path)
    assert done.returncode == 1, done.stderr  # one domain of two is wrong
    assert "precision of domain 50.0%, bar 98%" in done.stdout
    record = json.loads((tmp_path / "out" / "indicators.json").read_text(encoding="utf-8"))
    types = record["types"]
    assert [types[name]["recall"]["value"] for name in ("link", "phone", "email")] == [1, 1, 1]
    assert types["domain"]["recall"]["value"] == 0.5
    assert types["wallet"] == {"precision": None, "recall": None}
    assert record["languages"]["en"]["precision"]["n"] == 3
    assert record["languages"]["fr"]["precision"]["value"] == 0.5
    assert record["false_finds"] == [{"id": "fr-1", "type": "domain", "value": "retrait.example"}]
    assert record["misses"] == [{"id": "fr-1", "type": "domain", "value": "autre.example"}]


def test_a_malformed_row_is_refused_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "en.jsonl").write_text('{"id": "en-1"}\n', encoding="utf-8")
    done = _run(tmp_path)
    assert done.returncode == 1
    assert "en.jsonl:1" in done.stderr and "malformed row" in done.stderr


@pytest.mark.parametrize(
    ("type", "ours", "theirs"),
    [
        (IndicatorType.LINK, "https://a.example:8443/X/", "a.example/X"),
        (IndicatorType.HANDLE, "line:@shop", "line:shop"),
        (IndicatorType.HANDLE, "kakao:shop", "kakaotalk:shop"),
        (IndicatorType.HANDLE, "facebook:shop", "messenger:shop"),
    ],
)
def test_two_notations_of_one_indicator_are_equal(
    type: IndicatorType, ours: str, theirs: str
) -> None:
    assert in_one_notation(type, ours) == in_one_notation(type, theirs)


@pytest.mark.parametrize(
    ("type", "one", "other"),
    [
        (IndicatorType.LINK, "https://a.example/X", "a.example/x"),
        (IndicatorType.LINK, "https://www.a.example/x", "a.example/x"),
        (IndicatorType.WALLET, _TRON, _TRON.lower()),
        (IndicatorType.HANDLE, "telegram:shop", "whatsapp:shop"),
    ],
)
def test_different_indicators_stay_different(type: IndicatorType, one: str, other: str) -> None:
    assert in_one_notation(type, one) != in_one_notation(type, other)


def test_a_link_without_a_path_counts_as_its_domain_only() -> None:
    assert in_one_notation(IndicatorType.LINK, "https://a.example/") is None


def test_more_than_one_proposal_of_ten_thousand_honest_messages_misses_the_bar() -> None:
    record = {"types": {}, "honest": {"messages": 20_000, "default": {"proposed": {"link": 2}}}}
    assert missed(record) == []
    record["honest"]["default"]["proposed"]["domain"] = 1
    assert missed(record) == ["3 proposals of 20,000 messages"]


def test_public_messages_are_counted_by_verdict_without_own_ones(tmp_path: Path) -> None:
    rows = [
        ("go to a.example/x and b.example/y", "scam", "published", "train"),
        ("hello", "scam", "published", "dev"),
        ("mail me@a.example", "legit", "published", "dev"),
        ("go to a.example/x", "legit", "authored", "dev"),
        ("go to a.example/x", "legit", "published", "calibrate"),
    ]
    names = ("text", "verdict", "verdict_provenance", "role")
    corpus = tmp_path / "corpus.parquet"
    pq.write_table(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), corpus)
    found = count_public(corpus)
    assert {verdict: one["messages"] for verdict, one in found.items()} == {"legit": 1, "scam": 2}
    assert found["scam"]["with"]["link"] == 1
    counts = found["legit"]["with"]
    assert counts["email"] == sum(counts.values()) == 1


def test_proposals_are_counted_with_and_without_senders(
    tmp_path: Path, detector: ScamDetector
) -> None:
    text = "guaranteed bitcoin profit, join us today 1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
    source = tmp_path / "in.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("sender", "text"), *((n, text) for n in range(4))])
    score_file(source, tmp_path / "scored.csv", detector=detector)
    found = count_proposed(tmp_path / "scored.csv")
    assert found["messages"] == 4
    assert sum(found["default"]["proposed"].values()) == 0
    assert found["all_types_with_senders"]["proposed"]["wallet"] == 1
