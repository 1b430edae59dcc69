"""The texts that throughput.py scores: cut from authored rows, the same on every run.

The rows of a language make one running text, its scams another; a message is the next piece of so
many tokens. So any number of messages of any length has the words, scripts and honest share of real
ones. Final rows stay closed.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from scamdetect.errors import InputError
from scamdetect.labels import Verdict
from scamdetect.train.data.authored import AuthoredRow

SEED = 20
SHORT = 40
# Median 27 and mean 37 tokens; one message in twenty has over 96.
MIX_MEDIAN, MIX_SIGMA = 27, 0.79
LONG = (400, 3000)
SCAM_SHARE, COPY_SHARE = 0.02, 0.30
MIX = "realistic mix"
_EDGES = 2  # the tokens before and after a text
_TRIES = 50

Normalise = Callable[[str], str]


@dataclass(frozen=True)
class Workload:
    """Texts to score, all distinct; ``copied`` holds the same lengths with copies among them."""

    name: str
    texts: list[str]
    copied: list[str] | None
    figures: dict[str, Any]


class _Pieces:
    """Messages of a wanted number of tokens out of the rows of one language."""

    def __init__(self, texts: list[str], tokenizer: Tokenizer, normalise: Normalise) -> None:
        self._text = " ".join(texts)
        self._tokenizer, self._normalise = tokenizer, normalise
        encoded = tokenizer.encode(self._text, add_special_tokens=False)
        self._spans = [span for span in encoded.offsets if span[0] < span[1]]
        self._place = self._lap = 0

    def next(self, tokens: int) -> tuple[str, str]:
        """Return the next message of at most so many tokens, and what the normaliser makes of it.

        On another lap the cuts fall elsewhere.
        """
        if self._place + tokens > len(self._spans):
            self._lap += 1
            self._place = self._lap % max(len(self._spans) - tokens, 1)
        start, end = self._place, min(self._place + tokens, len(self._spans))
        self._place = end
        while True:
            text = self._text[self._spans[start][0] : self._spans[end - 1][1]].strip()
            normal = self._normalise(text)
            if end == start + 1 or count_tokens(self._tokenizer, normal) <= tokens:
                return text, normal
            end -= 1


def build(
    rows: Iterable[AuthoredRow],
    tokenizer: Tokenizer,
    normalise: Normalise,
    n_texts: int,
    n_long: int,
) -> list[Workload]:
    """Return the workloads: messages of 40 tokens, a realistic mix and long texts.

    Tokens are those of a whole input, its edges included. Raises InputError where the rows are too
    few for so many distinct texts.
    """
    writer = _Writer(rows, tokenizer, normalise)
    scams = _scams(n_texts)
    random_ = np.random.default_rng(SEED)
    lengths = np.exp(random_.normal(np.log(MIX_MEDIAN), MIX_SIGMA, n_texts)).round().astype(int)
    long = np.exp(random_.uniform(*np.log(LONG), n_long)).round().astype(int)
    mix, copied, copies = writer.with_copies(lengths.tolist(), scams)
    return [
        writer.workload(f"{SHORT} tokens", writer.write([SHORT] * n_texts, scams)),
        writer.workload(MIX, mix, copied, copies),
        writer.workload("long texts", writer.write(long.tolist(), _scams(n_long))),
    ]


def count_tokens(tokenizer: Tokenizer, text: str) -> int:
    """Return the number of tokens of a text, without those at its edges."""
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


def _scams(size: int) -> list[bool]:
    """Return which messages are scams: one or more, spread evenly."""
    step = round(1 / SCAM_SHARE)
    return [place % step == min(step, size) // 2 for place in range(size)]


class _Writer:
    def __init__(
        self, rows: Iterable[AuthoredRow], tokenizer: Tokenizer, normalise: Normalise
    ) -> None:
        self._tokenizer, self._normalise = tokenizer, normalise
        self._random = random.Random(SEED)
        texts: dict[tuple[str, bool], list[str]] = {}
        for row in sorted(rows, key=lambda row: row.id):
            if row.part != "final":
                texts.setdefault((row.lang, row.verdict is Verdict.SCAM), []).append(row.text)
        self.languages = sorted(lang for lang, scam in texts if scam and (lang, False) in texts)
        if not self.languages:
            raise InputError("the authored rows of no language hold both scam and honest ones")
        for group in texts.values():
            self._random.shuffle(group)
        self._pieces = {
            key: _Pieces(group, tokenizer, normalise)
            for key, group in texts.items()
            if key[0] in self.languages
        }
        self._seen: set[str] = set()

    def write(self, lengths: Sequence[int], scams: Sequence[bool]) -> list[str]:
        """Return texts of these numbers of tokens in languages at random, no two alike."""
        return [
            self._one(self._random.choice(self.languages), scam, tokens)
            for tokens, scam in zip(lengths, scams, strict=True)
        ]

    def with_copies(
        self, lengths: list[int], scams: list[bool]
    ) -> tuple[list[str], list[str], dict[str, int]]:
        """Return distinct texts, the same with copies in the place of some, and the copies' number.

        A copy is as long as the text that stands for it among the distinct ones. Half of the copies
        are exact, half have other digits; few messages have many copies.
        """
        # The first message of each verdict stays: every copy has an original of its own verdict.
        free = [place for place in range(len(scams)) if scams[place] in scams[:place]]
        copies = set(self._random.sample(free, min(round(COPY_SHARE * len(scams)), len(free))))
        originals: dict[bool, list[int]] = {False: [], True: []}
        for place, scam in enumerate(scams):
            if place not in copies:
                originals[scam].append(place)
        source: dict[int, int] = {}
        for place in sorted(copies):
            same = originals[scams[place]]
            # A message's number of copies falls with its rank, as in Zipf's law.
            source[place] = same[int(len(same) ** self._random.random()) - 1]
            lengths[place] = lengths[source[place]]
        distinct = self.write(lengths, scams)
        copied = list(distinct)
        for number, (place, original) in enumerate(source.items()):
            text = distinct[original]
            copied[place] = text if number % 2 else self._near(text)
        exact = len(source) // 2
        return distinct, copied, {"exact copies": exact, "near copies": len(source) - exact}

    def workload(
        self,
        name: str,
        texts: list[str],
        copied: list[str] | None = None,
        copies: dict[str, int] | None = None,
    ) -> Workload:
        """Return the texts with figures that describe them."""
        counts = [count_tokens(self._tokenizer, self._normalise(text)) + _EDGES for text in texts]
        figures: dict[str, Any] = {
            "texts": len(texts),
            "languages": len(self.languages),
            "mean tokens": round(float(np.mean(counts)), 1),
            "p95 tokens": int(np.percentile(counts, 95)),
            "scam share": round(sum(_scams(len(texts))) / len(texts), 4),
        }
        if copied is not None:
            figures |= copies or {}
            figures["distinct after normalisation"] = len(
                Counter(self._normalise(text) for text in copied)
            )
        return Workload(name, texts, copied, figures)

    def _one(self, language: str, scam: bool, tokens: int) -> str:
        for _ in range(_TRIES):
            text, normal = self._pieces[language, scam].next(max(tokens - _EDGES, 1))
            if normal and normal not in self._seen:
                self._seen.add(normal)
                return text
        raise InputError(
            f"the authored rows in {language!r} give no more distinct texts of {tokens} tokens; "
            "ask for fewer texts"
        )

    def _near(self, text: str) -> str:
        """Return the text with other digits, or with a number at its end where it has none."""
        if not any(character in "0123456789" for character in text):
            return f"{text} {self._random.randrange(1000, 10_000)}"
        return "".join(
            str(self._random.randrange(10)) if character in "0123456789" else character
            for character in text
        )
