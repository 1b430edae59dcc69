"""The model card of a bundle and the page of its details: context, metadata, rewriting."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from scamdetect.bundle.bundle import (
    CARD,
    MANIFEST,
    SETTINGS,
    Bundle,
    trained_sources,
    write_manifest,
)
from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.presets import presets
from scamdetect.calibration.statistics import BASE_RATE
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError, MissingExtraError
from scamdetect.system.destinations import check_parent, own_destination
from scamdetect.system.files import read_bytes, read_text, write_text, writing
from scamdetect.system.os_errors import unwritable
from scamdetect.train.bars import BAR, ECE_BAR, FEWEST_ROWS, FLIPS_BAR
from scamdetect.train.calibration import BELIEVED, BELIEVED_LOW, FEWEST, MIN_PRECISION
from scamdetect.train.card_results import (
    EACH,
    Record,
    Results,
    cells_of,
    find_failures,
    read_results,
)
from scamdetect.train.cascade import PADDING, proof_line
from scamdetect.train.cells import counted, decimal, estimate, measured, percent, share
from scamdetect.train.data.corpus_rows import is_own
from scamdetect.train.plan import MIN_LANGUAGE_ROWS

try:
    from huggingface_hub import EvalResult, ModelCardData
    from jinja2 import Environment, StrictUndefined, Template
except ImportError as error:
    raise MissingExtraError(error.name or "huggingface_hub", "train") from error
except ValueError:  # the library reads HF_ENDPOINT when it is imported
    raise InputError("HF_ENDPOINT is not the URL of a hub; write it as https://host") from None

LONGEST = 300  # characters quoted of a failure
CARD_TEMPLATE, DETAILS_TEMPLATE = "card.md.j2", "details.md.j2"
_WEAKEST = 5  # languages and disguises named as the weakest
_CONSTANTS = {
    "BAR": BAR,
    "BASE_RATE": BASE_RATE,
    "BELIEVED": BELIEVED,
    "BELIEVED_LOW": BELIEVED_LOW,
    "EACH": EACH,
    "ECE_BAR": ECE_BAR,
    "FEWEST": FEWEST,
    "FEWEST_ROWS": FEWEST_ROWS,
    "FLIPS_BAR": FLIPS_BAR,
    "LONGEST": LONGEST,
    "MIN_LANGUAGE_ROWS": MIN_LANGUAGE_ROWS,
    "MIN_PRECISION": MIN_PRECISION,
    "PADDING": PADDING,
    "proof_line": proof_line,
}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&]|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)])")
_LONG_LIST = re.compile(r"^((?:datasets|language):)\n((?:- .*\n)+)", re.MULTILINE)
# Settings that a bundle may lack.
_LACKING: dict[str, Any] = {
    "calibration_rows": {},
    "cascade": None,
    "kind_thresholds": {},
    "language_calibration": {},
    "thresholds_fpr": {},
}

# The languages of XLM-R, whose weights the base began with (Conneau et al. 2020, table 6).
_BASE_LANGUAGES = """\
af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he hi hr
hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl no om or pa pl ps
pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh yi zh""".split()
_BLOCKS = {"notices": "honest notices", "talk": "honest talk", "money": "honest talk of money"}
_MEASURED = ("uk", "he", "ro", "cs", "mr")  # by benchmarks/final.py, on 40 messages each
# Per core of an unknown CPU, as the calculator of Lannelongue et al. 2021 (Green Algorithms,
# doi:10.1002/advs.202100707) assumes; memory and cooling are not in it.
_WATTS_PER_CORE = 12.0


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The ids of a bundle before and after a new card, and whether it has figures of the first."""

    before: str
    after: str
    measured: bool


def write_card(
    path: Path,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    results: Results | None = None,
) -> None:
    """Write ``README.md`` of a bundle; without ``results`` it says "not measured"."""
    write_text(path, card_text(settings, training, results))


def card_text(
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    results: Results | None = None,
) -> str:
    """Return the card as Markdown with the metadata that the Hugging Face hub reads."""
    found = results or Results()
    body = _rendered(CARD_TEMPLATE, settings, training, found)
    head = _LONG_LIST.sub(_on_one_line, _metadata(settings, training, found).to_yaml() + "\n")
    return f"---\n{head}---\n\n{body}"


def details_text(
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    results: Results | None = None,
) -> str:
    """Return the page of the long tables as Markdown."""
    return _rendered(DETAILS_TEMPLATE, settings, training, results or Results())


def _rendered(template: str, settings: Record, training: Record, found: Results) -> str:
    known = {**_LACKING, **settings}
    context = _shown_results(found, trained_sources(training)) | _shown_making(known, training)
    context["energy"] = energy_line(training.get("run", {}), watts=found.watts, cores=found.cores)
    return _template(template).render(_CONSTANTS | context)


