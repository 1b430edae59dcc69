"""Rewrite messages by rules, as if from another writer, without a network or a model."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cached_property, lru_cache

from scamdetect.bench.rewriting.language import (
    DROPPED,
    DROPPED_CAPITAL,
    ENDS,
    KEPT,
    PAUSES,
    Words,
    at_start,
    capitalised,
    has_blanks,
    near_end,
    script_of,
    scripts_of,
    substitution,
    words_of,
)
from scamdetect.errors import InputError

CHANGES = {
    "friendlier": "A warm opener and closer; softer punctuation.",
    "shorter": "Greetings, fillers, polite closings and emoji dropped; common phrases in short.",
    "more_formal": "A formal opener and closer; contractions and slang spelt out; no emoji.",
    "paraphrase": "Synonyms and set phrases swapped, conditions moved; else a lead-in put before.",
}

_TURN = re.compile(r"^([A-J]: )", re.MULTILINE)
_ONE_EMOJI = (
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23fa]"
)
_EMOJI = re.compile(
    rf"(?P<kept>{KEPT})|(?P<before>\s*)(?:{_ONE_EMOJI}[\ufe0f\u200d\U0001f3fb-\U0001f3ff]*)"
    rf"(?:\s*{_ONE_EMOJI}[\ufe0f\u200d\U0001f3fb-\U0001f3ff]*)*(?P<after>[^\S\n]*)"
)
_END = re.compile(rf"(?:[{ENDS}{PAUSES}~\-–—)\"'”’»』」)]|{_ONE_EMOJI}\ufe0f?)\Z")
_LAST_KEPT = re.compile(rf"(?:{KEPT})\Z")
_MANY_MARKS = re.compile(r"([!?！？؟])[!?！？؟]+")
_EXCLAMATION = re.compile(r"[^\S\n]*[!！]+(?=[\s\"'”’»」』)]|\Z)|(?<=[\u3040-\u9fff])[!！]+")
_POINTS = re.compile("[\u260e\u27a1\U0001f447\U0001f449\U0001f4cd\U0001f4de\U0001f4f1]")
_KEPT = re.compile(KEPT)
_GREETING_END = re.compile(rf"[^{ENDS}{PAUSES}\n]{{1,30}}[{ENDS}{PAUSES}]+\s*")
_OPENED = re.compile("[¡]")
_LAST_STOP = re.compile(r"(?<=[^\s.。।။។۔])[.。।။។۔]\Z")
_SIGNATURE = re.compile(r"\n[^\n]{1,40}\Z")


class RuleRewriter:
    """Rewrite by the word lists in ``words``; equal texts are rewritten equally.

    Labels remain valid: the request, links, numbers and the markers of a dialogue are kept.
    """

    @property
    def name(self) -> str:
        """Return "rules"."""
        return "rules"

    @property
    def changes(self) -> dict[str, str]:
        """Return the changes by name, with a description of each."""
        return dict(CHANGES)

    def rewrite(self, text: str, lang: str, change: str) -> str | None:
        """Return the changed text, or None if the rules find nothing to change.

        Raises InputError for a language without word lists and for an unknown change.
        """
        if change not in CHANGES:
            raise InputError(f"no rules for the change {change!r}; known: {', '.join(CHANGES)}")
        rules = _rules(lang, script_of(text, scripts_of(lang)))
        generator = random.Random(f"{change}:{text}")
        changed = _CHANGE_OF[change](rules, text, generator).strip()
        return changed if changed and changed != text.strip() else None


class _Rules:
    """The words of a language, prepared for searching texts."""

    def __init__(self, words: Words, lang: str, *, blanks: bool) -> None:
        self.words, self.lang, self.blanks = words, lang, blanks
        self.greeting = at_start(words.greetings, blanks=blanks)
        self.closing = near_end(words.closings, blanks=blanks)

    @cached_property
    def shorten(self) -> Callable[[str], str]:
        return substitution(self.words.shorter, self.lang, blanks=self.blanks)

    @cached_property
    def spell_out(self) -> Callable[[str], str]:
        return substitution(self.words.more_formal, self.lang, blanks=self.blanks)

    @cached_property
    def swap(self) -> Callable[[str], str]:
        return substitution(self.words.paraphrased, self.lang, blanks=self.blanks)


@lru_cache(maxsize=64)
def _rules(lang: str, script: str) -> _Rules:
    return _Rules(words_of(lang, script), lang, blanks=has_blanks(script))


def _friendlier(rules: _Rules, text: str, generator: random.Random) -> str:
    words = rules.words
    openers, closers = words.friendly_openers, words.friendly_closers
    return _framed(rules, text, generator, openers, closers, _softened)


def _more_formal(rules: _Rules, text: str, generator: random.Random) -> str:
    words = rules.words

    def calmed(body: str) -> str:
        return _tidied(_calm(rules, rules.spell_out(body)), rules.lang)

    return _framed(rules, text, generator, words.formal_openers, words.formal_closers, calmed)


def _shorter(rules: _Rules, text: str, generator: random.Random) -> str:
    def cut(body: str) -> str:
        body = _softened(_without_emoji(body, rules))
        if greeting := rules.greeting.match(body):
            mark = DROPPED_CAPITAL if greeting[0].lstrip()[0].isupper() else DROPPED
            body = mark + body[greeting.end() :]
        if closing := rules.closing.search(body.rstrip()):
            body = body[: closing.start("closing")] + DROPPED
        return _LAST_STOP.sub("", _tidied(rules.shorten(body), rules.lang))

    return _by_turn(text, lambda body, _: cut(body))


def _paraphrase(rules: _Rules, text: str, generator: random.Random) -> str:
    def said_otherwise(body: str) -> str:
        for conjunction, then in rules.words.clauses:
            body = _condition_last(body, conjunction, then, rules.lang)
        return rules.swap(body)

    changed = _by_turn(text, lambda body, _: said_otherwise(body))
    if changed != text:
        return changed
    lead = generator.choice(rules.words.leads)
    marker = _TURN.match(text) if _is_dialogue(text) else None
    place = marker.end() if marker else 0
    greeting = _GREETING_END.match(text, place) if rules.greeting.match(text[place:]) else None
    if greeting and not _in_kept(text, greeting.end()):
        place = greeting.end()
    return f"{text[:place]}{lead}{_gap(lead)}{text[place:]}"


def _in_kept(text: str, place: int) -> bool:
    return any(kept.start() < place < kept.end() for kept in _KEPT.finditer(text))


_CHANGE_OF = {
    "friendlier": _friendlier,
    "shorter": _shorter,
    "more_formal": _more_formal,
    "paraphrase": _paraphrase,
}


def _framed(
    rules: _Rules,
    text: str,
    generator: random.Random,
    openers: tuple[str, ...],
    closers: tuple[str, ...],
    change: Callable[[str], str],
) -> str:
    """Return the text changed, between an opener and a closer; in a dialogue each side has one."""
    if not _is_dialogue(text):
        opener, closer = generator.choice(openers), generator.choice(closers)
        greeted, closed = rules.greeting.match(text), rules.closing.search(text)
        body = change(text)
        body = body if closed else _closed(rules, body, closer)
        return body if greeted else f"{opener}{_gap(opener)}{body}"
    first, second = generator.sample(openers, 2)
    met: set[str] = set()

    def turn(body: str, speaker: str) -> str:
        opener = second if met else first
        opened = speaker in met or rules.greeting.match(body)
        met.add(speaker)
        changed = change(body) or body
        return changed if opened else f"{opener}{_gap(opener)}{changed}"

    return _by_turn(text, turn)


def _closed(rules: _Rules, text: str, closer: str) -> str:
    """Return the text with the closer before its signature, if it has one, else at the end."""
    signature = _SIGNATURE.search(text)
    if signature and not _END.search(signature[0]) and not re.search(r"\d|://", signature[0]):
        return f"{text[: signature.start()]}\n{closer}{signature[0]}"
    if "\n" in text or _LAST_KEPT.search(text):
        return f"{text}\n{closer}"
    if not _END.search(text):
        text += rules.words.stop
    return f"{text}{_gap(text)}{closer}"


def _gap(before: str) -> str:
    """Return the blank between sentences; Chinese and Japanese have none after punctuation."""
    return "" if before.endswith(tuple("。！？～，：、")) else " "


def _is_dialogue(text: str) -> bool:
    return len(_TURN.findall(text)) > 1


def _by_turn(text: str, change: Callable[[str, str], str]) -> str:
    """Return the text changed, or each turn of a dialogue with its speaker; none ends up empty."""
    if not _is_dialogue(text):
        return change(text, "")
    first, *rest = _TURN.split(text)
    turns = [first]
    for marker, body in zip(rest[::2], rest[1::2], strict=True):
        spoken = body.rstrip()
        turns += [marker, change(spoken, marker).strip() or spoken, body[len(spoken) :]]
    return "".join(turns)


def _softened(text: str) -> str:
    return _MANY_MARKS.sub(lambda match: "?" if "?" in match[0] else match[1], text)


def _calm(rules: _Rules, text: str) -> str:
    text = _without_emoji(_softened(text), rules)
    return _OPENED.sub("", _EXCLAMATION.sub(rules.words.stop or " ", text))


def _without_emoji(text: str, rules: _Rules) -> str:
    """Return the text without emoji; one that separates two sentences becomes a full stop."""

    def dropped(match: re.Match[str]) -> str:
        if match["kept"]:
            return match[0]
        before, after = text[: match.start()].rstrip(), text[match.end() :]
        newline = "\n" if "\n" in match["before"] else ""
        if not after.strip() or after[0] == "\n" or not before or newline:
            return newline
        blank = " " if match["before"] or match["after"] else ""
        if after[0] in ENDS + PAUSES:
            return ""
        if before[-1] in ENDS + PAUSES or (blank and _POINTS.search(match[0])):
            return blank
        if _LAST_KEPT.search(before) or _KEPT.match(after) or not rules.words.stop:
            return " "
        mark = "," if after[0].islower() else rules.words.stop
        return mark if mark == "。" else f"{mark} "

    return _EMOJI.sub(dropped, text)


def _condition_last(text: str, conjunction: str, then: str, lang: str) -> str:
    """Return the text with "If A, B." as "B if A."; a sentence with more commas stays."""
    # A writer who starts a sentence with a capital also ends it with punctuation.
    word = re.escape(capitalised(conjunction, lang))
    other = rf"(?:[,،] *(?:{re.escape(then)} )?| {re.escape(then)} )" if then else "[,،] *"
    part = rf"[^{ENDS}{PAUSES}\n\"“”«»()]"
    pattern = re.compile(
        rf"(?:(?<=\A)|(?<=[{ENDS}] )|(?<=\n))(?P<if>{word}) (?P<a>{part}{{4,60}}?){other}"
        rf"(?P<b>{part}{{4,120}})(?P<end>[{ENDS}]+(?=\s|\Z)|(?=\n|\Z))"
    )

    def moved(match: re.Match[str]) -> str:
        main = capitalised(match["b"], lang).rstrip()
        return f"{main} {conjunction} {match['a']}{match['end']}"

    return pattern.sub(moved, text)


def _tidied(text: str, lang: str) -> str:
    """Return the text without the marks of dropped words; blanks and commas are corrected."""
    either = f"[{DROPPED}{DROPPED_CAPITAL}]"
    # The capital of a dropped word moves to the next one; a dropped word at the start of a line
    # takes its punctuation with it.
    text = re.sub(
        rf"(?P<line>(?:\A|(?<=\n)))?(?P<marks>{either}(?:[ {PAUSES}{ENDS}]*{either})*)"
        rf"(?P<rest>[ {PAUSES}{ENDS}]*)(?P<next>\w?)",
        lambda match: _joined(match, lang),
        text,
    )
    text = re.sub(rf"(?<=\S) *[,،，、]? *{DROPPED} *(?=[{ENDS}\n]|\Z)", "", text)
    text = re.sub(rf" *{DROPPED} *(?=[{PAUSES}])", "", text)
    text = re.sub(rf"( *){DROPPED}( *)", lambda match: " " if match[1] or match[2] else "", text)
    # An abbreviation before a full stop has it already.
    text = re.sub(r"(?<![.\s])\.\.(?!\.)", ".", text)
    return re.sub(r"(?<=\S) {2,}(?=\S)", " ", text).strip(" ")


def _joined(match: re.Match[str], lang: str) -> str:
    began, rest, following = match["line"] is not None, match["rest"], match["next"]
    capital = DROPPED_CAPITAL in match["marks"]
    if began or capital:
        return (" " if not began and match.start() else "") + (
            capitalised(following, lang) if capital else following
        )
    return f"{DROPPED}{rest}{following}"
