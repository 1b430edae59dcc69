"""Fine-tune a bundle on a team's rows, and keep the result only if it is not worse."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import scamdetect
from scamdetect.adapt.notes import counted_rows, left_out
from scamdetect.adapt.own_rows import PLAIN, read_label_map
from scamdetect.bundle.bundle import MANIFEST, Bundle, write_manifest
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.labels import Verdict
from scamdetect.system.destinations import private_folder, replaced_folder
from scamdetect.system.files import file_sha256, locked, read_text
from scamdetect.system.os_errors import written
from scamdetect.train.data.corpus_rows import SCHEMA
from scamdetect.train.data.mix import FLAG_FPR
from scamdetect.train.data.scores import DetectorScores, score_texts
from scamdetect.train.data.table import column, detector_texts
from scamdetect.train.finetune_bundle import make_bundle
from scamdetect.train.finetune_compare import (
    Comparison,
    as_record,
    compare_scores,
    comparison_lines,
    judged_kinds,
)
from scamdetect.train.finetune_fit import EPOCHS, finetune_recipe, load_weights, train_on
from scamdetect.train.finetune_rows import (
    OwnTable,
    of_role,
    own_and_rehearsed,
    read_own_table,
    rehearsal_source,
    rehearsal_table,
)
from scamdetect.train.from_bundle import load_from_bundle
from scamdetect.train.pages import write_results
from scamdetect.train.parity import MOST_FLIPS
from scamdetect.train.run import Run

Say = Callable[[str], None]

MOST_EPOCHS = 100
RUN_SUFFIX = ".run"


@dataclass(frozen=True)
class Scored:
    """The compared rows, in the columns of a corpus, and the scores of both bundles.

    Own rows have the source OWN; all others are the dev rows of the rehearsal.
    """

    rows: pa.Table
    before: DetectorScores
    after: DetectorScores


@dataclass(frozen=True)
class Finetuned:
    """The path of the new bundle, whether it was installed as ``out``, and the comparison.

    ``run`` is the folder with ``comparison.md`` and ``comparison.json``; a bundle that got worse
    stays in it.
    """

    bundle: Path
    taken: bool
    comparison: Comparison
    scored: Scored
    run: Path


def finetune(
    data: Path,
    out: Path,
    *,
    base: Path | None = None,
    text_column: str = "text",
    label_column: str = "label",
    label_map: Path | None = None,
    group_column: str | None = None,
    kinds_column: str | None = None,
    rehearsal: Path | None = None,
    epochs: float = EPOCHS,
    seed: int = 0,
    even_if_worse: bool = False,
    overwrite: bool = False,
    say: Say,
) -> Finetuned:
    """Fine-tune the bundle ``base`` (by default the shipped one) on own rows, and write ``out``.

    ``data`` is any dump that ``scamdetect score`` reads. Three fifths of its groups train together
    with rows of ``rehearsal`` (a built corpus or the folder of the authored messages), a fifth and
    the calibrate rows recalibrate, a fifth and the dev rows compare old and new. If the new bundle
    is worse it stays in the folder ``out``.run, unless ``even_if_worse``. Calling it again resumes
    a killed run. Raises InputError for data that cannot be read, has unmapped labels or kinds or
    too few rows, and for an existing destination; BundleError for a base that cannot be trained,
    RecipeError if the calibrate rows support no threshold, OutputError if writing fails.
    """
    if out.name in {"", ".."}:
        raise InputError(
            f"{out}: pass a folder with a name, because the run folder is named after it"
        )
    inputs = [path for path in (data, label_map, rehearsal) if path is not None]
    out = replaced_folder(out, MANIFEST, overwrite=overwrite, inputs=inputs)
    if not 0 < epochs <= MOST_EPOCHS:
        raise InputError(
            f"{epochs!r} epochs are invalid; choose a number above 0 and at most {MOST_EPOCHS}"
        )
    known = PLAIN if label_map is None else read_label_map(label_map)
    bundle = Bundle.load(base)
    replaced_folder(out, MANIFEST, overwrite=overwrite, inputs=[bundle.folder])
    own = read_own_table(
        data,
        text_column=text_column,
        label_column=label_column,
        group_column=group_column,
        kinds_column=kinds_column,
        known=known,
        seed=seed,
    )
    for line in _counted(own):
        say(line)
    if "finetune" in bundle.training:
        say(
            "the base was fine-tuned before: some of its own training rows may be held out "
            "now, which flatters it and the new one; start from the shipped bundle with all "
            "rows"
        )
    source = rehearsal_source(rehearsal)
    recipe = finetune_recipe(bundle, seed)
    rehearsed = rehearsal_table(source, recipe.data.licences, own.table["norm"].to_pylist())
    say(f"rehearsing from {source}: {rehearsed.num_rows:,} rows")
    identity = {
        "base": bundle.model_id,
        "data_sha256": file_sha256(data),
        "rehearsal_sha256": _content_sha256(source),
        "labels": {name: verdict and verdict.value for name, verdict in sorted(known.items())},
        "columns": [text_column, label_column, group_column, kinds_column],
        "epochs": epochs,
        "seed": seed,
        "version": scamdetect.__version__,
    }
    run = Run(out.with_name(out.name + RUN_SUFFIX))
    candidate = run.folder / "bundle"
    with written(out):
        private_folder(run.folder, "choose another name for the bundle")
        with locked(run.folder):
            _check_same(run, identity)
            before, table = _read_by_base(bundle, own.table, say)
            own_rows = OwnTable(table, own.ignored, own.untexted, own.rejected, own.chosen)
            if not (candidate / MANIFEST).exists():
                model, tokenizer = load_from_bundle(bundle)
                if run.weights.exists():
                    load_weights(model, run.weights)
                else:
                    train_on(
                        model, tokenizer, table, rehearsed, recipe, bundle.languages, epochs, run,
                        identity, say,
                    )  # fmt: skip
                make_bundle(
                    model, tokenizer, bundle, table, rehearsed, run, candidate,
                    _facts(bundle, own_rows, identity), list(_note(bundle, own_rows)), say,
                )  # fmt: skip
                run.weights.unlink(missing_ok=True)
            scored = _score(bundle, candidate, table, before, rehearsed, say)
            judged = judged_kinds(bundle, Bundle.load(candidate))
            comparison = compare_scores(
                scored.rows, scored.before, scored.after, flag_rate(bundle), judged
            )
            comparison = replace(comparison, worse=(*comparison.worse, *_rounded_away(candidate)))
            page = write_results(
                run.folder / "comparison.json", as_record(comparison), comparison_lines(comparison)
            )
            for line in page.rstrip().split("\n"):
                say(line)
            if comparison.worse and not even_if_worse:
                return Finetuned(candidate, False, comparison, scored, run.folder)
            _note_worse(candidate, comparison)
            place(candidate, out)
    return Finetuned(out, True, comparison, scored, run.folder)


def _check_same(run: Run, identity: Mapping[str, Any]) -> None:
    """Raise InputError if the folder holds another run; remove partial output of a killed one."""
    for half in run.folder.glob(".finetune-*"):
        shutil.rmtree(half)
    if not run.record.exists():
        return
    found = json.loads(read_text(run.record))
    if differing := [key for key, value in identity.items() if found.get(key) != value]:
        raise InputError(
            f"{run.folder} contains a fine-tune with other {', '.join(differing)}; remove that "
            "folder or choose another destination"
        )


def _read_by_base(bundle: Bundle, own: pa.Table, say: Say) -> tuple[DetectorScores, pa.Table]:
    """Return the base's scores of the own rows, and those rows with the languages it identifies."""
    with ScamDetector.load(bundle.folder, tier="full") as detector:
        scores = score_texts(detector, detector_texts(own), "before", say)
    assert scores.languages is not None
    place = SCHEMA.get_field_index("lang")
    found = pa.array(scores.languages.tolist(), pa.string())
    return scores, own.set_column(place, SCHEMA.field(place), found)


