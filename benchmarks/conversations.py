"""Measure conversations: recall and false alarms by turn, turns until detection.

Three sets, all through the bundle as shipped. ``dev``: the dev part of the project's own dialogues,
by the writer model that the bundle knows. ``threads``: threads of the calibrate rows, from which no
weight was trained; the rule was fitted on them, so each is judged by a rule fitted on the other
four fifths. ``left out``: sources that trained nothing: Korean calls of swindlers, whose speakers
are identified only by taking turns, and everyday and business dialogues.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect import ScamDetector, Verdict
from scamdetect.calibration.statistics import false_positive_rate, recall
from scamdetect.conversation.predict import Reading, judge, read_conversations
from scamdetect.conversation.rule import ConversationRule
from scamdetect.evaluate.conversations import (
    Judged,
    by_turn,
    detection,
    false_alarms,
    judged,
    recall_at_own_fpr,
    suspects,
)
from scamdetect.labels import Decision
from scamdetect.train.cells import estimate, measured, percent
from scamdetect.train.conversations import LONGEST, drawn, fit_rule, joined, of_turns, source_of
from scamdetect.train.data.registry import load_registry
from scamdetect.train.data.rows import Row, load_rows
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.data.table import Dialogue, dialogues, messages_of
from scamdetect.train.pages import table, write_results

ROOT = Path(__file__).resolve().parent.parent
CALLS = "fss_phishing_cases_ko"
HONEST = ("bsd_business_dialogue", "xdailydialog")
SCAMMER_SPEAKS_FIRST = ("scambaiting_dialogues", "teleantifraud_text", "ccr_zh_calls")
FOLDS = 5
LONG, JOINED = (25, 50, 100, 250, 500, 1000), 300  # turns of one sender, conversations
LATE = 250  # honest turns before a scam begins
_OF_HONEST = 300  # conversations of each
_COLUMNS = ["row_hash", "source", "lang", "verdict", "not_legit", "slices", "group", "text", "role"]


def main() -> None:
    """Judge the conversations of all sets and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--raw", type=Path, default=ROOT / "data" / "raw")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    with ScamDetector.load(asked.bundle, tier="full") as detector:
        calibrate = drawn(dialogues(_rows(asked.corpus, "calibrate"), longest=LONGEST))
        readings = _read(detector, calibrate)
        sets = {
            "dev": _dev(detector, asked.corpus),
            "threads": _threads(calibrate, readings, detector.model_id),
            "left out": _left_out(detector, asked.raw),
        }
        rule = detector.conversation_rule
        record: dict[str, Any] = {
            "date": today(),
            "commit": commit(),
            "machine": machine(),
            "model_id": detector.model_id,
            "rule": rule.settings(),
            "sets": {name: _figures(answers) for name, answers in sets.items()},
            "long": _long(calibrate, readings, rule),
        }  # fmt: skip
    path = asked.out / f"conversations-{asked.bundle.resolve().name}.json"
    sys.stdout.write(write_results(path, record, _page(record)))


def _dev(detector: ScamDetector, corpus: Path) -> list[Judged]:
    return _judged(detector, list(dialogues(_rows(corpus, "dev"), longest=LONGEST)))


def _threads(found: Sequence[Dialogue], readings: Sequence[Reading], model_id: str) -> list[Judged]:
    """Return each thread of the calibrate rows as a rule judges it that never saw it."""
    groups = sorted({one.group for one in found})
    fold_of = dict(zip(groups, np.random.default_rng(0).integers(FOLDS, size=len(groups)),
                       strict=True))  # fmt: skip
    folds = np.array([fold_of[one.group] for one in found])
    answers: list[Judged] = []
    for fold in range(FOLDS):
        own, others = (np.flatnonzero(folds == fold), np.flatnonzero(folds != fold))
        rule = fit_rule([found[n] for n in others], [readings[n] for n in others])
        answers += judged([found[n] for n in own], [readings[n] for n in own], rule, model_id)
    return answers


