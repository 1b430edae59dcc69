"""Make a bundle from a fine-tuned network: export, quantise, calibrate on all rows."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

import scamdetect
from scamdetect.adapt.recalibrate import noted
from scamdetect.bundle.bundle import CARD, CONFIG, MODEL, NGRAMS, Bundle, write_manifest
from scamdetect.bundle.ngrams import NgramTable
from scamdetect.bundle.scorer import Scorer
from scamdetect.calibration.statistics import Floats, effective_size
from scamdetect.labels import KINDS, VERDICTS, Kind, Verdict
from scamdetect.system.files import read_text, write_text
from scamdetect.text.normalise import NORMALISER_VERSION
from scamdetect.train.calibration import FEWEST, REVIEW_FPR, UNCALIBRATED, calibrate
from scamdetect.train.data.mix import FLAG_FPR, balanced_sample, reference_weights
from scamdetect.train.data.table import column, has_verdict, select
from scamdetect.train.finetune_rows import OWN, of_role, own_and_rehearsed
from scamdetect.train.model import ScamModel
from scamdetect.train.quantise import export_fp32, quantise
from scamdetect.train.recipe import load_recipe, recipe_hash
from scamdetect.train.release import known_answers, parity_of, write_parts
from scamdetect.train.run import Run
from scamdetect.train.words import join_again

Log = Callable[[str], None]

OWN_WORTH = 4  # effective rehearsed rows that a distinct own one is worth
MOST_OWN = 0.5  # of the mass of a verdict
CALIBRATE_ROWS = 6_000  # rehearsed ones: half of a release's, in half its time
PARITY_ROWS = 30  # a language
SUFFIX = "-finetuned"


def make_bundle(
    model: ScamModel,
    tokenizer: Tokenizer,
    base: Bundle,
    own: pa.Table,
    rehearsed: pa.Table,
    run: Run,
    out: Path,
    facts: Mapping[str, Any],
    note: Sequence[str],
    log: Log,
) -> None:
    """Write the folder ``out`` completely or not at all: a calibrated bundle of the network.

    ``facts`` are stored in the manifest as ``finetune``, ``note`` after the title of the card. The
    rates of the base's thresholds are kept. Raises RecipeError if the calibrate rows support no
    threshold.
    """
    mix = balanced_sample(of_role(rehearsed, "calibrate"), CALIBRATE_ROWS)
    table = own_and_rehearsed(of_role(own, "calibrate"), mix)
    weights = mixed_weights(table)
    rates = tuple(
        base.thresholds_fpr.get(name, usual)
        for name, usual in (("flag", FLAG_FPR), ("review", REVIEW_FPR))
    )
    config = json.loads(base.read(CONFIG))
    settings = _settings(base)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".finetune-") as work:
        exact, small = Path(work) / "fp32", Path(work) / "int8"
        for folder in (exact, small):
            folder.mkdir()
        log("exporting and quantising")
        export_fp32(model, exact / MODEL)
        quantise(exact / MODEL, small / MODEL)
        write_parts(small, tokenizer, config, settings, {})
        words_record = None
        if base.join is not None:
            words = NgramTable.load(base.read(NGRAMS), base.folder / NGRAMS)
            join = join_again(words, table, weights, Scorer(Bundle.load(small)), log)
            settings["words"] = msgspec.to_builtins(join)
            words_record = dict(base.training.get("words") or {}) | {
                "join": msgspec.to_builtins(join),
                "join_rows": table.num_rows,
            }
            for folder in (exact, small):
                words.save(folder / NGRAMS)
            write_parts(small, tokenizer, config, settings, {})
        shares = " and ".join(
            f"{share:.0%} of the {name} ones" for name, share in own_shares(table, weights).items()
        )
        log(f"calibrating on {table.num_rows:,} rows; own rows have {shares} by weight")
        calibration = calibrate(table, Scorer(Bundle.load(small)), weights, (rates[0], rates[1]))
        settings |= calibration.settings()
        settings["kind_thresholds"] |= kept_thresholds(base, calibration.rows.kinds)
        for folder in (exact, small):
            write_parts(folder, tokenizer, config, settings, {})
        log("comparing int8 with fp32")
        held = own_and_rehearsed(of_role(own, "dev"), of_role(rehearsed, "dev"))
        parities = parity_of(exact, small, held, PARITY_ROWS)
        whole = parities[0]
        log(
            f"int8 changes the flag of {whole.flag_flips} of {whole.n:,} texts, and the scam "
            f"probability by {whole.mean_change:.4f} on average"
        )
        settings["known_answers"] = known_answers(small)
        recipe, record = load_recipe(run.recipe), json.loads(read_text(run.record))
        before = base.training
        training = {
            "scamdetect": scamdetect.__version__,
            "recipe": msgspec.to_builtins(recipe),
            "recipe_hash": recipe_hash(recipe),
            "corpus_sha256": record["rehearsal_sha256"],
            "seed": recipe.seed,
            "base": before.get("base", base.model_id),
            "teacher": None,
            "run": {k: record[k] for k in ("rows", "draws", "steps", "tokens", "minutes", "torch")},
            "sources": before.get("sources", []),
            "without_generators": before.get("without_generators", []),
            "languages": before.get("languages", {}),
            "calibrate_rows": table.num_rows,
            "calibration": calibration.record(),
            "pieces": tokenizer.get_vocab_size(),
            "cascade": None,
            "words": words_record,
            "vocabulary": before.get("vocabulary", []),
            "parity_int8_fp32": [asdict(parity) for parity in parities],
            "finetune": dict(facts)
            | {
                "own_tokens": record["own_tokens"],
                "own_share_of_calibration": own_shares(table, weights),
            },
        }
        write_parts(small, tokenizer, config, settings, training)
        card = read_text(small / CARD)
        write_text(small / CARD, noted(card, note, "fine-tuned"))
        write_manifest(small, training)
        Bundle.load(small)
        shutil.move(str(small), str(out))
    log(
        f"flag from {calibration.flag.threshold:.4f} (FPR {calibration.flag.fpr:.1%} on the mix), "
        f"review from {calibration.review.threshold:.4f} (FPR {calibration.review.fpr:.1%})"
    )


def mixed_weights(table: pa.Table) -> Floats:
    """Return one weight per row (rows,) of all calibrate rows, on average 1 per verdict.

    Rehearsed rows are weighted as in the reference mix. The own ones of a verdict count once per
    group, and each of these as OWN_WORTH effective rehearsed rows, together at most MOST_OWN of the
    mass.
    """
    own, groups = column(table, "source") == OWN, column(table, "group").astype(np.int64)
    weights = np.zeros(table.num_rows)
    weights[~own] = reference_weights(select(table, ~own))
    for verdict in Verdict:
        of = has_verdict(table, verdict)
        mine, theirs = of & own, of & ~own
        if not mine.any():
            continue
        _, inverse, sizes = np.unique(groups[mine], return_inverse=True, return_counts=True)
        weights[mine] = 1 / sizes[inverse]
        share = 1.0
        if theirs.any():
            worth = effective_size(weights[theirs], groups[theirs])
            share = min(MOST_OWN, OWN_WORTH * sizes.size / (OWN_WORTH * sizes.size + worth))
            weights[theirs] *= (1 - share) * of.sum() / weights[theirs].sum()
        weights[mine] *= share * of.sum() / weights[mine].sum()
    return weights


def own_shares(table: pa.Table, weights: Floats) -> dict[str, float]:
    """Return the share of own rows in the weight of honest rows and of scams."""
    own = column(table, "source") == OWN
    return {
        verdict.value: round(float(weights[of & own].sum() / weights[of].sum()), 3)
        for verdict in (Verdict.LEGIT, Verdict.SCAM)
        if (of := has_verdict(table, verdict)).any()
    }


def kept_thresholds(base: Bundle, kinds: Mapping[Kind, int]) -> dict[str, dict[str, float | None]]:
    """Return the base's thresholds of kinds with too few calibrate rows for new ones.

    With the common threshold, the alternative, they would never be listed, because it is high.
    Their precision is known only for the original scores.
    """
    return {
        kind.value: {"f1": pair.f1, "precision": None}
        for kind, pair in base.kind_thresholds.items()
        if kinds[kind] < FEWEST
    }


def _settings(base: Bundle) -> dict[str, Any]:
    """Return the settings that do not depend on scores."""
    return {
        "schema_version": 1,
        "name": base.name if base.name.endswith(SUFFIX) else base.name + SUFFIX,
        "version": base.version,
        "normaliser_version": NORMALISER_VERSION,
        "classes": [verdict.value for verdict in VERDICTS],
        "kinds": [kind.value for kind in KINDS],
        "languages": list(base.languages),
        "prefix": base.prefix,
        "max_tokens": base.max_tokens,
        "stride": base.stride,
        "max_windows": base.max_windows,
        "language_threshold": base.language_threshold,
        **UNCALIBRATED,
    }
