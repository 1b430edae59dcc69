"""Evaluate a bundle on the left-out sources and write the result as JSON and Markdown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.evaluation import baseline
from scamdetect.evaluation.languages import LanguageAccuracy, language_accuracy
from scamdetect.evaluation.markdown import render
from scamdetect.evaluation.metrics import Bools, Floats, as_scores
from scamdetect.evaluation.protocol import (
    FLAG_FPR,
    Evaluation,
    evaluate_scores,
    flag_masks,
    transferred_thresholds,
)
from scamdetect.evaluation.provenance import commit, machine, today
from scamdetect.evaluation.reference_mix import (
    balanced_sample,
    reference_weights,
    weighted_threshold_at_fpr,
)
from scamdetect.evaluation.scoring import DetectorScores, identify_languages, score_texts
from scamdetect.evaluation.slices import FalseAlarms, false_alarms
from scamdetect.evaluation.table import column, detector_texts, has_verdict, read_rows, select
from scamdetect.labels import Verdict

CALIBRATE_ROWS = 12_000
Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation with all that is needed to repeat it."""

    date: str
    commit: str | None
    machine: str
    bundle: str
    model_id: str | None
    corpus_sha256: str
    final: bool
    n_rows: int
    n_train: int
    n_calibrate: int
    notes: tuple[str, ...]
    detectors: tuple[Evaluation, ...]
    calibrate_false_alarms: dict[str, FalseAlarms]
    languages: tuple[LanguageAccuracy, ...]


def evaluate_bundle(bundle: Path, corpus: Path, out: Path, final: bool, log: Log) -> None:
    """Measure the bundle and write ``evaluate-<bundle>.json`` and ``.md`` into ``out``.

    Dev rows are scored, test rows too with ``final`` (then the files end in ``-final``). Raises
    InputError when the corpus lacks rows or columns and BundleError when the bundle is damaged.
    """
    detector = ScamDetector.load(bundle)
    report = build_report(detector, bundle.resolve().name, corpus, final, log)
    out.mkdir(parents=True, exist_ok=True)
    stem = f"evaluate-{report.bundle}{'-final' if final else ''}"
    markdown = render(report)
    record = json.dumps(asdict(report), indent=1, ensure_ascii=False, allow_nan=False)
    (out / f"{stem}.json").write_text(record + "\n", encoding="utf-8")
    (out / f"{stem}.md").write_text(markdown, encoding="utf-8")
    for line in markdown.splitlines():
        log(line)


def build_report(
    detector: ScamDetector, bundle: str, corpus: Path, final: bool, log: Log
) -> Report:
    """Return the figures of the detector and of the baseline on the same rows."""
    held_out = read_rows(corpus, {"dev", "test"} if final else {"dev"})
    measured = select(held_out, ~column(held_out, "not_legit").astype(bool))
    whole = read_rows(corpus, {"calibrate"})
    _check_rows(corpus, measured, whole)
    calibrate = balanced_sample(whole, CALIBRATE_ROWS)
    rows = pa.concat_tables([measured, calibrate])
    texts = detector_texts(rows)
    log(f"{bundle}: scoring {measured.num_rows:,} rows and {calibrate.num_rows:,} to calibrate")
    shipped = score_texts(detector, texts, bundle, log)
    train = read_rows(corpus, {"train"})
    scored = (shipped, _baseline_scores(train, rows, measured.num_rows, log))
    split = measured.num_rows
    evaluations, calibrated = [], {}
    for scores in scored:
        log(f"{scores.name}: computing the figures")
        transferred = transferred_thresholds(calibrate, scores[split:])
        evaluations.append(evaluate_scores(measured, scores[:split], transferred))
        masks = flag_masks(scores[split:], transferred)
        calibrated[scores.name] = false_alarms(calibrate, masks)
    return Report(
        date=today(),
        commit=commit(),
        machine=machine(),
        bundle=bundle,
        model_id=shipped.model_id,
        corpus_sha256=_sha256(corpus),
        final=final,
        n_rows=measured.num_rows,
        n_train=train.num_rows,
        n_calibrate=calibrate.num_rows,
        notes=_notes(train, held_out.num_rows - measured.num_rows, whole, calibrate),
        detectors=tuple(evaluations),
        calibrate_false_alarms=calibrated,
        languages=_languages(rows, shipped, texts, log),
    )


def _check_rows(corpus: Path, measured: pa.Table, calibrate: pa.Table) -> None:
    if not measured.num_rows:
        raise InputError(f"{corpus} holds no rows to measure on; rebuild it: scamdetect data build")
    if not has_verdict(calibrate, Verdict.LEGIT).any():
        raise InputError(
            f"{corpus} holds no legit rows with the role calibrate, so no threshold can be "
            "transferred; rebuild it: scamdetect data build"
        )


def _baseline_scores(train: pa.Table, rows: pa.Table, split: int, log: Log) -> DetectorScores:
    fitted = baseline.train_baseline(train, log)
    log(f"baseline: scoring {rows.num_rows:,} rows")
    scam = fitted.scam_probabilities(list(column(rows, "norm")))
    return DetectorScores(
        baseline.NAME, scam, as_scores(scam) >= _flag_threshold(rows, scam, split)
    )


def _flag_threshold(rows: pa.Table, scam: Floats, split: int) -> float:
    calibrate = rows.slice(split)
    honest: Bools = has_verdict(calibrate, Verdict.LEGIT)
    weights = reference_weights(calibrate)[honest]
    return weighted_threshold_at_fpr(scam[split:][honest], weights, FLAG_FPR)


def _languages(
    rows: pa.Table, shipped: DetectorScores, texts: list[str], log: Log
) -> tuple[LanguageAccuracy, ...]:
    truth = column(rows, "lang")
    found = []
    if shipped.languages is not None:
        found.append(language_accuracy(shipped.name, truth, shipped.languages))
    log("py3langid: naming the languages")
    identified = identify_languages(texts)
    if identified is not None:
        found.append(language_accuracy("py3langid", truth, identified))
    return tuple(found)


def _notes(train: pa.Table, n_open: int, whole: pa.Table, calibrate: pa.Table) -> tuple[str, ...]:
    licences = ", ".join(sorted(set(column(train, "licence_class").astype(str))))
    notes = [
        "The baseline is a character TF-IDF (char_wb, 2 to 5) with logistic regression on the "
        f"same normalised text; its train rows are of these licence classes: {licences}.",
        f"The baseline has no shipped thresholds: its flag is the threshold at {FLAG_FPR:.1%} on "
        "the same calibrate mix, as the bundle's was chosen.",
        f"{n_open:,} rows known only as not legit are in no figure; unscored rows count as not "
        "flagged.",
    ]
    usable = int((~column(whole, "not_legit").astype(bool)).sum())
    if usable > calibrate.num_rows:
        notes.append(
            f"Calibrate rows are a sample: {calibrate.num_rows:,} of {usable:,}, taken evenly from "
            "the verdict x slice x language cells, rows of a cell by their hash."
        )
    return tuple(notes)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
