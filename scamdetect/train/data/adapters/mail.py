"""Adapters for mail sources: simulated phishing in pairs, and threads of scam-baiters."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scamdetect.labels import Kind
from scamdetect.train.data.readers import Draft, read_records_as
from scamdetect.train.data.registry import Source

_LEAST_CHARACTERS = 40  # of a body, without its subject
_FEW_CHARACTERS = 700  # a longer first message is a letter with a site word in it
_ROMANTIC_MESSAGES, _ROMANTIC_SHARE = 3, 0.15

_HEADER = re.compile(
    r"received[^\n]*\n(?:x-originating-ip: *\n)?|x-(?:originating-ip|sender|mailer)[^\n]*\n",
    re.IGNORECASE,
)
_SITE_TALK = re.compile(
    r"scambait|\bbait|scammer|\blads?\b|419er|featuring|\bcast\b|starring|\bmugu"
    r"|\bi (?:sent|got) (?:this|the)\b",
    re.IGNORECASE,
)
_LETTER_OPENING = re.compile(
    r"\W*(?:dear|hello|hi\b|att(?:n|ention)|my dear|good (?:day|morning)|greetings|from|sir)",
    re.IGNORECASE,
)
_ENDEARMENT = re.compile(
    r"\bmy (?:\w+ )?(?:love|darling|baby|sweet|angel)\b|\bdarling|sweet ?heart"
    r"|\bi (?:do )?love (?:you|u)\b|\bmarry (?:me|you)\b|soul ?mate|\bhoney\b|\bkiss(?:es)?\b"
    r"|\bmiss (?:you|u)\b|\bmissing you",
    re.IGNORECASE,
)
_TOPICS = {
    Kind.LOTTERY: re.compile(r"lotter(?:y|ies)|lotto|sweepstake|jackpot", re.IGNORECASE),
    Kind.LOAN: re.compile(
        r"\bloan (?:offer|company|firm|amount|application|lender|agency|terms|funds|transfer)"
        r"|\bloan (?:repayment|duration)|\boffer loans",
        re.IGNORECASE,
    ),
}
_RELATIVE = re.compile(r"\b(?:mother|father|sister|brother|son|daughter|mum|dad)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Message:
    """One message of a thread, as cleaned."""

    by_scammer: bool
    subject: str
    body: str
    endearments: int


def pest_pairs(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield subject and body of each simulated mail; the group tells writer and purpose."""
    for _, mail in read_records_as(source, folder, "json"):
        group = mail["Group"]
        yield Draft(
            text="\n".join((mail[name] or "").strip() for name in ("Subject", "Body")),
            label="phishing" if group.endswith("-P") else "control",
            lang="en",
            channel="email",
            orig_label="|".join((group, mail["PEST_Category"], mail["PEST_Technique"])),
            thread_id=mail["Original_ID"],
            generated=None if group.startswith("HW") else "llm",
        )


def scambaiting_messages(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the messages of the scammers, each with its place in the thread."""
    for thread_id, messages in _read_threads(source, folder):
        romantic = _is_romantic(messages)
        for turn, message in enumerate(messages):
            if not message.by_scammer or len(message.body) < _LEAST_CHARACTERS:
                continue
            subject, body = message.subject, message.body
            told_in_body = subject.lower() in body[:200].lower()
            endeared = message.endearments >= (1 if romantic else 3)
            to_relative = _RELATIVE.search(body[:200]) is not None
            yield Draft(
                text=body if told_in_body else f"{subject}\n{body}",
                label="scam",
                lang="en",
                channel="email",
                orig_label="scam",
                thread_id=thread_id,
                turn=turn,
                kinds=_kinds(endeared and not to_relative, body, times=2),
            )


def scambaiting_dialogues(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield whole threads, A the scammer and B the baiter."""
    for thread_id, messages in _read_threads(source, folder):
        letters = "\n".join(message.body for message in messages if message.by_scammer)
        yield Draft(
            text="\n".join(f"{'A' if m.by_scammer else 'B'}: {m.body}" for m in messages),
            label="scam",
            lang="en",
            channel="dialogue",
            orig_label="advance_fee baiting thread (A=scammer, B=baiter)",
            thread_id=thread_id,
            kinds=_kinds(_is_romantic(messages), letters, times=3),
        )


def _read_threads(source: Source, folder: Path) -> Iterator[tuple[str, list[_Message]]]:
    for _, thread in read_records_as(source, folder, "json"):
        messages: list[_Message] = []
        records = [m for m in thread["messages"] if m["author_role"] in ("scam", "bait")]
        bodies = [_clean_body(record["body"]) for record in records]
        told = [(record, body) for record, body in zip(records, bodies, strict=True) if body]
        for place, (record, body) in enumerate(told):
            by_scammer = record["author_role"] == "scam"
            subject = record["subject"].strip()
            undated = not record["date"].strip() and not subject
            if by_scammer and undated and _is_narration(body, first=place == 0):
                continue
            endearments = len(_ENDEARMENT.findall(body))
            messages.append(_Message(by_scammer, subject, body, endearments))
        yield thread["stem"], messages


def _clean_body(body: str) -> str:
    body = html.unescape(body).replace("\N{NO-BREAK SPACE}", " ")
    body = re.sub(r"[ \t]+", " ", body)
    body = re.sub(r"\n{3,}", "\n\n", body).strip()
    header = _HEADER.match(body)
    return body[header.end() :].strip() if header else body


def _is_narration(body: str, first: bool) -> bool:
    """Return True if the site's own words about a thread were filed as the scammer's."""
    site_words = len(_SITE_TALK.findall(body))
    if first and len(body) < _FEW_CHARACTERS:
        return site_words >= 1
    return site_words >= 2 and not _LETTER_OPENING.match(body)


def _is_romantic(messages: list[_Message]) -> bool:
    scam = [message for message in messages if message.by_scammer]
    endeared = sum(message.endearments > 0 for message in scam)
    return endeared >= _ROMANTIC_MESSAGES and endeared >= _ROMANTIC_SHARE * len(scam)


def _kinds(romantic: bool, letters: str, times: int) -> tuple[Kind, ...]:
    topics = [kind for kind, words in _TOPICS.items() if len(words.findall(letters)) >= times]
    return (Kind.ADVANCE_FEE, *([Kind.ROMANCE] if romantic else []), *topics)


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "pest_pairs": pest_pairs,
    "scambaiting_messages": scambaiting_messages,
    "scambaiting_dialogues": scambaiting_dialogues,
}
