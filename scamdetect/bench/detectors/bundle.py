"""Score with a bundle through the public API: single messages, or whole conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect import ScamDetector
from scamdetect.bench.answers import Answers, Detector, Setting, Training
from scamdetect.bench.suites.rows import generator_of, generators
from scamdetect.labels import Decision
from scamdetect.train.data.scores import score_texts
from scamdetect.train.data.table import column, messages_of, read_rows, select

_AUTHORED = "authored_"
# Manifests contain sources, not writers: `generated` of those with rows of a model.
_GENERATED = {
    "ccr_zh_calls": "llm",
    "fraud_r1_base": "deepseek-r1",
    "hinglish_flirt_dialogues_hi": "gpt-3.5",
    "janitr_x_posts": "llm",
    "ko_korccvi_vishing": "llm",
    "mdb_pt_en_synthetic": "llm",
    "pest_human_vs_llm_email": "llm",
    "teleantifraud_text": "llm",
}
_WROTE_AUTHORED = "claude"
_BATCH = 1024  # texts that the detector deduplicates and sorts at a time


def load(target: str, setting: Setting) -> Detector:
    """Return the bundle in the folder ``target`` ready to score, by default the shipped one.

    Raises BundleError if the bundle fails its checks.
    """
    detector = ScamDetector.load(target or None)
    name = detector.bundle.name

    def score(texts: Sequence[str]) -> Answers:
        found = score_texts(detector, texts, name, setting.log)
        return Answers(
            scam=found.scam,
            flagged=found.flagged,
            kinds=found.kinds,
            problems=tuple("unscored" if missing else None for missing in np.isnan(found.scam)),
        )

    return Detector(
        name=name,
        identity=detector.model_id,
        score=score,
        training=training_of(detector.bundle.training, setting.corpus),
        batch=_BATCH,
    )


def training_of(record: Mapping[str, Any], corpus: Path | None) -> Training | None:
    """Return the training of a bundle from its manifest's record, None if it is not recorded.

    Generators are those known of its sources and, with a ``corpus``, those of its train and
    calibrate rows; the record's ``without_generators`` were held out. Raises InputError if the
    corpus cannot be read.
    """
    listed = record.get("sources")
    if not isinstance(listed, list) or not listed:
        return None
    sources = frozenset(str(entry["source"]) for entry in listed)
    found = {_known_generator(source) for source in sources}
    if corpus is not None:
        rows = read_rows(corpus, {"train", "calibrate"})
        own = np.array([source in sources for source in column(rows, "source")], dtype=bool)
        found |= set(generators(select(rows, own)))
    held_out = {str(name) for name in record.get("without_generators") or ()}
    sha256 = record.get("corpus_sha256")
    return Training(
        sources=sources,
        generators=frozenset(name for name in found if name is not None) - held_out,
        corpus_sha256=sha256 if isinstance(sha256, str) else None,
    )


def _known_generator(source: str) -> str | None:
    if source.startswith(_AUTHORED):
        return _WROTE_AUTHORED
    return generator_of(source, _GENERATED.get(source))


_CONVERSATION_BATCH = 64  # texts whose turns are scored together


def load_conversations(target: str, setting: Setting) -> Detector:
    """Return the bundle in the folder ``target`` (default: shipped) to judge conversations.

    A text that starts with a line such as "A: hello" is a conversation, any other one a single
    message. Raises BundleError if the bundle fails its checks.
    """
    detector = ScamDetector.load(target or None)

    def score(texts: Sequence[str]) -> Answers:
        found = detector.predict_conversations(map(_conversation, texts))
        return Answers(
            scam=np.array([one.risk for one in found], dtype=np.float64),
            flagged=np.array([one.decision is Decision.FLAG for one in found]),
            kinds=tuple(frozenset(score.kind for score in one.kinds) for one in found),
            problems=tuple(
                "unscored" if one.decision is Decision.UNSCORED else None for one in found
            ),
        )

    return Detector(
        name=f"{detector.bundle.name}, conversations",
        identity=f"{detector.model_id}, conversations",
        score=score,
        training=training_of(detector.bundle.training, setting.corpus),
        batch=_CONVERSATION_BATCH,
    )


def _conversation(text: str) -> Sequence[dict[str, str] | str]:
    messages = messages_of(text)
    # A mail may contain such a line; the text before it must not be lost.
    if messages and text.startswith(f"{messages[0]['sender']}:"):
        return messages
    return [text]
