"""Score with a bundle's judgement of conversations, whatever text has lines of speakers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scamdetect import ScamDetector
from scamdetect.bench.answers import Answers, Detector, Setting
from scamdetect.bench.detectors.bundle import training_of
from scamdetect.labels import Decision
from scamdetect.train.data.table import messages_of

_BATCH = 64  # texts whose turns are scored together


def load(target: str, setting: Setting) -> Detector:
    """Return the bundle in the folder ``target``, by default the shipped one, ready to judge.

    A text that begins with a line such as "A: hello" is a conversation, any other one of a single
    message. Raises BundleError on a bundle that fails its checks.
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
        batch=_BATCH,
    )


def _conversation(text: str) -> Sequence[dict[str, str] | str]:
    messages = messages_of(text)
    # A mail may have such a line somewhere; what stands before it is not to be lost.
    if messages and text.startswith(f"{messages[0]['sender']}:"):
        return messages
    return [text]
