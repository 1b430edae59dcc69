"""The model card of a bundle: what it is for, what was measured, how it was made, in one order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scamdetect.bundle.bundle import trained_sources
from scamdetect.reports.cells import estimate
from scamdetect.system.files import write_text
from scamdetect.train import card_headline as first
from scamdetect.train import card_made as made
from scamdetect.train import card_measured as measured
from scamdetect.train.card_failures import failures_text
from scamdetect.train.card_results import Record, Results

SECTIONS = (
    "Results",
    "Limits",
    "Intended use",
    "Out of scope",
    "Decisions",
    "False alarms by kind of honest message",
    "By language",
    "Kinds of scam",
    "Known failures",
    "Disguises",
    "Conversations",
    "Writers that were not trained on",
    "Calibration",
    "How it was made",
    "Training sources by licence",
    "Overlap with the training text",
    "Thresholds by language",
    "Thresholds by kind",
    "int8 against fp32",
    "First tier",
    "Trimmed vocabulary",
)

_WHAT = """\
Scores one message at a time: the probabilities that it is honest (`legit`), unwanted promotion
(`spam`) or fraud (`scam`), the kinds of scam, and the language. It reads text alone, on a CPU,
offline."""

_RUN = """\
    from scamdetect import ScamDetector

    detector = ScamDetector.load("FOLDER_OF_THIS_BUNDLE")
    print(detector.predict("Your parcel is held, pay 1.99 at http://post-pay.example").decision)"""

_ALWAYS = (
    "Early turns of a romance or investment scam read like courtship or small talk, and no text "
    "model can tell them apart; a stranger's opening line deserves context, not a verdict.",
    "Messages by its own writer are most of what it knows of romance and investment scams in most "
    "languages; labels come from one model family and from the sources (below).",
)

_USE = """\
To help people and systems that protect users find scams: to rank messages, to send them to review,
to warn, to measure a platform over time, and to compare detectors. For messages of the length of an
SMS, a chat message or a mail, in the languages of the table below. Set a threshold on messages of
your own (`scamdetect calibrate`) before you act on a decision: rates differ from place to place."""

_NOT = """\
- Not the only ground on which a person loses an account, money or a right: people decide, and the
  person can object.
- Not a judgement of a person, a country or a language; no identification of who wrote a message.
- Not proof that a message is honest: `pass` says that this model saw no scam.
- Not for hate, harassment, malware or stolen accounts without a scam in the text, and not for
  images, sound, links behind the text or who sent it.
- Not for teaching a machine to write scams that pass."""


def write_card(
    path: Path,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    results: Results | None = None,
) -> None:
    """Write ``README.md`` of a bundle; without ``results`` its figures stand as not measured."""
    write_text(path, card_text(settings, training, results))


def card_text(
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    results: Results | None = None,
) -> str:
    """Return the card as Markdown with the metadata that the Hugging Face hub reads."""
    found = results or Results()
    texts = _texts(settings, training, found)
    parts = [
        _front_matter(settings, training, found),
        f"# {settings['name']} {settings['version']}",
        _WHAT,
        _RUN,
    ]
    for title in SECTIONS:
        parts += [f"## {title}", texts[title]]
    return "\n\n".join(parts) + "\n"


def _texts(settings: Record, training: Record, found: Results) -> dict[str, str]:
    limits = [*first.limits(found), *_ALWAYS]
    languages = measured.by_language(found, training.get("languages", {}))
    return {
        "Results": first.headline(found, trained_sources(training)),
        "Limits": "\n".join(f"- {line}" for line in limits),
        "Intended use": _USE,
        "Out of scope": _NOT,
        "Decisions": made.decisions(settings, training.get("calibration") or {}),
        "False alarms by kind of honest message": measured.false_alarms(found),
        "By language": f"{languages}\n\n{made.language_gaps(settings, training)}",
        "Kinds of scam": measured.kinds(found),
        "Known failures": (
            measured.not_measured("scamdetect evaluate")
            if found.failures is None
            else failures_text(found.failures)
        ),
        "Disguises": measured.disguises(found),
        "Conversations": measured.conversations(found),
        "Writers that were not trained on": measured.unseen_writers(found),
        "Calibration": measured.calibration(found),
        "How it was made": made.making(training, found.watts, found.cores),
        "Training sources by licence": made.sources(training),
        "Overlap with the training text": measured.overlap(found),
        "Thresholds by language": made.language_thresholds(settings),
        "Thresholds by kind": made.kind_thresholds(settings),
        "int8 against fp32": made.parity(training),
        "First tier": made.first_tier(settings, training),
        "Trimmed vocabulary": made.vocabulary(training),
    }


def _front_matter(settings: Record, training: Record, found: Results) -> str:
    """Return the metadata as YAML; strings are quoted, for ``no`` would else be a boolean."""
    base = made.base_name(training)
    lines = ["---", "library_name: scamdetect", "pipeline_tag: text-classification"]
    lines += ["license: apache-2.0"]
    if "/" in base:
        lines += [f"base_model: {json.dumps(base)}", "base_model_relation: finetune"]
    lines += ["language:", *(f"- {json.dumps(one)}" for one in settings["languages"])]
    lines += ["tags:", *(f"- {one}" for one in ("onnx", "scam", "fraud", "phishing"))]
    if found.final is not None:
        lines += _model_index(settings["name"], found.final)
    return "\n".join([*lines, "---"])


def _model_index(name: str, final: Record) -> list[str]:
    """Return the figures on the final part for the hub's own display."""
    metrics = (
        ("roc_auc", "AUC", final["auc"]),
        ("recall", "Recall at the flag threshold", final["flag_recall"]),
        ("fpr", "False-positive rate at the flag threshold", final["flag_fpr"]),
    )
    lines = ["model-index:", f"- name: {json.dumps(name)}", "  results:", "  - task:"]
    lines += ["      type: text-classification", "    dataset:"]
    lines += ["      name: own messages, final part", "      type: scamdetect-authored"]
    lines += ["    metrics:"]
    for kind, title, record in metrics:
        if (figure := estimate(record)) is not None:
            lines += [f"    - type: {kind}", f"      value: {figure.value:.4f}"]
            lines += [f"      name: {title}"]
    return lines