def _long(
    found: Sequence[Dialogue], readings: Sequence[Reading], rule: ConversationRule
) -> dict[str, Any]:
    """Return what is flagged of long conversations, joined from those of the calibrate rows."""
    generator = np.random.default_rng(0)
    honest = [reading for one, reading in zip(found, readings, strict=True) if not one.scam]
    rows = []
    for turns in LONG:
        threads = [joined(honest, turns, generator) for _ in range(JOINED)]
        flagged = np.array([judge(one, rule, "").decision is Decision.FLAG for one in threads])
        rows.append({"turns": turns, "flagged": asdict(false_positive_rate(flagged))})
    own = [n for n, one in enumerate(found) if one.scam and source_of(one) == "authored"]
    alone, late = [], []
    for n in own:
        suspect = judge(readings[n], rule, "").suspect
        turns = [turn for turn in readings[n].judged if turn.sender == suspect]
        before = joined(honest, LATE, generator).judged
        alone.append(judge(of_turns(turns), rule, "").decision is Decision.FLAG)
        crossed = judge(of_turns([*before, *turns]), rule, "").crossed_turn
        late.append(crossed is not None and crossed > LATE)
    return {
        "joined": JOINED,
        "honest": rows,
        "late_after": LATE,
        "alone": asdict(recall(np.array(alone))),
        "late": asdict(recall(np.array(late))),
    }


def _left_out(detector: ScamDetector, raw: Path) -> list[Judged]:
    registry = load_registry(ROOT / "data" / "sources")
    found = []
    for source in (CALLS, *HONEST):
        rows = load_rows(registry[source], raw, ROOT / "data" / "sources")
        if source == CALLS:
            rows = [row for row in rows if row.verdict is Verdict.SCAM]
        order = np.random.default_rng(0).permutation(len(rows))[:_OF_HONEST]
        found += [one for n in sorted(order) if len((one := _dialogue(rows[n])).messages) > 1]
    return _judged(detector, found)


def _dialogue(row: Row) -> Dialogue:
    messages = _by_turns(row.text) if row.source == CALLS else messages_of(row.text)
    return Dialogue(
        row.row_hash, row.source, row.lang, row.verdict is Verdict.SCAM, row.slices,
        row.thread_id or row.row_hash, tuple(messages[:LONGEST]),
    )  # fmt: skip


def _by_turns(text: str) -> list[dict[str, str]]:
    parts = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    return [{"sender": "AB"[n % 2], "text": part} for n, part in enumerate(parts)]


def _rows(corpus: Path, role: str) -> pa.Table:
    return pq.read_table(corpus, columns=_COLUMNS, filters=[("role", "=", role)])


def _read(detector: ScamDetector, found: Sequence[Dialogue]) -> list[Reading]:
    window = detector.conversation_rule.window_characters
    return read_conversations(detector, window, [one.messages for one in found])


def _judged(detector: ScamDetector, found: Sequence[Dialogue]) -> list[Judged]:
    return judged(found, _read(detector, found), detector.conversation_rule, detector.model_id)


def _figures(answers: Sequence[Judged]) -> dict[str, Any]:
    by_source: dict[str, Any] = {}
    for name in sorted({source_of(one.dialogue) for one in answers}):
        some = [one for one in answers if source_of(one.dialogue) == name]
        found = detection(some)
        named = suspects(some, "A") if name in SCAMMER_SPEAKS_FIRST else None
        by_source[name] = {
            "scam": [asdict(row) for row in by_turn(some, scam=True)],
            "honest": [asdict(row) for row in by_turn(some, scam=False)],
            "detection": None if found is None else asdict(found),
            "suspect_is_scammer": None if named is None else asdict(named),
        }
    at_own = recall_at_own_fpr(answers)
    return {
        "by_source": by_source,
        "recall_at_5_percent_own_fpr": None if at_own is None else asdict(at_own),
        "false_alarms": {
            name: None if rate is None else asdict(rate)
            for name, rate in false_alarms(answers).items()
        },
    }


