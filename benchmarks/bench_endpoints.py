"""Judge and rewrite messages by models that misbehave on purpose, kill the run and resume it.

    PYTHONPATH=. python benchmarks/bench_endpoints.py --languages en hi ru vi zh

Runs the real command line over the project's own messages: an `llm:` judge and a `rewrite` suite by
a model, both behind one server on this machine (misbehaving.py). SIGKILL goes to the run while
messages are rewritten and again while they are judged; then it is let finish, run once more, and
reported. What each message must come to is known beforehand. Writes ``bench_endpoints.json`` and
``.md``; exits with 1 where a check failed.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.misbehaving import (
    JUDGE,
    JUDGE_FAULTS,
    KEY,
    REWRITER,
    REWRITER_FAULTS,
    SHARE,
    TIMEOUT,
    Fault,
    Models,
    fault_of,
    honest_probability,
    rewritten,
)
from scamdetect.bench.answers import Answers, Material
from scamdetect.bench.detectors.llm import JUDGE as JUDGE_PROMPT
from scamdetect.bench.endpoints.chat import Chat, Prompt, Said
from scamdetect.bench.folder import RunFolder
from scamdetect.bench.rewriting.by_model import EndpointRewriter
from scamdetect.bench.suite import Suite, limited
from scamdetect.bench.suites.calibrate import calibrate
from scamdetect.bench.suites.changed import rewrite
from scamdetect.bench.suites.written import pairs
from scamdetect.errors import ScamDetectError
from scamdetect.labels import Verdict
from scamdetect.reports.pages import table, write_results
from scamdetect.train.data.scores import commit, machine, today

ROOT = Path(__file__).resolve().parent.parent
WORDS = ("bitcoin", "crypto", "invest", "profit", "prize", "fee", "http", "[link]")
PARALLEL = 4
_LONG_ENOUGH = 25  # letters of a line that can be looked for in a report


@dataclass
class PlannedChat:
    """Answers as the rewriting model must in the end, and counts the calls that this takes."""

    model: str = REWRITER
    needed: Counter[tuple[str, str]] = field(default_factory=Counter)

    def ask(self, prompt: Prompt, text: str) -> Said:
        """Return what the model says of the text."""
        fault = fault_of(REWRITER_FAULTS, prompt.system, text)
        lost = fault is not None and fault.name == "a page of HTML"
        self.needed[prompt.system, text] = 2 if lost or (fault is not None and fault.once) else 1
        if fault is not None and not fault.once:
            return Said(None, "refused", 0.0)
        return Said(f"<rewritten>{rewritten(prompt.system, text)}</rewritten>", None, 0.0)


def main() -> None:
    """Run everything, write the results and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--languages", nargs="+", metavar="CODE", help="by default all")
    parser.add_argument("--limit", type=int, default=400, help="rows of a suite")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            authored = chosen(asked.authored, asked.languages, Path(scratch) / "authored")
            record = show(Path(scratch), authored, asked.limit)
        except ScamDetectError as problem:
            sys.exit(f"bench_endpoints: {problem}")
    path = asked.out / "bench_endpoints.json"
    sys.stdout.write(write_results(path, record, page(record)))
    sys.exit(0 if all(record["checks"].values()) else 1)


def chosen(authored: Path, languages: list[str] | None, folder: Path) -> Path:
    """Copy the messages of these languages, None for all, to a folder and return it."""
    folder.mkdir()
    for path in authored.glob("*.jsonl"):
        if languages is None or path.stem in languages:
            shutil.copy(path, folder)
    return folder


