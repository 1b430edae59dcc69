"""Make a bundle from a finished run, or add words to a bundle; calibrate and compare it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from tokenizers import Tokenizer

import scamdetect
from scamdetect.bundle.bundle import (
    CARD,
    CASCADE,
    CONFIG,
    MANIFEST,
    MODEL,
    NGRAMS,
    SETTINGS,
    TOKENIZER,
    Bundle,
    trained_sources,
    write_manifest,
)
from scamdetect.bundle.scorer import Scorer
from scamdetect.detector import ScamDetector
from scamdetect.errors import BundleError, RecipeError
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.system.files import read_text, write_text, writing
from scamdetect.system.os_errors import written
from scamdetect.text.normalise import NORMALISER_VERSION
from scamdetect.train.calibration import (
    REVIEW_FPR,
    UNCALIBRATED,
    Calibration,
    calibrate,
    prove_kinds,
)
from scamdetect.train.card import write_card
from scamdetect.train.cascade import make_cascade, proof_line
from scamdetect.train.conversations import conversation_setting
from scamdetect.train.data.mix import FLAG_FPR, calibrate_sample
from scamdetect.train.data.table import detector_texts
from scamdetect.train.kinds_head import refit_kinds
from scamdetect.train.model import ScamModel
from scamdetect.train.parity import (
    LANGUAGE_ROWS,
    Parity,
    check_parity,
    compare_detectors,
    sample_languages,
)
from scamdetect.train.quantise import export_fp32, quantise
from scamdetect.train.recipe import Recipe, WordsTable
from scamdetect.train.rows import read_roles
from scamdetect.train.run import corpus_sha256, load_trained
from scamdetect.train.vocabulary import choose_pieces, count_pieces, growth, trim
from scamdetect.train.words import make_words

Log = Callable[[str], None]

MAX_TOKENS, STRIDE = 256, 64
_RUN = ("rows", "draws", "steps", "tokens", "minutes", "torch")
_RUN_COST = ("machine", "threads", "device")  # not recorded by older runs
KNOWN_TEXTS = (  # invented; a fresh install must give the same probabilities as the release
    "Hi dear, my uncle trades gold, I made 4,000 USD last week. Add me on Telegram, I guide you.",
    "Your parcel is held at customs. Pay the fee of 1.99 here: http://post-pay.example/x",
    "See you at seven, I'll bring the cake. Love you!",
    "Your one-time code is 482913. Never share it with anyone.",
    "พี่คะ กลุ่มลงทุนของอาจารย์กำไรวันละ 10% ทักไลน์มาเลยค่ะ",
    "Mẹ ơi con về tới nhà rồi, mai con gọi lại nha",
    "您的包裹已到驿站,请凭取件码 3-2-1188 取件",
    "Parabéns! Você ganhou um prémio, envie 500 MT para levantar",
)


def release(
    run: Path,
    corpus: Path,
    out: Path,
    name: str,
    version: str,
    log: Log,
    *,
    left_out: Sequence[str] = (),
) -> None:
    """Write the bundle ``out`` from the finished run; nothing is written if a step fails.

    ``left_out`` lists the generators whose rows were removed from the corpus, for the manifest.
    Raises RecipeError without a finished run or with another corpus than the run's, BundleError if
    int8 differs too much from fp32.
    """
    if os.path.lexists(out):
        raise BundleError(f"{out} already exists; remove it or choose another --out")
    model, tokenizer, record, recipe = load_trained(run)
    if record["corpus"] != corpus_sha256(corpus):
        raise RecipeError(f"{corpus} is not the corpus that {run} trained on; pass that one")
    positions = getattr(model.encoder.config, "max_position_embeddings", MAX_TOKENS)
    if positions < MAX_TOKENS:
        raise RecipeError(
            f"{run}: the base has {positions} positions, but a bundle's windows need {MAX_TOKENS}"
        )
    table = read_roles(corpus, ["train", "calibrate", "dev"], recipe.data.licences)
    roles = table["role"].to_pylist()
    held = {role: _of_role(table, roles, role) for role in ("train", "calibrate", "dev")}
    log("fitting the head of the kinds")
    kinds_record = refit_kinds(
        model, tokenizer, held["train"], recipe.base.prefix, recipe.data.max_tokens, log
    )
    whole = tokenizer
    tokenizer = _trim_vocabulary(model, whole, held, recipe)
    settings = _settings(name, version, recipe, record)
    config = _config(run)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".release-") as work:
        exact, small = Path(work) / "fp32", Path(work) / "int8"
        for folder in (exact, small):
            folder.mkdir()
        export_fp32(model, exact / MODEL)
        quantise(exact / MODEL, small / MODEL)
        write_parts(small, tokenizer, config, settings, {})
        sample = calibrate_sample(held["calibrate"])
        words = None
        if recipe.words.runs:
            log("fitting the words and their join with the encoder")
            found, join, words = make_words(
                held["train"], sample, Scorer(Bundle.load(small)), recipe.words,
                record["sources"], log,
            )  # fmt: skip
            settings["words"] = msgspec.to_builtins(join)
            for folder in (exact, small):
                found.save(folder / NGRAMS)
            write_parts(small, tokenizer, config, settings, {})
        log("calibrating on the calibrate rows")
        calibration = calibrate(sample, Scorer(Bundle.load(small)))
        write_parts(small, tokenizer, config, settings | calibration.settings(), {})
        log("testing the kinds on the select half of the dev rows")
        calibration = prove_kinds(calibration, Scorer(Bundle.load(small)), held["dev"])
        settings |= calibration.settings()
        for folder in (exact, small):
            write_parts(folder, tokenizer, config, settings, {})
        log("fitting the cascade on train and calibrate rows, testing it on dev rows")
        cascade_record = _add_cascade(small, held, settings, log)
        write_parts(small, tokenizer, config, settings, {})
        log("comparing int8 with fp32")
        parities = parity_of(exact, small, pa.concat_tables([held["calibrate"], held["dev"]]))
        check_parity(parities)
        settings["known_answers"] = known_answers(small)
        settings |= conversation_setting(small, held["calibrate"], log)
        training = {
            "scamdetect": scamdetect.__version__,
            "recipe": msgspec.to_builtins(recipe),
            "recipe_hash": record["recipe"],
            "corpus_sha256": record["corpus"],
            "seed": recipe.seed,
            "base": record["base"],
            "teacher": record.get("teacher"),
            "run": {k: record[k] for k in _RUN} | {k: record.get(k) for k in _RUN_COST},
            "start": record.get("start"),  # the mark of a longer run, and if averaged there
            "mean_of": record.get("mean_of"),
            "sources": sources_of(held["train"]),
            "without_generators": list(left_out),
            "languages": _languages(held["train"], held["calibrate"]),
            "calibrate_rows": sample.num_rows,
            "calibration": calibration.record(),
            "pieces": tokenizer.get_vocab_size(),
            "cascade": cascade_record,
            "words": words,
            "kinds_head": kinds_record,
            "vocabulary": _vocabulary(whole, tokenizer, held["dev"]),
            "parity_int8_fp32": [asdict(parity) for parity in parities],
        }
        write_parts(small, tokenizer, config, settings, training)
        shutil.move(str(small), str(out))
    _report(out, calibration, parities[0], log)


def _of_role(table: pa.Table, roles: list[str], role: str) -> pa.Table:
    return table.filter(pa.array([found == role for found in roles]))


def _settings(name: str, version: str, recipe: Recipe, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": name,
        "version": version,
        "normaliser_version": NORMALISER_VERSION,
        "classes": [verdict.value for verdict in VERDICTS],
        "kinds": [kind.value for kind in KINDS],
        "languages": record["languages"],
        "prefix": recipe.base.prefix,
        "max_tokens": MAX_TOKENS,
        "stride": STRIDE,
        "max_windows": None,
        "language_threshold": 0.5,
        **UNCALIBRATED,
    }


def _config(run: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(read_text(run / "config.json"))
    names = [verdict.value for verdict in VERDICTS]
    config["id2label"] = {str(place): label for place, label in enumerate(names)}
    config["label2id"] = {label: place for place, label in enumerate(names)}
    config["problem_type"] = "single_label_classification"
    return config


def write_parts(
    folder: Path,
    tokenizer: Tokenizer,
    config: Mapping[str, Any],
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
) -> None:
    """Write all files of a bundle except the graph, the card and the manifest."""
    write_text(folder / TOKENIZER, tokenizer.to_str(pretty=False))
    write_text(folder / CONFIG, _json(config))
    write_settings(folder, settings, training)


def write_settings(folder: Path, settings: Mapping[str, Any], training: Mapping[str, Any]) -> None:
    """Write settings, card and manifest for the other files of a bundle."""
    write_text(folder / SETTINGS, _json(settings))
    write_card(folder / CARD, settings, training)
    write_manifest(folder, training)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _add_cascade(
    folder: Path, held: Mapping[str, pa.Table], settings: dict[str, Any], log: Log
) -> dict[str, Any] | None:
    """Write the cascade's file and rule, if one can be made, and return its record."""
    scorer = Scorer(Bundle.load(folder))
    made = make_cascade(held["train"], held["calibrate"], held["dev"], scorer, log)
    if made is None:
        return None
    cascade, record = made
    cascade.save(folder / CASCADE)
    settings["cascade"] = msgspec.to_builtins(cascade.rule)
    log(f"cascade, {'proven' if cascade.rule.proven else 'not proven'}: {proof_line(record)}")
    return record


