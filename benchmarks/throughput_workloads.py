"""The workloads that throughput.py scores, the same on every run.

All messages are dev rows of this project (data/authored: scenario cards and everyday messages in 28
languages, as they come; no dialogues, no final rows), so that each has a verdict, and all are
invented. Issue 23 names the workloads with these shares: chat 98 % honest, 1 % advert, 1 % scam;
sms 70 % notices; reports half scams. Everything else here is invented as well: no public count of
such traffic was found.

  chat        70 % talk, 28 % notices, 1 % advert, 1 % scam. Talk is cut at the ends of sentences to
              lengths drawn from a log-normal distribution with a median of 27 tokens and a sigma
              of 0.79, or to what a row holds: people send sentences, rows are longer. The rest
              are whole rows
  sms         70 % notices, 24 % talk, 3 % advert, 3 % scam, whole rows
  reports     50 % scam, 20 % talk, 15 % notices, 10 % warnings of scams, 5 % advert: what people
              report, and what they report by mistake; whole rows
  duplicates  copies of a tenth as many messages, half scams, half notices, in random order over
              the whole stream; how many copies a message has falls with its rank, as in Zipf's
              law. Every other message carries a link that is different in each copy, which the
              normaliser masks
  long        400 to 3,000 tokens, evenly by their logarithm: honest rows of one language joined
              (of others where it has too few), in a quarter of the texts one scam among them

But for the duplicates no two texts of a workload are alike after normalisation. The figures of a
workload state the lengths that came out.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from tokenizers import Tokenizer

from scamdetect.errors import InputError
from scamdetect.frames.tables import fold_duplicates
from scamdetect.labels import Verdict
from scamdetect.train.data.authored import Part, load_authored
from scamdetect.train.data.everyday import load_catalogue, load_everyday

CHAT, DUPLICATES, LONG = "chat", "duplicates", "long"
Group = Literal["talk", "notice", "warning", "advert", "scam"]
HONEST: tuple[Group, ...] = ("talk", "notice", "warning")

SEED = 20
_SHARES: dict[str, dict[Group, float]] = {
    CHAT: {"talk": 0.70, "notice": 0.28, "advert": 0.01, "scam": 0.01},
    "sms": {"notice": 0.70, "talk": 0.24, "advert": 0.03, "scam": 0.03},
    "reports": {"scam": 0.50, "talk": 0.20, "notice": 0.15, "warning": 0.10, "advert": 0.05},
    DUPLICATES: {"scam": 0.50, "notice": 0.50},
}
# There are too few dev notices for as many texts as the chat has.
_SIZES = {CHAT: 1.0, "sms": 0.4, "reports": 0.4, DUPLICATES: 2.0}
_COPIES = 10  # of a message, on average
_TALK_MEDIAN, _TALK_SIGMA = 27, 0.79
_LONG_TOKENS, _LONG_SCAMS = (400, 3000), 4  # every fourth text holds a scam
_SENTENCE_END = re.compile(r"(?<=[.!?。！？।؟…])\s*|\n+")

Normalise = Callable[[str], str]


@dataclass(frozen=True)
class Message:
    """A message of this project and what it is."""

    text: str
    lang: str
    group: Group


@dataclass(frozen=True)
class Workload:
    """Messages to score; ``firsts`` are the places of the first copy of each."""

    name: str
    texts: list[str]
    groups: list[Group]
    firsts: list[int]
    figures: dict[str, Any]


def read_messages(authored: Path, cards: Path) -> dict[Part, list[Message]]:
    """Return the messages of each part but the final one, in the order of their ids.

    Raises SourceError if a row or the catalogue of the everyday ones is not as it must be.
    """
    found: dict[str, tuple[Part, Message]] = {}
    for row in load_authored(authored):
        if row.part is not None and row.channel != "dialogue":
            slices: dict[str | None, Group] = {"transactional": "notice", "awareness": "warning"}
            group = _group(row.verdict, slices.get(row.slice, "talk"))
            found[row.id] = row.part, Message(row.text, row.lang, group)
    if (everyday := authored / "everyday").is_dir():
        catalogue = load_catalogue(cards)
        for one in load_everyday(everyday, catalogue):
            family = catalogue.families.get(one.campaign)
            honest: Group = "notice" if family is not None and family.block == "notices" else "talk"
            found[one.id] = one.part, Message(one.text, one.lang, _group(one.verdict, honest))
    parts: dict[Part, list[Message]] = {part: [] for part in get_args(Part) if part != "final"}
    for _, (part, message) in sorted(found.items()):
        if part != "final":
            parts[part].append(message)
    return parts


def build(
    messages: Iterable[Message],
    tokenizer: Tokenizer,
    normalise: Normalise,
    n_texts: int,
    n_long: int,
) -> list[Workload]:
    """Return the workloads: ``n_texts`` chat messages, the others in proportion, ``n_long`` long.

    Raises InputError if the messages are too few for so many distinct texts.
    """
    writer = _Writer(messages, tokenizer, normalise)
    sizes = {name: max(round(share * n_texts), 1) for name, share in _SIZES.items()}
    written = {
        name: writer.copied(size) if name == DUPLICATES else writer.distinct(name, size)
        for name, size in sizes.items()
    }
    written[LONG] = writer.long(n_long)
    return [writer.workload(name, found) for name, found in written.items()]


def evenly(messages: Sequence[Message], most: int) -> list[Message]:
    """Return at most so many of the messages, evenly from all of them."""
    return list(messages[:: max(-(-len(messages) // most), 1)])


def count_tokens(tokenizer: Tokenizer, text: str) -> int:
    """Return the number of tokens of a text, without those at its edges."""
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


def _group(verdict: Verdict, honest: Group) -> Group:
    others: dict[Verdict, Group] = {Verdict.SCAM: "scam", Verdict.SPAM: "advert"}
    return others.get(verdict, honest)


class _Writer:
    def __init__(
        self, messages: Iterable[Message], tokenizer: Tokenizer, normalise: Normalise
    ) -> None:
        self._tokenizer, self._normalise = tokenizer, normalise
        self._random = random.Random(SEED)
        self._groups: dict[Group, list[Message]] = defaultdict(list)
        for message in messages:
            self._groups[message.group].append(message)
        for group in self._groups.values():
            self._random.shuffle(group)

    def distinct(self, name: str, size: int) -> list[Message]:
        """Return the messages of a workload, no two alike, in random order."""
        wanted = _counts(_SHARES[name], size)
        seen: set[str] = set()
        found: list[Message] = []
        for group, count in wanted.items():
            supply = iter(self._groups[group])
            if (name, group) == (CHAT, "talk"):
                supply = self._cut(supply)
            before = len(found)
            for message in supply:
                if len(found) == before + count:
                    break
                normal = self._normalise(message.text)
                if normal and normal not in seen:
                    seen.add(normal)
                    found.append(message)
            if len(found) < before + count:
                raise InputError(
                    f"{name}: {count} messages of the group {group!r} are wanted and the dev rows "
                    f"hold {len(found) - before}; ask for fewer texts"
                )
        self._random.shuffle(found)
        return found

    def copied(self, size: int) -> list[Message]:
        """Return copies of few messages; in some each has its own link."""
        originals = self.distinct(DUPLICATES, max(size // _COPIES, 1))
        weights = [1 / rank for rank in range(1, len(originals) + 1)]
        more = self._random.choices(range(len(originals)), weights, k=size - len(originals))
        places = [*range(len(originals)), *more]
        self._random.shuffle(places)
        return [
            self._with_link(originals[place]) if place % 2 else originals[place] for place in places
        ]

    def long(self, size: int) -> list[Message]:
        """Return long texts out of many messages."""
        honest, scams = self._by_language(*HONEST[:2]), self._by_language("scam")
        languages = sorted(honest.keys() & scams.keys())
        if not languages:
            raise InputError("the dev rows of no language hold both scam and honest messages")
        lowest, highest = _LONG_TOKENS
        found = []
        for place in range(size):
            language = self._random.choice(languages)
            target = lowest * (highest / lowest) ** self._random.random()
            texts = self._joined(honest, language, target)
            scam = place % _LONG_SCAMS == min(_LONG_SCAMS, size) - 1
            if scam:
                lure = self._random.choice(scams[language])
                texts.insert(self._random.randrange(len(texts) + 1), lure.text)
            found.append(Message("\n".join(texts), language, "scam" if scam else "talk"))
        return found

    def workload(self, name: str, messages: Sequence[Message]) -> Workload:
        """Return the messages with figures that describe them."""
        texts = [message.text for message in messages]
        normal = [self._normalise(text) for text in texts]
        counts = [self._tokens(text) for text in normal]
        groups = Counter(message.group for message in messages)
        distinct, inverse = fold_duplicates(normal)
        figures: dict[str, Any] = {
            "texts": len(texts),
            "distinct after normalisation": len(distinct),
            "languages": len({message.lang for message in messages}),
            "median tokens": int(np.median(counts)),
            "mean tokens": round(float(np.mean(counts)), 1),
            "p95 tokens": int(np.percentile(counts, 95)),
            **{f"{group} share": round(n / len(texts), 4) for group, n in sorted(groups.items())},
        }
        firsts = np.unique(inverse, return_index=True)[1].tolist()
        return Workload(name, texts, [message.group for message in messages], firsts, figures)

    def _cut(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Yield runs of the messages' sentences, of lengths at random."""
        for message in messages:
            left = [part for part in _SENTENCE_END.split(message.text) if part.strip()]
            while left:
                target = _TALK_MEDIAN * np.exp(self._random.gauss(0, _TALK_SIGMA))
                text = left.pop(0)
                while left and self._tokens(self._normalise(text)) < target:
                    text = f"{text} {left.pop(0)}"
                yield Message(text, message.lang, message.group)

    def _with_link(self, message: Message) -> Message:
        path = self._random.randrange(1 << 32)
        return Message(f"{message.text} https://go.example/{path:08x}", message.lang, message.group)

    def _joined(
        self, honest: Mapping[str, Sequence[Message]], language: str, target: float
    ) -> list[str]:
        """Return texts of the language, and of others once it has no more, of so many tokens."""
        others = [one for one in sorted(honest) if one != language]
        texts: list[str] = []
        total = 0
        for name in [language, *self._random.sample(others, len(others))]:
            for message in self._random.sample(honest[name], len(honest[name])):
                total += self._tokens(self._normalise(message.text))
                if total > target and texts:
                    return texts
                texts.append(message.text)
        return texts

    def _by_language(self, *groups: Group) -> dict[str, list[Message]]:
        found: dict[str, list[Message]] = defaultdict(list)
        for group in groups:
            for message in self._groups[group]:
                found[message.lang].append(message)
        return found

    def _tokens(self, normal: str) -> int:
        return count_tokens(self._tokenizer, normal)


def _counts(shares: Mapping[Group, float], size: int) -> dict[Group, int]:
    """Return how many of each group; the commonest one takes what rounding leaves."""
    counts = {group: round(share * size) for group, share in shares.items()}
    counts[next(iter(shares))] += size - sum(counts.values())
    return counts
