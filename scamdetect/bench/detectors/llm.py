"""``llm:URL#MODEL``: a language model behind an OpenAI-compatible chat endpoint as the judge.

URL is the base of the service ("https://host/v1"); the key comes from the environment. Answers are
kept in the folder of the setting and are not paid twice.
"""

from __future__ import annotations

import hashlib

from scamdetect.bench.answers import Detector, Setting
from scamdetect.bench.detectors.judge import Judge
from scamdetect.bench.detectors.judge_prompt import JUDGE, VERSION
from scamdetect.bench.endpoints.chat import Chat, base_and_model
from scamdetect.bench.endpoints.endpoint import url_identity

# Small, as a batch is asked one after the other and several run at once.
_BATCH = 8


def load(target: str, setting: Setting) -> Detector:
    """Return the judge at "URL#MODEL"; raise InputError, OutputError of its store."""
    url, model = base_and_model(target)
    chat = Chat.of(url, model, setting, json=True)
    prompt_sha256 = hashlib.sha256(JUDGE.system.encode()).hexdigest()
    return Detector(
        name=model,
        identity=f"llm {url_identity(chat.url)} {model} prompt {VERSION} {prompt_sha256[:16]}",
        score=Judge(chat, JUDGE, setting.price),
        batch=_BATCH,
        parallel=setting.parallel,
        note=f"a language model asked for a probability, prompt {VERSION}; what it learnt from is "
        "not known, and it may answer differently another day",
        price_known=setting.price is not None,
    )
