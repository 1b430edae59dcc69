"""Language models on this machine that misbehave on a fixed share of messages, always the same."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from bad_endpoint import (  # noqa: E402
    CUT_JSON,
    DOWN,
    HANGS_UP,
    PROSE,
    Answer,
    Request,
    bad_endpoint,
    chat,
    judged,
    late,
    message_of,
)

from scamdetect.bench.endpoints.endpoint import HARMLESS  # noqa: E402

JUDGE, REWRITER = "misbehaving", "rewriting"  # names of models
KEY = "sk-not-to-be-found-anywhere"
TIMEOUT = 2.0  # seconds that a call may take
SHARE = 0.02  # of the messages, for each fault
_BUSY = Answer(b"busy", 429, {"Retry-After": "1"})
_SLOW = late(chat("too late"), TIMEOUT * 1.5)
_REFUSAL = chat("I'm sorry, but I can't help with that.")


@dataclass(frozen=True)
class Fault:
    """What is answered in place of what was asked for, and what must become of it.

    ``once``: only the first call about a message is answered so. ``outcome`` is the reason that
    must be counted, None if the message must be answered after all.
    """

    name: str
    answer: Answer
    once: bool
    outcome: str | None


_PASSING = (
    Fault("HTTP 429 with Retry-After, once", _BUSY, True, None),
    Fault("HTTP 500, once", DOWN, True, None),
    Fault("hangs up, once", HANGS_UP, True, None),
    Fault("slower than the timeout, once", _SLOW, True, None),
    Fault("JSON cut on the way, once", CUT_JSON, True, None),
)
JUDGE_FAULTS = (
    *_PASSING,
    Fault("prose, once", chat("I think that this is a scam."), True, None),
    Fault("prose", chat("I think that this is fine."), False, "malformed"),
    Fault("a page of HTML", PROSE, False, "malformed"),
    Fault("refusal in prose", _REFUSAL, False, "malformed"),
    Fault("refusal", chat(None, refusal="I cannot."), False, "refused"),
    Fault("HTTP 400, filtered", Answer(b"filtered", 400), False, "refused"),
    Fault("number out of range", judged(130), False, "malformed"),
    Fault("share instead of per cent", judged(0.02), False, "malformed"),
    Fault("cut at the token limit", chat('{"scam_probability": 2', "length"), False, "malformed"),
    Fault(
        "two verdicts",
        chat('{"scam_probability": 2} or {"scam_probability": 95}'),
        False,
        "malformed",
    ),
)
REWRITER_FAULTS = (
    *_PASSING,
    Fault("refusal in prose", _REFUSAL, False, "left out"),
    Fault("refusal", chat(None, refusal="I cannot."), False, "left out"),
    Fault("HTTP 400, filtered", Answer(b"filtered", 400), False, "left out"),
    Fault("a page of HTML", PROSE, False, "left out"),
    Fault("cut at the token limit", chat("<rewritten>Dear", "length"), False, "left out"),
    Fault("empty", chat("<rewritten></rewritten>"), False, "left out"),
)


def fault_of(faults: Sequence[Fault], *asked: str) -> Fault | None:
    """Return the fault of a model about this, or None if it answers correctly."""
    digest = hashlib.sha256("\0".join(asked).encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:6]) / (1 << 48) / SHARE
    return faults[int(place)] if place < len(faults) else None


def honest_probability(text: str, words: Sequence[str]) -> int:
    """Return the per cent that the judge gives a message: high where a word is in it."""
    return 96 if any(word in text.casefold() for word in words) else 3


def rewritten(system: str, text: str) -> str:
    """Return the message as the rewriter changes it by a prompt."""
    return f"{text.strip()} ~{hashlib.sha256(system.encode()).hexdigest()[:6]}"


@dataclass
class Models:
    """Both models as the script of a server; counts what was asked by model and question.

    ``words`` are what the judge looks for; ``wrong_key`` counts calls without the key.
    """

    words: Sequence[str]
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    proofs: int = 0  # calls about a harmless text
    wrong_key: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Answer:
        """Return the answer to a call."""
        model, text = request.body["model"], message_of(request)
        system = request.body["messages"][0]["content"]
        harmless = HARMLESS in text
        with self._lock:
            self.wrong_key += request.headers.get("authorization") != f"Bearer {KEY}"
            if harmless:
                self.proofs += 1
            else:
                self.calls[model, system, text] += 1
            first = self.calls[model, system, text] == 1
            faults = JUDGE_FAULTS if model == JUDGE else REWRITER_FAULTS
            fault = None if harmless else fault_of(faults, system, text)
            if fault is not None and (first or not fault.once):
                self.faults[model, fault.name] += 1
                return fault.answer
        if model == JUDGE:
            return chat(json.dumps({"scam_probability": honest_probability(text, self.words)}))
        return chat(f"<rewritten>{rewritten(system, text)}</rewritten>")

    def total(self, model: str | None = None) -> int:
        """Return how many calls there were, about harmless texts too if no model is named."""
        with self._lock:
            asked = sum(n for (name, *_), n in self.calls.items() if model in (None, name))
            return asked + (self.proofs if model is None else 0)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the models and give the base of the service."""
        with bad_endpoint(self) as url:
            yield f"{url}/v1"