def parity_of(
    exact: Path, small: Path, table: pa.Table, limit: int = LANGUAGE_ROWS
) -> list[Parity]:
    """Return the differences between two bundles on at most ``limit`` rows per language."""
    sample = sample_languages(table, limit)
    with ScamDetector.load(exact) as first, ScamDetector.load(small) as second:
        return compare_detectors(first, second, detector_texts(sample), sample["lang"].to_pylist())


def known_answers(folder: Path) -> list[dict[str, Any]]:
    """Return a bundle's answers to KNOWN_TEXTS, for its settings."""
    with ScamDetector.load(folder, tier="full") as detector:
        predictions = detector.predict(list(KNOWN_TEXTS))
    return [
        {"text": text, "scam_probability": prediction.scam_probability}
        for text, prediction in zip(KNOWN_TEXTS, predictions, strict=True)
    ]


def sources_of(train: pa.Table) -> list[dict[str, Any]]:
    """Return the sources of train rows with their licence class and rows, for the manifest."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for source, licence in zip(
        train["source"].to_pylist(), train["licence_class"].to_pylist(), strict=True
    ):
        counts[source, licence] += 1
    return [
        {"source": source, "licence": licence, "rows": rows}
        for (source, licence), rows in sorted(counts.items())
    ]


def _languages(train: pa.Table, calibrate: pa.Table) -> dict[str, list[int]]:
    """Return the number of train and calibrate rows of each language, including rare ones."""
    counts = [Counter(table["lang"].to_pylist()) for table in (train, calibrate)]
    return {name: [count[name] for count in counts] for name in sorted(counts[0] | counts[1])}


def _trim_vocabulary(
    model: ScamModel, whole: Tokenizer, held: Mapping[str, pa.Table], recipe: Recipe
) -> Tokenizer:
    if recipe.vocabulary.max_pieces >= whole.get_vocab_size():
        return whole
    counts = count_pieces(
        whole, (text for role in ("train", "calibrate") for text in held[role]["norm"].to_pylist())
    )
    keep = choose_pieces(
        whole, counts, recipe.vocabulary.max_pieces, recipe.vocabulary.whole_scripts
    )
    return trim(model.encoder, whole, keep)


def _vocabulary(whole: Tokenizer, trimmed: Tokenizer, dev: pa.Table) -> list[dict[str, Any]]:
    """Return, by language, the cost of trimming on dev rows, which were not used in the choice."""
    texts: dict[str, list[str]] = defaultdict(list)
    for text, language in zip(dev["norm"].to_pylist(), dev["lang"].to_pylist(), strict=True):
        if len(texts[language]) < 2_000:
            texts[language].append(text)
    rows = []
    for language, sample in sorted(texts.items()):
        rise, unknown = growth(whole, trimmed, sample)
        rows.append(
            {
                "language": language,
                "texts": len(sample),
                "token_rise": round(rise, 4),
                "unknown": round(unknown, 5),
            }
        )
    return rows


def _report(out: Path, calibration: Calibration, whole: Parity, log: Log) -> None:
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    scalings = calibration.scalings
    log(f"{out}: {size:.1f} MB, {len(scalings.by_language)} languages with their own calibration")
    if scalings.nll_curve is not None and scalings.nll_language is not None:
        log(
            f"cross-validated loss by language: {scalings.nll_language:.4f} with their own "
            f"calibrations, {scalings.nll_curve:.4f} without"
        )
    for name, point, asked in (
        ("flag", calibration.flag, FLAG_FPR),
        ("review", calibration.review, REVIEW_FPR),
    ):
        why = (
            ""
            if point.fpr == asked
            else (f", the lowest rate that the rows support ({asked:.1%} is not)")
        )
        log(f"{name} from {point.threshold:.4f}: FPR {point.fpr:.1%} on the calibrate mix{why}")
    for point in calibration.operating_points:
        if point.lang is point.kind is None:
            log(
                f"FPR {point.fpr:.1%} on the calibrate mix: threshold {point.threshold:.4f}, upper "
                f"bound {point.upper_bound:.2%} (n = {point.n}), recall {point.recall or 0:.1%}"
            )
    log(
        f"int8 against fp32 on {whole.n} texts: {whole.verdict_flips} verdict flips, "
        f"{whole.flag_flips} flag flips, largest change {whole.largest_change}"
    )


# Optional parts of a bundle that are not fitted yet.
_FITTED = (
    "scam_curve", "language_calibration", "own_scaling", "kind_thresholds", "calibration_rows",
    "thresholds_fpr", "known_answers", "cascade", "conversation", "words",
)  # fmt: skip


def add_words(
    folder: Path, corpus: Path, out: Path, version: str, settings: WordsTable, log: Log
) -> None:
    """Write the bundle ``out``: the encoder in ``folder`` with words from the corpus's train rows.

    Join, probabilities, thresholds, kinds and the rule for conversations are fitted on its
    calibrate rows, and the kinds tested on its dev rows; a cascade is dropped. Raises BundleError
    if ``out`` exists, RecipeError if the rows are not enough, OutputError
    if writing fails.
    """
    if os.path.lexists(out):
        raise BundleError(f"{out} already exists; remove it or choose another --out")
    base = Bundle.load(folder)
    licences = base.training.get("recipe", {}).get("data", {}).get("licences", "default")
    train, held, dev = (
        read_roles(corpus, [role], licences) for role in ("train", "calibrate", "dev")
    )
    of_bundle = json.loads(base.read(SETTINGS))
    of_bundle = {key: value for key, value in of_bundle.items() if key not in _FITTED}
    of_bundle |= UNCALIBRATED | {"version": version}
    with written(out):
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
            table.save(draft / NGRAMS)
            of_bundle["words"] = msgspec.to_builtins(join)
            write_settings(draft, of_bundle, {})
            log("calibrating on the calibrate rows")
            calibration = calibrate(sample, Scorer(Bundle.load(draft)))
            write_settings(draft, of_bundle | calibration.settings(), {})
            calibration = prove_kinds(calibration, Scorer(Bundle.load(draft)), dev)
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
                "cascade": None,
                "words": record,
            }
            write_settings(draft, of_bundle, training)
            Bundle.load(draft)
            shutil.move(str(draft), str(out))
    log(
        f"{out}: flag from {calibration.flag.threshold:.4f} (FPR {calibration.flag.fpr:.1%} on the "
        f"calibrate mix), review from {calibration.review.threshold:.4f}"
    )


def add_cascade(folder: Path, corpus: Path, out: Path, version: str, log: Log) -> None:
    """Write the bundle ``out``: the one in ``folder`` with a new cascade.

    Messages that are read in full score as before. Raises BundleError if ``out`` exists,
    RecipeError if the corpus gives no cascade, OutputError if writing fails.
    """
    if os.path.lexists(out):
        raise BundleError(f"{out} already exists; remove it or choose another --out")
    base = Bundle.load(folder)
    licences = base.training.get("recipe", {}).get("data", {}).get("licences", "default")
    held = {role: read_roles(corpus, [role], licences) for role in ("train", "calibrate", "dev")}
    settings = json.loads(base.read(SETTINGS)) | {"version": version}
    settings.pop("cascade", None)
    with written(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".cascade-") as work:
            draft = Path(work) / "bundle"
            draft.mkdir()
            for name in base.sha256.keys() - {CASCADE, MANIFEST, SETTINGS, CARD}:
                with writing(draft / name) as file:
                    file.write(base.read(name))
            write_settings(draft, settings, {})
            record = _add_cascade(draft, held, settings, log)
            if record is None:
                raise RecipeError(f"{folder}: no cascade can be made from the rows in {corpus}")
            training = dict(base.training) | {"cascade": record}
            write_settings(draft, settings, training)
            Bundle.load(draft)
            shutil.move(str(draft), str(out))


def _together(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the train sources of encoder and words: either may know a text."""
    rows: dict[tuple[str, str], int] = {}
    for one in (*before, *now):
        key = (one["source"], one["licence"])
        rows[key] = max(rows.get(key, 0), int(one["rows"]))
    return [
        {"source": source, "licence": licence, "rows": n}
        for (source, licence), n in sorted(rows.items())
    ]
