"""Evaluate a bundle on the left-out sources and write JSON, Markdown and HTML into a folder."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from scamdetect.calibration.reliability import (
    BASE_RATES,
    FEWEST_CALIBRATED,
    Reliability,
    reliability,
)
from scamdetect.calibration.statistics import Floats
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.evaluate import baselines
from scamdetect.evaluate.authored import writers
from scamdetect.evaluate.comparison import (
    DETECTOR_CODE,
    Log,
    Rows,
    ScoreCache,
    read_evaluation_rows,
    score_rows,
    training_corpus,
)
from scamdetect.evaluate.contamination import Contamination, contamination
from scamdetect.evaluate.curves import Curves, curves
from scamdetect.evaluate.evasion import (
    STRENGTHS,
    EvasionResult,
    Message,
    disguise,
    evasion_results,
    script,
)
from scamdetect.evaluate.protocol import (
    FLAG,
    Evaluation,
    WorstRow,
    evaluate_scores,
    flag_masks,
    transferred_thresholds,
    worst_errors,
)
from scamdetect.evaluate.section import section_lines
from scamdetect.evaluate.sections import facts, sections
from scamdetect.evaluate.slices import (
    BY_SOURCE,
    FalseAlarms,
    KindFigures,
    LanguageAccuracy,
    false_alarms,
    kind_figures,
    language_accuracy,
)
from scamdetect.labels import KINDS, Kind, Verdict
from scamdetect.system.destinations import check_no_input, followed
from scamdetect.system.files import file_sha256, read_bytes, write_text
from scamdetect.train.data.mix import reference_weights
from scamdetect.train.data.scores import (
    DetectorScores,
    commit,
    machine,
    score_texts,
    today,
)
from scamdetect.train.data.table import (
    column,
    detector_texts,
    evaluation_sets,
    has_verdict,
    is_authored,
    kind_table,
    select,
)

_OURS = "# scamdetect evaluate --report: messages of public sources, not to be committed"


def prepare_folder(folder: Path, results: Path) -> None:
    """Make the folder, which git will ignore.

    Raises InputError if it is in ``results``, or contains files under version control or any not
    written by a report: texts of public sources must not be committed, and nothing else may be
    hidden from git.
    """
    where = folder.resolve()
    if where.is_relative_to(results.resolve()):
        raise InputError(f"{folder} is in the results folder {results}, {_CURE}")
    if where.is_file():
        raise InputError(f"{folder} is a file; --report names a folder")
    if _is_tracked(where):
        raise InputError(f"{folder} contains files under version control, {_CURE}")
    ignore = where / ".gitignore"
    ours = ignore.is_file() and read_bytes(ignore).startswith(_OURS.encode())
    if where.is_dir() and any(where.iterdir()) and not ours:
        raise InputError(f"{folder} contains files that a report did not write, {_CURE}")
    where.mkdir(parents=True, exist_ok=True)
    write_text(ignore, f"{_OURS}\n*\n")


_CURE = (
    "and the report shows messages of public sources, which must not be committed; choose a "
    "new folder: --report DIR"
)


def _is_tracked(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--", "."], capture_output=True, text=True
        )
    except OSError:
        return False
    return done.returncode == 0 and bool(done.stdout.strip())


EVASION_MESSAGES = 400


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation with everything needed to repeat it; the first detector is the bundle."""

    date: str
    commit: str | None
    machine: str
    bundle: str
    model_id: str | None
    corpus_sha256: str
    trained_on: str | None  # the sha256 of the bundle's own corpus
    train_writers: tuple[str, ...]  # of the authored train rows
    final: bool
    n_rows: int
    n_train: int
    n_calibrate: int
    notes: tuple[str, ...]
    detectors: tuple[Evaluation, ...]
    calibrate_false_alarms: dict[str, FalseAlarms]
    languages: tuple[LanguageAccuracy, ...]
    reliability: dict[str, tuple[Reliability, ...]]  # by detector
    kind_reliability: tuple[Reliability, ...]  # of the bundle on the authored dev rows
    curves: dict[str, tuple[Curves, ...]]  # by detector
    kinds_told: KindFigures
    evasion: tuple[EvasionResult, ...]
    contamination: tuple[Contamination, ...]
    worst_at_flag: tuple[WorstRow, ...]

    @property
    def same_corpus(self) -> bool:
        """Return True if the bundle was trained on the measured corpus, roles included."""
        return self.trained_on == self.corpus_sha256