def show(folder: Path, authored: Path, limit: int) -> dict[str, Any]:
    """Return what the runs came to, and which checks held."""
    chat = PlannedChat()
    suites = planned_suites(authored, limit, chat)
    needed = {REWRITER: chat.needed.total(), JUDGE: sum(judge_calls(suites).values())}
    models = Models(WORDS)
    with models.serving() as url:
        arguments = [
            "run", "pairs", "rewrite", "-d", f"judge=llm:{url}#{JUDGE}", "-d", "keywords",
            "--rewriter", url, "--model", REWRITER, "--authored", str(authored),
            "--limit", str(limit), "--changed-rows", "-o", "out", "--timeout", str(TIMEOUT),
            "--parallel", str(PARALLEL), "--price", "1", "2",
        ]  # fmt: skip
        runs = [
            run(folder, arguments, models, until=(model, needed[model] // 2))
            for model in (REWRITER, JUDGE)
        ]
        runs += [run(folder, arguments, models) for _ in range(2)]
        runs.append(run(folder, ["report", "out"], models))
    found = {suite.name: read(folder / "out", suite) for suite in suites}
    checks = {
        "Both kills met the run": [one["exit_code"] for one in runs[:2]] == [-signal.SIGKILL] * 2,
        "The run went on to its end, and so did the next and the report": all(
            one["exit_code"] == 0 for one in runs[2:]
        ),
        "The second run and the report cost no call": all(one["calls"] == 0 for one in runs[3:]),
        "The rewritten messages are those that were to be expected": all(
            same_rows(folder / "out", suite) for suite in suites
        ),
        "Every message has an answer, or none and a reason": all(
            answered_or_told(answers) for answers in found.values()
        ),
        "Each is the answer or the reason that was to be expected": all(
            as_planned(suite, found[suite.name]) for suite in suites
        ),
        "No message without an answer counts as honest in the report": in_no_false_alarms(
            folder / "out", suites, found
        ),
        "What was answered before a kill was not asked again": all(
            0 <= models.total(model) - calls <= 2 * PARALLEL for model, calls in needed.items()
        ),
        "Every call had the key, and no file and no error has it": models.wrong_key == 0
        and not any(KEY.encode() in text for text in everything(folder, runs)),
        "No message stands in an error or a report": not any(
            told(text, suites) for text in readable(folder, runs)
        ),
    }
    return {
        "date": today(), "commit": commit(), "machine": machine(), "limit": limit,
        "share_of_each_fault": SHARE, "parallel": PARALLEL,
        "suites": {suite.name: suite.manifest.rows for suite in suites},
        "languages": sorted(suites[0].manifest.languages),
        "runs": [{key: one[key] for key in ("what", "exit_code", "calls")} for one in runs],
        "calls": {
            model: {"needed": calls, "made": models.total(model)}
            for model, calls in needed.items()
        },
        "calls_about_a_harmless_message": models.proofs,
        "judge": faults_and_answers(suites, found, models),
        "rewriter": [
            {"fault": fault.name, "calls": models.faults[REWRITER, fault.name]}
            for fault in REWRITER_FAULTS
        ],
        "checks": checks,
    }  # fmt: skip


def planned_suites(authored: Path, limit: int, chat: PlannedChat) -> list[Suite]:
    """Return the suites that the run must have, rewritten as planned."""
    rewriter = EndpointRewriter(cast(Chat, chat))
    material = Material(None, authored, lambda line: None, rewriter)
    return [
        calibrate(material),
        limited(pairs(material), limit),
        limited(rewrite(material), limit),
    ]


def judge_calls(suites: list[Suite]) -> dict[str, int]:
    """Return how many calls each message takes."""
    alone = {None, "refusal", "HTTP 400, filtered"}
    return {
        text: 1 if (fault := judge_fault(text)) is None or fault.name in alone else 2
        for suite in suites
        for text in suite.rows["text"].to_pylist()
    }


def judge_fault(text: str) -> Fault | None:
    """Return the judge's fault about a message."""
    return fault_of(JUDGE_FAULTS, JUDGE_PROMPT.system, text)


def run(
    folder: Path, arguments: list[str], models: Models, until: tuple[str, int] | None = None
) -> dict[str, Any]:
    """Run the command line, killed once a model had so many calls; return how it ended."""
    before = models.total()
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "scamdetect.cli", "bench", *arguments],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "SCAMDETECT_API_KEY": KEY},
        )  # fmt: skip
        while until is not None and process.poll() is None:
            if models.total(until[0]) >= until[1]:
                os.killpg(process.pid, signal.SIGKILL)
                break
            time.sleep(0.005)
        code = process.wait()
    what = "report" if arguments[0] == "report" else "run"
    if until is not None:
        what = f"killed while {'judging' if until[0] == JUDGE else 'rewriting'}"
    return {
        "what": what,
        "exit_code": code,
        "calls": models.total() - before,
        "stderr": (folder / "stderr").read_bytes(),
    }


def read(out: Path, suite: Suite) -> Answers | None:
    """Return the judge's answers to a suite, or None if some are missing."""
    try:
        ids = suite.rows["id"].to_pylist()
        return RunFolder(out).read_answers(suite.name, "judge", ids)
    except ScamDetectError:
        return None


def reasons(answers: Answers) -> tuple[str | None, ...]:
    """Return why each row has no answer, or None if it has one."""
    return answers.problems or (None,) * answers.scam.size


def same_rows(out: Path, suite: Suite) -> bool:
    """Return whether the run scored these very rows."""
    record = RunFolder(out).read_record()
    known = {} if record is None else {one.name: one.sha256 for one in record.suites}
    return known.get(suite.name) == suite.manifest.sha256


def answered_or_told(answers: Answers | None) -> bool:
    """Return whether each row has either a probability or a reason."""
    return answers is not None and all(
        bool(np.isnan(scam)) == (reason is not None)
        for scam, reason in zip(answers.scam, reasons(answers), strict=True)
    )


def as_planned(suite: Suite, answers: Answers | None) -> bool:
    """Return whether each row has the answer or the reason that its text must come to."""
    if answers is None:
        return False
    for text, scam, reason in zip(
        suite.rows["text"].to_pylist(), answers.scam, reasons(answers), strict=True
    ):
        fault = judge_fault(text)
        outcome = None if fault is None else fault.outcome
        if reason != outcome:
            return False
        if outcome is None and round(100 * scam) != honest_probability(text, WORDS):
            return False
    return True