def energy_line(run: Record, *, watts: float | None = None, cores: int | None = None) -> str:
    """Return an estimate of the energy of a run in words, or that it is unknown.

    ``watts`` is the mean power of the machine, ``cores`` the number of busy cores of an unknown
    processor if the record lacks it.
    """
    minutes = run.get("minutes")
    if minutes is None:
        return "not known: the run's time was not recorded."
    recorded = run.get("threads") if run.get("device") == "cpu" else None
    busy = recorded or cores
    if watts is not None:
        power, assumed = watts, f"{watts:g} W, given by the author of the card"
    elif busy is not None:
        power = busy * _WATTS_PER_CORE
        known = "as recorded" if recorded else "given by the author of the card"
        assumed = (
            f"{busy} cores, {known}, at {_WATTS_PER_CORE:g} W a core as in Lannelongue et al. "
            "2021, Green Algorithms"
        )
    else:
        return "not measured, and not estimated: the run's processor was not recorded."
    return (
        f"not measured; estimate: {minutes:,.1f} minutes x {power:g} W = "
        f"{minutes / 60 * power:,.1f} Wh ({assumed}; without memory and cooling)."
    )


def rewrite_card(
    folder: Path,
    files: Mapping[str, Path | None],
    *,
    authored: Path | None = None,
    details: Path | None = None,
    watts: float | None = None,
    cores: int | None = None,
) -> Rewritten:
    """Write ``README.md`` and ``manifest.json`` of the bundle; nothing else in it changes.

    ``files`` are results by kind (``evaluation``, ``pools``, ``final``, ``everyday``,
    ``untrained``, ``evasion``, ``bench``, ``conversations``). ``authored`` is the folder of the
    project's own messages; the worst errors on its dev part are quoted in ``details``, the file for
    the long tables. ``watts`` and ``cores`` are for the estimate of energy. The manifest keeps its
    schema version, and so the rule of the id.

    Raises InputError for results of another bundle, for a bundle with a team's own thresholds and
    for a ``details`` file of another kind, BundleError for a damaged bundle, OutputError if writing
    fails; the bundle then stays as it was.
    """
    bundle = Bundle.load(folder)
    if "own_thresholds" in bundle.training:
        raise InputError(
            f"{folder}: its card describes your own thresholds; write the card of the bundle that "
            "it was made from, then run scamdetect calibrate again"
        )
    results = read_results(bundle, files)
    if details is not None:
        given = [folder, *(path for path in files.values() if path is not None)]
        check_parent(details, "--details")
        details = own_destination(details, is_details, "page of details", given)
    if authored is not None:
        if not authored.is_dir():
            raise InputError(
                f"{authored}: no such folder; pass --authored, or 'none' without quotes"
            )
        with ScamDetector.load(folder) as detector:
            results = replace(results, failures=find_failures(detector, authored))
    shown = "" if details is None else details.name if details.is_absolute() else f"{details}"
    results = replace(results, watts=watts, cores=cores, details=shown)
    settings = json.loads(bundle.read(SETTINGS))
    text = card_text(settings, bundle.training, results)
    if details is not None:
        try:
            write_text(details, details_text(settings, bundle.training, results))
        except OSError as problem:
            raise unwritable(details, problem) from problem
    _replace(folder, text, bundle.training)
    return Rewritten(bundle.model_id, Bundle.load(folder).model_id, bool(results.files()))


def is_details(path: Path) -> bool:
    """Return whether the file is a page that ``details_text`` made."""
    return read_text(path).startswith("# Details of ")


def _replace(folder: Path, text: str, training: Mapping[str, object]) -> None:
    kept = {name: read_bytes(folder / name) for name in (CARD, MANIFEST)}
    try:
        write_text(folder / CARD, text)
        write_manifest(folder, training)
    except BaseException as problem:
        for name, content in kept.items():
            with writing(folder / name) as file:
                file.write(content)
        if isinstance(problem, OSError):
            raise unwritable(
                folder, problem, elsewhere="change a copy in another place"
            ) from problem
        raise


@cache
def _template(name: str) -> Template:
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "counted": lambda record: counted(estimate(record)),
        "decimal": lambda record: decimal(estimate(record)),
        "measured": lambda record: measured(estimate(record)),
        "n": "{:,}".format,
        "percent": lambda record: percent(estimate(record)),
        "quoted": _quoted,
        "share": share,
        "to": format,
        "words": lambda name: name.replace("_", " "),
    }
    source = resources("scamdetect.train").joinpath(name).read_text(encoding="utf-8")
    return environment.from_string(source)


