"""A language model as a detector: what it says of each text, and what that cost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scamdetect.bench.answers import Answers
from scamdetect.bench.endpoints.chat import MALFORMED, Chat, Prompt, Said, without_thoughts
from scamdetect.labels import KINDS, Kind

_LONGEST = 20_000  # characters of an answer that are read
_NAMES = frozenset(map(str, KINDS))


@dataclass(frozen=True)
class Judgement:
    """What a judge said of a text: ``scam`` from 0 to 1, and the known ones of its kinds."""

    scam: float
    kinds: frozenset[Kind]


@dataclass(frozen=True)
class Judge:
    """Asks a model about texts; ``price`` is per million tokens in and out, None: not known."""

    chat: Chat
    prompt: Prompt
    price: tuple[float, float] | None

    def __call__(self, texts: Sequence[str], /) -> Answers:
        """Return the answers to the texts (n,), asked one after the other.

        An answer that cannot be read is asked for once more, and then "malformed"; it and what is
        "refused" have no probability. Raises what Chat.ask raises.
        """
        scam = np.full(len(texts), np.nan)
        seconds, cost = np.full(len(texts), np.nan), np.full(len(texts), np.nan)
        kinds: list[frozenset[Kind]] = []
        problems: list[str | None] = []
        for row, text in enumerate(texts):
            said = self.chat.ask(self.prompt, text, _usable)
            judgement = None if said.content is None else read_judgement(said.content)
            if judgement is not None:
                scam[row] = judgement.scam
            kinds.append(judgement.kinds if judgement else frozenset())
            problems.append(said.problem or (None if judgement else MALFORMED))
            seconds[row], cost[row] = said.seconds, self._cost(said)
        return Answers(scam, None, tuple(kinds), tuple(problems), seconds, cost)

    def _cost(self, said: Said) -> float:
        if self.price is None or said.tokens_in is None or said.tokens_out is None:
            return float("nan")
        return (said.tokens_in * self.price[0] + said.tokens_out * self.price[1]) / 1e6


def read_judgement(content: str) -> Judgement | None:
    """Return the judgement in what a model wrote, None where there is none or it is in doubt.

    JSON within prose, a code fence or after the thoughts of a model is read; unknown kinds are
    dropped. Two objects that differ are in doubt (one may quote the message), and so are a number
    between 0 and 1 and 1.0, which may be a share where per cent were asked for.
    """
    found = {
        probability: record
        for record in _objects(without_thoughts(content)[:_LONGEST])
        if "scam_probability" in record
        for probability in (_per_cent(record["scam_probability"]),)
    }
    if len(found) != 1:
        return None
    ((probability, record),) = found.items()
    if probability is None:
        return None
    return Judgement(probability / 100, _kinds(record.get("kinds")))


def _usable(said: Said) -> bool:
    if said.problem is not None:
        return said.problem != MALFORMED
    return said.content is not None and read_judgement(said.content) is not None


def _objects(content: str) -> Iterator[Mapping[str, object]]:
    """Yield the JSON objects in the text, those within others not."""
    decoder = json.JSONDecoder()
    start = content.find("{")
    while start >= 0:
        try:
            record, end = decoder.raw_decode(content, start)
        except RecursionError:
            return
        except ValueError:
            end = start + 1
        else:
            yield record
        start = content.find("{", end)


def _per_cent(value: object) -> float | None:
    """Return the number from 0 to 100, also where it is in quotes; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value.strip(" %") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    if isinstance(value, float) and number == 1:
        return None
    return number if number == 0 or 1 <= number <= 100 else None


def _kinds(value: object) -> frozenset[Kind]:
    names = value if isinstance(value, list) else [value]
    written = (one.strip().lower().replace(" ", "_") for one in names if isinstance(one, str))
    return frozenset(Kind(one) for one in written if one in _NAMES)
