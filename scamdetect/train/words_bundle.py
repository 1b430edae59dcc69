"""Give a bundle words: same encoder, with words beside it, calibrated anew."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import scamdetect
from scamdetect.bundle.bundle import (
    CONFIG,
    MODEL,
    SETTINGS,
    TOKENIZER,
    WORDS,
    Bundle,
    trained_sources,
)
from scamdetect.bundle.scoring import Scorer
from scamdetect.errors import BundleError, RecipeError
from scamdetect.system.files import writing
from scamdetect.system.os_errors import unwritable
from scamdetect.text.normalise import NORMALISER_VERSION
from scamdetect.train.calibration import UNCALIBRATED, calibrate
from scamdetect.train.conversations import conversation_setting
from scamdetect.train.data.mix import calibrate_sample
from scamdetect.train.recipe import WordsTable
from scamdetect.train.release import known_answers, sources_of, write_settings
from scamdetect.train.rows import read_roles
from scamdetect.train.run import corpus_sha256
from scamdetect.train.words import make_words

Log = Callable[[str], None]

# What a bundle may lack that is not fitted yet.
_FITTED = (
    "scam_curve", "language_calibration", "own_scaling", "kind_thresholds", "calibration_rows",
    "thresholds_fpr", "known_answers", "first_tier", "conversation", "words",
)  # fmt: skip


def add_words(
    folder: Path, corpus: Path, out: Path, version: str, settings: WordsTable, log: Log
) -> None:
    """Write the bundle ``out``: the encoder in ``folder`` with words of the corpus's train rows.

    Join, probabilities, thresholds, kinds and the rule for conversations are fitted on its
    calibrate rows; a first tier is left out. Raises BundleError where ``out`` exists, RecipeError
    where the rows teach too little or are of another normaliser, OutputError where writing fails.
    """
    if os.path.lexists(out):
        raise BundleError(f"{out} exists; remove it or choose another --out")
    base = Bundle.load(folder)
    if base.normaliser_version != NORMALISER_VERSION:
        raise RecipeError(
            f"{folder}: reads texts by normaliser {base.normaliser_version}, a corpus holds those "
            f"of {NORMALISER_VERSION}; make a bundle of a new run: scamdetect export RUN_DIR"
        )
    licences = base.training.get("recipe", {}).get("data", {}).get("licences", "default")
    train, held = (read_roles(corpus, [role], licences) for role in ("train", "calibrate"))
    of_bundle = json.loads(base.read(SETTINGS))
    of_bundle = {key: value for key, value in of_bundle.items() if key not in _FITTED}
    of_bundle |= UNCALIBRATED | {"version": version}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".words-") as work:
            draft = Path(work) / "bundle"
            draft.mkdir()
            for name in (MODEL, TOKENIZER, CONFIG):
                with writing(draft / name) as file:
                    file.write(base.read(name))
            write_settings(draft, of_bundle, {})
            sample = calibrate_sample(held)
            seen = trained_sources(base.training)
            scorer = Scorer(Bundle.load(draft))
            table, join, record = make_words(train, sample, scorer, settings, seen, log)
            table.save(draft / WORDS)
            of_bundle["words"] = asdict(join)
            write_settings(draft, of_bundle, {})
            log("calibrating on the calibrate rows")
            calibration = calibrate(sample, Scorer(Bundle.load(draft)))
            of_bundle |= calibration.settings()
            write_settings(draft, of_bundle, {})
            of_bundle["known_answers"] = known_answers(draft)
            of_bundle |= conversation_setting(draft, held, log)
            training = dict(base.training) | {
                "scamdetect": scamdetect.__version__,
                "corpus_sha256": corpus_sha256(corpus),
                "encoder": {
                    "bundle": base.model_id,
                    "corpus_sha256": base.training.get("corpus_sha256"),
                },
                "sources": _together(base.training.get("sources", ()), sources_of(train)),
                "calibrate_rows": sample.num_rows,
                "calibration": calibration.record(),
                "first_tier": None,
                "words": record,
            }
            training.pop("measured_as", None)
            write_settings(draft, of_bundle, training)
            Bundle.load(draft)
            shutil.move(str(draft), str(out))
    except OSError as problem:
        raise unwritable(out, problem) from problem
    log(
        f"{out}: flag from {calibration.flag.threshold:.4f} (FPR {calibration.flag.fpr:.1%} on the "
        f"calibrate mix), review from {calibration.review.threshold:.4f}"
    )


def _together(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the train sources of encoder and words: either of them may know a text."""
    rows: dict[tuple[str, str], int] = {}
    for one in (*before, *now):
        key = (one["source"], one["licence"])
        rows[key] = max(rows.get(key, 0), int(one["rows"]))
    return [
        {"source": source, "licence": licence, "rows": n}
        for (source, licence), n in sorted(rows.items())
    ]