def flag_rate(bundle: Bundle) -> float:
    """Return the false-positive rate at which a bundle's flag was set."""
    return bundle.thresholds_fpr.get("flag", FLAG_FPR)


def _score(
    base: Bundle,
    candidate: Path,
    own: pa.Table,
    own_before: DetectorScores,
    rehearsed: pa.Table,
    say: Say,
) -> Scored:
    """Score own held-out rows and rehearsal dev rows with the public API."""
    held = np.flatnonzero(column(own, "role") == "dev")
    rows = own_and_rehearsed(of_role(own, "dev"), of_role(rehearsed, "dev"))
    texts = detector_texts(rows)
    say(f"comparing on {held.size:,} own rows and {len(texts) - held.size:,} others")
    with ScamDetector.load(base.folder, tier="full") as detector:
        others = score_texts(detector, texts[held.size :], "before", say)
    with ScamDetector.load(candidate, tier="full") as detector:
        after = score_texts(detector, texts, "after", say)
        model_id = detector.model_id
    kinds = (own_before.kinds or ()), (others.kinds or ())
    before = DetectorScores(
        name="before",
        scam=np.concatenate([own_before.scam[held], others.scam]),
        flagged=np.concatenate([own_before.flagged[held], others.flagged]),
        kinds=(*(kinds[0][place] for place in held.tolist()), *kinds[1]),
        model_id=base.model_id,
    )
    after = DetectorScores("after", after.scam, after.flagged, after.kinds, None, model_id)
    return Scored(rows, before, after)