def evaluate_bundle(
    bundle: Path,
    corpus: Path,
    out: Path,
    final: bool,
    log: Log,
    *,
    report: Path | None = None,
    base: str | None = None,
) -> None:
    """Evaluate the bundle and write ``evaluate-<bundle>.json`` and ``.md`` into ``out``.

    Dev rows are scored, or with ``final`` the test sources (then the files end in ``-final``). A
    folder ``report`` gets the same and an HTML page that shows the worst messages; scores are
    cached there, so that a stopped run resumes. ``base`` is the frozen encoder of a baseline.
    Raises InputError if the corpus lacks rows or columns or the folder contains other files, and
    BundleError if the bundle is damaged.
    """
    detector = ScamDetector.load(bundle)
    if report is not None:
        # Before hours of work: plots need packages that the evaluation itself does not.
        from scamdetect.evaluate.page import write_evaluation

        prepare_folder(report, out)
    stem = f"evaluate-{bundle.resolve().name}{'-final' if final else ''}"
    for place in filter(None, (out, report)):
        for name in (f"{stem}.json", f"{stem}.md"):
            check_no_input(followed(place / name), [bundle, corpus])
    rows = read_evaluation_rows(corpus, final)
    cache = ScoreCache(None if report is None else report / "scores", file_sha256(corpus), log)
    name = bundle.resolve().name
    found = build_report(detector, name, rows, final, log, cache=cache, base=base)
    text = markdown(found)
    record = json.dumps(asdict(found), indent=1, ensure_ascii=False, allow_nan=False)
    for folder in (out, report):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            write_text(followed(folder / f"{stem}.json"), record + "\n")
            write_text(followed(folder / f"{stem}.md"), text)
    for line in text.splitlines():
        log(line)
    if report is not None:
        write_evaluation(found, rows.measured, report / f"{stem}.html")
        log(
            f"{report / f'{stem}.html'}: the page, with messages of public sources; do not "
            "publish it"
        )


def markdown(report: Report) -> str:
    """Return the whole report as Markdown, ending in a newline."""
    lines = [f"# Evaluation of {report.bundle}", "", *(f"- {fact}" for fact in facts(report))]
    # An asterisk marks the sources that select; it must not start emphasis.
    lines += section_lines(sections(report), escape=lambda cell: cell.replace("*", "\\*"))
    return "\n".join(lines) + "\n"


def build_report(
    detector: ScamDetector,
    bundle: str,
    rows: Rows,
    final: bool,
    log: Log,
    *,
    cache: ScoreCache,
    base: str | None,
) -> Report:
    """Return the figures of the detector and of the baselines on the same rows."""
    measured, split = rows.measured, rows.measured.num_rows
    scored, notes = score_rows(rows, detector, bundle, base, cache, log)
    evaluations, calibrated = [], {}
    for scores in scored:
        log(f"{scores.name}: computing the figures")
        transferred = transferred_thresholds(rows.calibrate, scores[split:])
        evaluations.append(evaluate_scores(measured, scores[:split], transferred))
        masks = flag_masks(scores[split:], transferred)
        calibrated[scores.name] = false_alarms(rows.calibrate, masks)
    shipped = scored[0]
    log("searching for measured rows in the training text")
    overlap = contamination(measured, rows.train)
    return Report(
        date=today(),
        commit=commit(),
        machine=machine(),
        bundle=bundle,
        model_id=shipped.model_id,
        corpus_sha256=cache.corpus_sha256,
        trained_on=training_corpus(detector),
        train_writers=writers(select(rows.train, is_authored(rows.train))),
        final=final,
        n_rows=split,
        n_train=rows.train.num_rows,
        n_calibrate=rows.calibrate.num_rows,
        notes=(*notes, *_notes(rows, final)),
        detectors=tuple(evaluations),
        calibrate_false_alarms=calibrated,
        languages=_languages(rows, shipped),
        reliability={
            scores.name: _reliability(rows, scores)
            for scores in scored
            if scores.name != baselines.KEYWORDS  # 0 or 1 is not a probability
        },
        kind_reliability=_kind_reliability(measured, detector),
        curves={scores.name: _curves(measured, scores[:split]) for scores in scored},
        kinds_told=kind_figures(measured, shipped[:split].kinds or ()),
        evasion=_evasion(measured, detector, cache, log),
        contamination=overlap,
        worst_at_flag=worst_errors(measured, shipped[:split]),
    )


def _reliability(rows: Rows, scores: DetectorScores) -> tuple[Reliability, ...]:
    split, sets = rows.measured.num_rows, list[tuple[str, pa.Table, Floats, float | None]]()
    here = scores[:split].scam
    for rate in BASE_RATES:
        sets.append((f"reference mix, {rate:.0%} scams", rows.measured, here, rate))
    mix = f"calibrate mix, {BASE_RATES[0]:.0%} scams"
    sets.append((mix, rows.calibrate, scores[split:].scam, BASE_RATES[0]))
    for name, mask in evaluation_sets(rows.measured).items():
        sets.append((f"{name}, as found", select(rows.measured, mask), here[mask], None))
    found = (reliability_of_rows(*one) for one in sets)
    return tuple(one for one in found if one is not None)


def _kind_reliability(measured: pa.Table, detector: ScamDetector) -> tuple[Reliability, ...]:
    own = select(measured, is_authored(measured) & (column(measured, "role") == "dev"))
    told = detector.kind_proba(detector_texts(own)).astype(np.float64)
    found = (reliability_of_kind(kind, own, told[:, KINDS.index(kind)]) for kind in BY_SOURCE)
    return tuple(one for one in found if one is not None)