def _metadata(settings: Record, training: Record, found: Results) -> ModelCardData:
    """Return what the hub reads at the top of a card."""
    base = _base_name(training)
    on_hub: dict[str, Any] = (
        {"base_model": base, "base_model_relation": "finetune"} if "/" in base else {}
    )
    public = sorted(
        one["source"] for one in training.get("sources", ()) if not is_own(one["source"])
    )
    figures = list(_metrics(found))
    return ModelCardData(
        library_name="scamdetect",
        pipeline_tag="text-classification",
        license="apache-2.0",
        **on_hub,
        datasets=public or None,
        language=list(settings["languages"]),
        tags=["onnx", "scam", "fraud", "phishing"],
        model_name=settings["name"] if figures else None,
        eval_results=figures or None,
    )


def _metrics(found: Results) -> Iterator[EvalResult]:
    """Yield the figures that the hub shows, of the bundle as shipped."""
    titles = {
        "auc": ("roc_auc", "AUC"),
        "flag_recall": ("recall", "Recall at the flag threshold"),
        "flag_fpr": ("fpr", "False-positive rate at the flag threshold"),
    }
    at = found.pools_as_shipped()
    sets: list[tuple[str, str, Record]] = []
    if at is not None:
        real = {"flag_recall": at["real"], "flag_fpr": at["honest"]}
        sets.append(("scams that people received, and honest messages", "scamdetect-pools", real))
    if found.everyday is not None:
        name = "everyday messages, final part (same writer as training messages)"
        sets.append((name, "scamdetect-everyday", found.everyday))
    if found.final is not None:
        name = "messages written to scenario cards, final part (same writer)"
        sets.append((name, "scamdetect-authored", found.final))
    for name, kind, record in sets:
        for key, (metric, title) in titles.items():
            if record.get(key) is not None:
                yield EvalResult(
                    task_type="text-classification",
                    dataset_type=kind,
                    dataset_name=name,
                    metric_type=metric,
                    metric_name=title,
                    metric_value=round(record[key]["value"], 4),
                )


def _on_one_line(block: re.Match[str]) -> str:
    names = [line.removeprefix("- ").strip("'\"") for line in block[2].splitlines()]
    return f"{block[1]} {json.dumps(names)}\n"


def _base_name(training: Record) -> str:
    """Return the base as the hub names it; a folder only by its name, without its path."""
    base = str(training.get("base", "unknown"))
    return base if base.count("/") == 1 and base[0] not in "./~" else base.rpartition("/")[2]


def _shown_results(found: Results, trained: frozenset[str]) -> dict[str, Any]:
    """Return the measured part of the context; ``trained`` are the sources of training rows."""
    evaluation: Record = found.evaluation or {}
    shipped, *others = evaluation.get("detectors", ({},))
    parts, (own_name, own_part) = found.own_parts(), found.own_part()
    writers = sorted({name for _, one in parts for name in one["writers"]})
    heads = [one.get("run", one) for one in found.files().values()]
    dates = sorted(str(one["date"]) for one in heads)
    flagged = [
        (one["flag"]["recall"]["value"], one["source"])
        for one in shipped.get("sources", ())
        if one["flag"]["recall"]
    ]
    of_parts = [one for one in (found.final, found.untrained) if one is not None]
    promotions = ((name, one.get("flag_spam")) for name, one in parts)
    told: Sequence[Record] = evaluation.get("languages") or ({"by_language": {}},)
    cells = cells_of(own_part, "language")
    kept = [(one["kept"]["flag"], one["evasion"].replace("_", " ")) for one in found.evasions()]
    return {
        "evaluation": found.evaluation,
        "shipped": shipped,
        "tfidf": {
            one["source"]: one["recall_at"]["1%"]
            for other in others[:1]
            for one in other["sources"]
        },
        "trained_too": trained & {one["source"] for one in shipped.get("sources", ())},
        "own_parts": parts,
        "own_name": own_name,
        "own_part": own_part,
        "own_languages": max((int(one["n_languages"]) for _, one in parts), default=0),
        "writers": writers,
        "shared_writers": [one for one in writers if one in evaluation.get("train_writers", ())],
        "dates": list(dict.fromkeys((dates[0], dates[-1]))) if dates else [],
        "commits": sorted({str(one.get("commit") or "unknown") for one in heads}),
        "model_id": found.model_id,
        "flagged": list(_flagged(found)),
        "shipped_details": found.details,
        "unseen": (min(flagged), max(flagged)) if flagged else (),
        "gaps": [] if found.bench is None else found.bench.get("gaps", []),
        "gates": sorted(found.gates(), key=lambda gate: str(gate["slice"])),
        "missed": [gate for gate in found.gates() if gate["met"] is False],
        "promotions": [(name, spam) for name, spam in promotions if spam is not None],
        "weakest_languages": _weakest((one["flag_recall"], one["name"]) for one in cells),
        "language_cells": cells and [*cells, *cells_of(found.untrained or {}, "language")],
        "language_told": {lang: one["accuracy"] for lang, one in told[0]["by_language"].items()},
        "kinds_told": {
            one["kind"]: one
            for one in evaluation.get("kinds_told", {}).get("kinds", ())
            if one["rows"] == "all"
        },
        "kinds_right": sorted(
            (one["precision"]["value"], one["kind"])
            for one in evaluation.get("kinds_told", {}).get("kinds", ())
            if one["rows"] == "all" and one.get("precision")
        ),
        "failures": found.failures,
        "evasions": found.evasions(),
        "weakest_disguises": _weakest(kept),
        "conversations": found.conversations,
        "reliability": [
            *evaluation.get("reliability", {}).get(shipped.get("detector"), ()),
            *(found.final or {}).get("reliability", ()),
        ],
        "overlap": [
            *evaluation.get("contamination", ()),
            *(one["contamination"] for one in of_parts if one.get("contamination")),
        ],
    }