def in_no_false_alarms(out: Path, suites: list[Suite], found: dict[str, Answers | None]) -> bool:
    """Return whether the report counts rows without an answer as missed scams, never as honest."""
    try:
        results = json.loads((out / "results.json").read_bytes())
    except OSError:
        return False
    figures = {(one["suite"], one["detector"]): one for one in results["figures"]}
    for suite in suites[1:]:
        answers, figure = found[suite.name], figures.get((suite.name, "judge"))
        if answers is None or figure is None:
            return False
        at = figure["frozen"]["1%"]
        clean = [
            (row["verdict"], reason)
            for row, reason in zip(
                suite.rows.select(["verdict", "clean_id"]).to_pylist(),
                reasons(answers),
                strict=True,
            )
            if row["clean_id"] is None
        ]
        scams = sum(verdict == Verdict.SCAM.value for verdict, _ in clean)
        answered = clean.count((Verdict.LEGIT.value, None))
        if (at["recall"]["n"], at["fpr"]["n"]) != (scams, answered):
            return False
        if figure["problems"] != Counter(reason for _, reason in clean if reason is not None):
            return False
    return True


def everything(folder: Path, runs: list[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the bytes of all files of the run and what it said."""
    yield from (one["stderr"] for one in runs)
    yield from (path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file())


def readable(folder: Path, runs: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what the runs said and the text files that they wrote."""
    for one in runs:
        yield one["stderr"].decode("utf-8", "replace")
    for path in (folder / "out").glob("*.*"):
        yield html.unescape(path.read_text("utf-8"))


def told(text: str, suites: list[Suite]) -> bool:
    """Return True if the longest line of any message is in the text."""
    lines = (
        max(message.splitlines(), key=len, default="").strip()
        for suite in suites
        for message in suite.rows["text"].to_pylist()
    )
    return any(len(line) >= _LONG_ENOUGH and line in text for line in lines)


def faults_and_answers(
    suites: list[Suite], found: dict[str, Answers | None], models: Models
) -> list[dict[str, Any]]:
    """Return, by fault of the judge, the messages that met it and what became of them."""
    counts: dict[str, Counter[str]] = {}
    for suite in suites:
        answers = found[suite.name]
        became = reasons(answers) if answers else ("lost",) * suite.manifest.rows
        for text, reason in zip(suite.rows["text"].to_pylist(), became, strict=True):
            fault = judge_fault(text)
            name = "none" if fault is None else fault.name
            counts.setdefault(name, Counter())[reason or "answered"] += 1
    names = ["none", *(fault.name for fault in JUDGE_FAULTS)]
    return [
        {
            "fault": name,
            "messages": counts.get(name, Counter()).total(),
            "calls": models.faults[JUDGE, name],
            **{
                outcome: counts.get(name, Counter())[outcome]
                for outcome in ("answered", "malformed", "refused")
            },
        }
        for name in names
    ]


def page(record: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""

    def number(value: int) -> str:
        return f"{value:,}"

    suites = ", ".join(f"{name} {rows:,}" for name, rows in record["suites"].items())
    return [
        "# Models that misbehave",
        "",
        f"{record['date']}, commit {record['commit']}, {record['machine']}. One server on this "
        f"machine is a judge (`llm:`) and a rewriter (`--rewriter`), {record['parallel']} calls at "
        f"once; each fault meets {record['share_of_each_fault']:.0%} of the messages, always the "
        f"same ones. Messages scored, changed copies included: {suites}; languages: "
        f"{' '.join(record['languages'])}. The judge looks for "
        "words: how good it is says nothing. `benchmarks/bench_endpoints.py`.",
        "",
        *table(
            ["checked", "holds"],
            [[name, "yes" if holds else "NO"] for name, holds in record["checks"].items()],
        ),
        "",
        *table(
            ["run", "exit code", "calls"],
            [[one["what"], str(one["exit_code"]), number(one["calls"])] for one in record["runs"]],
        ),
        "",
        *table(
            ["model", "calls needed", "made, kills included"],
            [
                [model, number(calls["needed"]), number(calls["made"])]
                for model, calls in record["calls"].items()
            ],
        ),
        "",
        f"Needed: one a message, two where the first answer was none. Beside them "
        f"{record['calls_about_a_harmless_message']:,} calls asked about a harmless message, to "
        "learn whether a refusal is of the message or of everything.",
        "",
        "## The judge",
        "",
        *table(
            ["fault", "messages", "calls so answered", "answered", "malformed", "refused"],
            [
                [one["fault"], *(number(value) for key, value in one.items() if key != "fault")]
                for one in record["judge"]
            ],
        ),
        "",
        "## The rewriter",
        "",
        "What is left out for good has no changed copy; the others are rewritten when asked again.",
        "",
        *table(
            ["fault", "calls so answered"],
            [[one["fault"], number(one["calls"])] for one in record["rewriter"]],
        ),
    ]


if __name__ == "__main__":
    main()