def _rounded_away(candidate: Path) -> Iterator[str]:
    """Yield a reason if int8 clearly differs from the trained network.

    The same share stops a release; here fewer texts are scored, so the interval decides.
    """
    whole = Bundle.load(candidate).training["parity_int8_fp32"][0]
    low, high = whole["flip_share"]
    if low > MOST_FLIPS:
        yield (
            f"int8 changes the flag of {whole['flag_flips']:,} of {whole['n']:,} texts "
            f"({low:.1%} to {high:.1%}) against fp32, margin {MOST_FLIPS:.0%}"
        )


def _note_worse(candidate: Path, comparison: Comparison) -> None:
    """Record in the manifest what got worse: users of the bundle do not have the run folder."""
    training = dict(Bundle.load(candidate).training)
    training["finetune"] = training["finetune"] | {"worse": list(comparison.worse)}
    write_manifest(candidate, training)


def place(candidate: Path, out: Path) -> None:
    """Move the bundle to ``out`` and replace an older one, which is kept if OSError is raised."""
    aside = out.with_name(f".{out.name}.replaced")
    if not out.exists():
        candidate.rename(out)
        shutil.rmtree(aside, ignore_errors=True)  # from a run killed during replacement
        return
    shutil.rmtree(aside, ignore_errors=True)
    out.rename(aside)
    try:
        candidate.rename(out)
    except OSError:
        aside.rename(out)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _content_sha256(source: Path) -> str:
    if source.is_file():
        return file_sha256(source)
    lines = [f"{path.name} {file_sha256(path)}\n" for path in sorted(source.glob("*.jsonl"))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _facts(base: Bundle, own: OwnTable, identity: Mapping[str, Any]) -> dict[str, Any]:
    roles = column(own.table, "role")
    return {key: identity[key] for key in ("data_sha256", "rehearsal_sha256", "epochs", "seed")} | {
        "base": base.model_id,
        "rows": {verdict.value: list(own.count(verdict)) for verdict in Verdict},
        "rows_by_role": {
            name: int((roles == name).sum()) for name in ("train", "calibrate", "dev")
        },
    }


def _counted(own: OwnTable) -> Iterator[str]:
    yield counted_rows(own.count)
    yield from left_out(
        {
            "without a label or mapped to ignore": own.ignored,
            "without a text": own.untexted,
            "that could not be read": own.rejected,
        }
    )
    if own.chosen:
        yield f"{own.chosen:,} rows that a queue chose are used only for training"
    held = column(own.table, "role")
    parts = {"train": "train", "calibrate": "calibrate", "dev": "compare"}
    yield ", ".join(f"{int((held == role).sum()):,} {does}" for role, does in parts.items())


def _note(base: Bundle, own: OwnTable) -> Iterator[str]:
    yield "## Fine-tuned"
    yield ""
    yield (
        f"{base.model_id} was trained on a team's own messages and earlier ones, and "
        "recalibrated on both; word embeddings are unchanged. Other sections of this card on "
        "training rows, sources and vocabulary describe the original bundle; thresholds, "
        "points and int8 against fp32 describe this one. It has no cascade and no conversation "
        "settings: those were fitted on other scores."
    )
    yield ""
    yield (f"Own {counted_rows(own.count)}. The comparison is in the run folder (comparison.md).")