def _curves(measured: pa.Table, scores: DetectorScores) -> tuple[Curves, ...]:
    found = (
        curves(name, measured, mask, scores.scam)
        for name, mask in evaluation_sets(measured).items()
    )
    return tuple(one for one in found if one is not None)


def _evasion(
    measured: pa.Table, detector: ScamDetector, cache: ScoreCache, log: Log
) -> tuple[EvasionResult, ...]:
    """Return the figures on a sample of the authored dev rows, or none without such rows."""
    ranked = has_verdict(measured, Verdict.SCAM) | has_verdict(measured, Verdict.LEGIT)
    own = select(measured, ranked & is_authored(measured) & (column(measured, "role") == "dev"))
    if not own.num_rows:
        return ()
    messages = _messages(own)
    disguised = disguise(messages, tuple(STRENGTHS))
    texts = [m.text for m in messages] + [text for one in disguised for text in one.texts]
    hashes = [hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16] for text in texts]

    def score() -> DetectorScores:
        log(
            f"evasion: scoring {len(messages):,} messages, {len(texts) - len(messages):,} disguises"
        )
        return score_texts(detector, texts, "evasion", log)

    scores = cache.scores("evasion", detector.model_id, DETECTOR_CODE, hashes, score).scam
    clean, after = scores[: len(messages)], scores[len(messages) :]
    flag = {FLAG: detector.thresholds.flag}
    return tuple(evasion_results(messages, disguised, clean, after, flag))


def _messages(own: pa.Table) -> Sequence[Message]:
    """Return at most 400 messages, drawn evenly from verdict x language cells by their hash."""
    names = ("row_hash", "lang", "verdict")
    hashes, langs, verdicts = (column(own, name) for name in names)
    seen: Counter[tuple[str, str]] = Counter()
    ranks = []
    for row in sorted(range(own.num_rows), key=lambda row: str(hashes[row])):
        cell = (langs[row], verdicts[row])
        ranks.append((seen[cell], row))
        seen[cell] += 1
    texts = detector_texts(own)
    return [
        Message(texts[row], hashes[row], verdicts[row] == Verdict.SCAM.value, script(texts[row]))
        for _, row in sorted(ranks)[:EVASION_MESSAGES]
    ]


def _languages(rows: Rows, shipped: DetectorScores) -> tuple[LanguageAccuracy, ...]:
    if shipped.languages is None:
        return ()
    truth = column(rows.scored, "lang")
    return (language_accuracy(shipped.name, truth, shipped.languages),)


def _notes(rows: Rows, final: bool) -> tuple[str, ...]:
    notes = [
        f"{rows.n_open:,} rows known only as not legit are in no figure; unscored rows count as "
        "not flagged.",
    ]
    if final:
        notes.append(
            "Only test sources: roles are never mixed, so dev rows are left out, and with them "
            "the disguises and the worst errors. The project's own final messages are not read "
            "here: benchmarks/final.py opens them, once per bundle."
        )
    else:
        notes.append(
            f"Disguises were tried on at most {EVASION_MESSAGES} authored dev rows and only "
            "with the bundle."
        )
    if rows.n_calibrate > rows.calibrate.num_rows:
        notes.append(
            f"Calibrate rows are a sample: {rows.calibrate.num_rows:,} of {rows.n_calibrate:,}, "
            "drawn evenly from the verdict x slice x language cells, rows of a cell by their "
            "hash."
        )
    return tuple(notes)


def reliability_of_rows(
    name: str, table: pa.Table, scam_scores: Floats, base_rate: float | None
) -> Reliability | None:
    """Return the reliability on the rows: the reference mix at a base rate, or (None) as found.

    ``scam_scores`` (rows,). None with fewer than 20 scam or legit rows, too few for fifteen bins.
    """
    scam = has_verdict(table, Verdict.SCAM)
    known = scam | has_verdict(table, Verdict.LEGIT)
    scam = scam[known]
    if min(scam.sum(), (~scam).sum()) < FEWEST_CALIBRATED:
        return None
    weights = np.ones(scam.size) if base_rate is None else reference_weights(table)[known]
    groups = column(table, "group")[known].astype(np.int64)
    return reliability(name, scam_scores[known], scam, weights, groups, base_rate)


def reliability_of_kind(kind: Kind, table: pa.Table, probabilities: Floats) -> Reliability | None:
    """Return the reliability of P(scam of this kind) (rows,) on the rows as found.

    Its ``n_scam`` counts the scams of the kind, ``n_legit`` includes other scams. None with fewer
    than 20 of either.
    """
    scam = has_verdict(table, Verdict.SCAM)
    known = scam | has_verdict(table, Verdict.LEGIT)
    of_kind = (scam & kind_table(column(table, "kinds"))[:, KINDS.index(kind)])[known]
    if min(of_kind.sum(), (~of_kind).sum()) < FEWEST_CALIBRATED:
        return None
    groups = column(table, "group")[known].astype(np.int64)
    return reliability(kind.value, probabilities[known], of_kind, np.ones(of_kind.size), groups)