def _page(record: dict[str, Any]) -> list[str]:
    rule = record["rule"]
    lines = [
        "# Conversations",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        f"Flagged from a risk of {rule['thresholds']['flag']:.4f}, set at "
        f"{rule['thresholds_fpr']['flag']:.0%} of the honest conversations of the calibrate rows "
        f"({rule['fitted_on']['legit']} honest, {rule['fitted_on']['scam']} scams); "
        f"`needs context` before {rule['enough_turns']} turns of one sender. The first "
        f"{LONGEST} messages of each conversation, both sides judged; 95 % intervals in brackets.",
        "",
        *(__doc__ or "").split("\n\n", 1)[1].strip().splitlines(),
    ]
    lines += ["", "## Long conversations", "", *_long_lines(record["long"])]
    for name, found in record["sets"].items():
        lines += ["", f"## {name}", ""]
        for side, share in (("scam", "scams flagged"), ("honest", "honest flagged")):
            rows = _turn_rows(found["by_source"], side)
            if rows:
                lines += [f"{share.capitalize()} by the first messages, and at the end:", ""]
                lines += [*table(_turn_header(), rows), ""]
        lines += _detection_lines(found)
    return lines


def _long_lines(found: dict[str, Any]) -> list[str]:
    rows = [
        [f"{row['turns']:,}", percent(estimate(row["flagged"]))] for row in found["honest"]
    ]  # fmt: skip
    late, alone = (estimate(found[name]) for name in ("late", "alone"))
    return [
        f"{found['joined']} conversations of one sender each, joined at random from the honest "
        "calibrate threads, that the rule was fitted on; none of the sets below is that long. The "
        "interval is of the draws alone.",
        "",
        *table(["turns of one sender", "honest flagged"], rows),
        "",
        f"Of the {alone.n if alone else 0} authored calibrate scams {percent(alone)} are flagged "
        f"by themselves, and {percent(late)} where {found['late_after']} such honest turns of the "
        "same sender come before, counted from there on.",
    ]


def _turn_header() -> list[str]:
    turns = ["1", "2", "4", "8", "16", "32", "end"]
    return ["source", "n", *turns, "too early at 4", "passed at 4"]


def _turn_rows(by_source: dict[str, Any], side: str) -> list[list[str]]:
    rows = []
    for source, found in by_source.items():
        if not found[side]:
            continue
        shares = [estimate(row["flagged"]) for row in found[side]]
        cells = [f"{one.value:.1%}" if one else "-" for one in shares[:-1]]
        fourth = found[side][2]
        rows.append(
            [source, str(shares[-1].n if shares[-1] else 0), *cells, percent(shares[-1]),
             f"{fourth['too_early']:.0%}", f"{fourth['passed']:.0%}"]
        )  # fmt: skip
    return rows


def _detection_lines(found: dict[str, Any]) -> list[str]:
    rows = []
    for source, own in found["by_source"].items():
        if (taken := own["detection"]) is None:
            continue
        low, middle, high = taken["quartiles"]
        rows.append(
            [source, str(taken["n"]), f"{middle:g} [{low:g}, {high:g}]",
             f"{taken['share_of_thread']:.0%}", measured(estimate(own["suspect_is_scammer"]))]
        )  # fmt: skip
    lines = []
    if rows:
        header = ["source", "flagged scams", "messages until the flag: median [quartiles]",
                  "of the thread", "suspect is the scammer"]  # fmt: skip
        lines += [*table(header, rows), ""]
    own_fpr = estimate(found["recall_at_5_percent_own_fpr"])
    if own_fpr is not None:
        lines += [f"Recall where 5 % of the set's own honest ones are flagged: {percent(own_fpr)} "
                  f"of {own_fpr.n}.", ""]  # fmt: skip
    alarms = [
        [name, str(rate["n"]), percent(estimate(rate))]
        for name, rate in found["false_alarms"].items()
        if rate is not None
    ]
    if alarms:
        lines += table(["honest conversations", "n", "flagged"], alarms)
    return lines


if __name__ == "__main__":
    main()