def _flagged(found: Results) -> Iterator[tuple[str, Record]]:
    """Yield the shares of scams and of honest messages that are flagged, by what they are."""
    at = found.pools_as_shipped()
    parts = (
        ("everyday scams", "everyday honest messages", "final part", found.everyday),
        ("scams to scenario cards", "honest messages to scenario cards", "final part", found.final),
        ("scams, untrained languages", "honest messages, untrained languages", "", found.untrained),
    )
    known = [(*one[:2], f"{one[2]}, same writer".removeprefix(", "), one[3]) for one in parts]
    if at is not None:
        yield "scams from sources without training rows", at["pools"]["transfer"]
        yield "scams that people reported, other rows trained", at["pools"]["in_source"]
    for scams, _, which, record in known:
        if record is not None and record["flag_recall"] is not None:
            yield f"{scams} ({which})", record["flag_recall"]
    if at is not None:
        for block, title in _BLOCKS.items():
            yield title, at["blocks"][block]
    for _, honest, which, record in known:
        if record is not None and record["flag_fpr"] is not None:
            yield f"{honest} ({which})", record["flag_fpr"]


def _shown_making(settings: Record, training: Record) -> dict[str, Any]:
    """Return the part of the context that settings and training give."""
    points: dict[str, list[Record]] = {"all": [], "lang": [], "kind": []}
    for one in settings["operating_points"]:
        given = [key for key in ("lang", "kind") if one.get(key) is not None]
        if len(given) < 2:
            points[given[0] if given else "all"].append(one)
    thresholds = settings["kind_thresholds"]
    recalls = {one["kind"]: one["recall"] for one in points["kind"] if one["fpr"] == 0.01}
    counts = settings["calibration_rows"]
    rows = training.get("languages", {})
    untested = [name for name in _BASE_LANGUAGES if name not in rows]
    licences: dict[str, list[Record]] = defaultdict(list)
    for entry in training.get("sources", ()):
        licences[entry["licence"]].append(entry)
    run = training.get("run", {})
    device, threads = run.get("device"), run.get("threads")
    on = (
        run.get("machine"), None if device == "cpu" else device, threads and f"{threads} threads"
    )  # fmt: skip
    return {
        "settings": settings,
        "training": training,
        "base": _base_name(training),
        "blocks": (training.get("calibration") or {}).get("blocks"),
        "points": points,
        "presets": list(presets([OperatingPoint(**one) for one in points["all"]]).items()),
        "language_rows": rows,
        "without_scams": [
            name for name, (_, scams) in sorted(counts.get("languages", {}).items()) if not scams
        ],
        "few_rows": [(name, *of) for name, of in sorted(rows.items()) if of[0] < MIN_LANGUAGE_ROWS],
        "untested": untested,
        "untested_measured": [name for name in _MEASURED if name in untested],
        "named_kinds": [
            (kind, counts.get("kinds", {}).get(kind, "-"), thresholds.get(kind), recalls.get(kind))
            for kind in settings["kinds"]
            if thresholds.get(kind) or kind in recalls
        ],
        "named": [
            kind for kind in settings["kinds"] if (thresholds.get(kind) or {}).get("f1") is not None
        ],
        # Older bundles have thresholds for some kinds only.
        "believed": set(thresholds) == set(settings["kinds"]),
        "made_on": [part for part in on if part],
        "licences": sorted(licences.items()),
        "own_sources": any(is_own(one["source"]) for one in training.get("sources", ())),
    }


def _weakest(cells: Iterable[tuple[Record | None, str]]) -> list[tuple[str, Record]]:
    """Return the names with the lowest figures."""
    known = sorted((one["value"], name, one) for one, name in cells if one)
    return [(name, one) for _, name, one in known[:_WEAKEST]]


def _quoted(message: str) -> str:
    """Return a message on one line, cut and without Markdown."""
    text = " ".join(message.split())
    cut = text[:LONGEST].rstrip() + (" …" if len(text) > LONGEST else "")
    return _MARKDOWN.sub(r"\\\1", cut)
