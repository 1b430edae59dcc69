"""Adapters for conversations and calls: turn lists become one text with a line a turn."""

from __future__ import annotations

import io
import lzma
import random
import re
import string
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby, zip_longest
from pathlib import Path

from scamdetect.errors import SourceError
from scamdetect.labels import Kind
from scamdetect.train.data.readers import (
    Draft,
    decode_file,
    make_draft,
    read_files,
    read_gzip_json_lines,
    read_of,
    read_records_as,
)
from scamdetect.train.data.registry import Source

_MDB_KINDS = {
    "phishing": (Kind.PHISHING,),
    "romance_scam": (Kind.ROMANCE,),
    "government_impersonation": (Kind.IMPERSONATION,),
    "impersonation": (Kind.IMPERSONATION,),
    "bank_impersonation": (Kind.IMPERSONATION, Kind.PHISHING),
    "job_scam": (Kind.JOB,),
    "tech_support": (Kind.TECH_SUPPORT,),
    "family_emergency": (Kind.FAMILY_EMERGENCY,),
    "delivery_scam": (Kind.DELIVERY,),
    "financial_fraud": (),
}
_MDB_KINDS_OF_INTENT = {
    "crypto": (Kind.INVESTMENT, Kind.CRYPTO),
    "crypto2": (Kind.INVESTMENT, Kind.CRYPTO),
    "cryptopig": (Kind.INVESTMENT, Kind.CRYPTO),
    "pyramid": (Kind.INVESTMENT,),
    "lottery": (Kind.LOTTERY,),
    "inherit": (Kind.ADVANCE_FEE,),
    "loan": (Kind.LOAN,),
    "consig": (Kind.LOAN,),
    "studentloan": (Kind.LOAN,),
    "zellevenmo": (Kind.ACCOUNT_TAKEOVER,),
}
_MDB_CHANNELS = {"sms": "sms", "email": "email", "whatsapp": "chat"}
_MDB_WRAPPER = re.compile(r"^\s*\[[^\]]{2,30}\]:?\s*|\[MALICIOUS_URL\]")

_JANITR_SCAM = {"scam", "phishing", "recovery_scam"}
_JANITR_SPAM = {
    "spam", "promo", "affiliate", "lead_gen", "engagement_bait", "reply_spam", "follow_train",
    "giveaway",
}  # fmt: skip
_JANITR_KINDS = {
    "topic_crypto": Kind.CRYPTO,
    "phishing": Kind.PHISHING,
    "recovery_scam": Kind.ADVANCE_FEE,
    "impersonation": Kind.IMPERSONATION,
}

_FRAUD_R1_CHANNELS = {"email": "email", "job posting": "other"}
_FRAUD_R1_CLOSING = re.compile(
    r"\n[\s*#\-_>(]*(?:—\s*)?"
    r"(?:(?i:red flags?\b|key (?:red|fraud)\b|fraud (?:indicators?|awareness)\b)"
    r"|Security Note\b|Note: (?:This (?:message|email|notification)\b|To protect against fraud"
    r"|[^\n]{0,20}\bsimulat)).*\Z",
    re.DOTALL,
)
_FRAUD_R1_TELLTALE = re.compile(
    r"fraud tactics|red flags?|phishing (?:simulation|example)", re.IGNORECASE
)

_KOREAN_CASE = re.compile(r"(?=사례\s*\d+\s*[:.])|(?=[□■])|\n\s*\n")
_KOREAN_MARKS = re.compile(r"(?<![A-Za-z])[a-z]/ ?|[*+]")


def bongo_scam(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield SMS; scam texts that open with an English greeting are English."""
    english = re.compile(r"\s*(?:congrat|hello|dear|hi)", re.IGNORECASE)
    for part, record in read_records_as(source, folder, "csv"):
        label = record["Category"].strip()
        text = record["Sms"]
        draft = make_draft(source, part, text, label)
        yield replace(draft, lang="en") if label == "scam" and english.match(text) else draft


def janitr_posts(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield posts whose several labels are reduced to one verdict and kinds."""
    for part, record in read_records_as(source, folder, "jsonl"):
        labels: list[str] = record["labels"]
        notes = (record.get("notes") or "").lower()
        label, kinds = "legit", []
        if _JANITR_SCAM & set(labels):
            label = "scam"
            kinds = [kind for name, kind in _JANITR_KINDS.items() if name in labels]
        elif _JANITR_SPAM & set(labels):
            label = "spam"
        # The source calls orders to a token-making bot scam; they deceive nobody.
        orders_bot = "bankrbot" in record["text"].lower() or (
            "deploy" in notes and "bankr" in notes
        )
        if label == "scam" and orders_bot and "phishing" not in labels:
            label, kinds = "spam", [Kind.CRYPTO]
        draft = make_draft(source, part, record["text"], label, orig_label=",".join(labels))
        generated = "llm" if "ai_generated_reply" in labels else None
        yield replace(draft, kinds=tuple(kinds), generated=generated)


def mdb_lures(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the first lure of those that differ only in a leading tag or a link mask."""
    seen = set()
    for part, record in read_records_as(source, folder, "jsonl"):
        text = record["content"].strip()
        bare = _MDB_WRAPPER.sub("", text).strip().lower()
        if bare in seen:
            continue
        seen.add(bare)
        attack, intent = record["attack_type"], record["intent"]
        kinds = _MDB_KINDS.get(attack, (Kind.OTHER,))
        more = _MDB_KINDS_OF_INTENT.get(intent.rpartition("_from_")[2], ())
        yield replace(
            make_draft(source, part, text, "scam", orig_label=f"{attack}|{intent}"),
            channel=_MDB_CHANNELS.get(record["platform"], "other"),
            thread_id=record["id"],
            kinds=kinds + tuple(kind for kind in more if kind not in kinds),
        )


def fraud_r1(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield LLM-written lures without the notes by which the LLM gives itself away."""
    for part, record in read_records_as(source, folder, "json"):
        text = re.sub(r"[ \t]+(?=\n)", "", record["generated text"].strip())
        text = _FRAUD_R1_CLOSING.sub("", text).strip()
        if part.lang == "en" and _FRAUD_R1_TELLTALE.search(text):
            lines = [line for line in text.split("\n") if not _FRAUD_R1_TELLTALE.search(line)]
            text = "\n".join(lines).strip()
            if len(text) < 50:
                continue
        label = record["subcategory"]
        yield replace(
            make_draft(source, part, text, label, orig_label=f"{record['category']}|{label}"),
            channel=_FRAUD_R1_CHANNELS.get(record["data_type"], "chat"),
            thread_id=f"{part.lang}-{record['id']}",
        )


def teleantifraud(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield dialogues whose two lists of turns are interleaved; the caller speaks first."""
    for part, record in read_records_as(source, folder, "jsonl"):
        turns = []
        for left, right in zip_longest(record["left"], record["right"]):
            turns += [f"A: {left}"] if left is not None else []
            turns += [f"B: {right}"] if right is not None else []
        kind = record.get("fraud_type") or record.get("conversation_type")
        yield make_draft(
            source,
            part,
            "\n".join(turns),
            orig_label=f"{part.label}/{kind}",
            thread_id=f"{record['stem']}/{record['tts_id']}",
        )


def korccvi(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield transcripts: each part's name is its label; of mixed files only the legit rows."""
    for part, record in read_records_as(source, folder, "csv"):
        fields = {name.lower(): value for name, value in record.items()}
        label = part.label or ""
        text = fields["transcript"]
        if label != "vishing" and fields["label"].strip() != "0":
            continue
        if label == "non-vishing(v1.3)":
            text = _KOREAN_MARKS.sub("", text).replace("/", "")
        yield make_draft(source, part, text, label)


def fss_cases(source: Source, folder: Path) -> Iterator[Draft]:
    """Yield the openings of call transcripts, and written warnings case by case."""
    for part, record in read_records_as(source, folder, "csv"):
        text = record["text"].strip()
        thread_id = record["id"]
        if record["kind"] == "mp4":
            opening = text[:2500]
            yield make_draft(source, part, opening, "fss_call_transcript", thread_id=thread_id)
            continue
        pieces = [piece.strip() for piece in _KOREAN_CASE.split(text)]
        for piece in [piece for piece in pieces if len(piece) > 80] or [text]:
            draft = make_draft(source, part, piece[:1500], "awareness")
            yield replace(draft, channel="other", thread_id=thread_id)


def alternate(turns: Iterable[str]) -> str:
    """Return the turns as lines spoken by A and B by turns."""
    return "\n".join(f"{'AB'[place % 2]}: {turn}" for place, turn in enumerate(turns))


def detokenise_english(text: str) -> str:
    """Remove the blanks that a tokeniser put before punctuation and clitics."""
    text = re.sub(r"\s+([.,!?;:%)\]’])", r"\1", text)
    return re.sub(r"\s*’\s*(s|t|m|re|ve|ll|d)\b", r"’\1", text)


def xdailydialog(source: Source, folder: Path) -> Iterator[Draft]:
    """Read one dialogue a line, turns divided by ``__eou__``, label numbers after the last."""
    for _, lines in groupby(read_records_as(source, folder, "lines"), lambda pair: pair[1]["file"]):
        for number, (part, record) in enumerate(lines):
            turns = [turn for turn in map(str.strip, record["text"].split("__eou__")) if turn]
            if len(turns) < 2:
                continue
            turns = [re.sub(r"(\t[\d ]*)+$", "", turn).strip() for turn in turns]
            turns = [turn for turn in turns if not re.match(r"\d+(\t|$)|[\d\s]*$", turn)]
            if part.lang == "en":
                turns = list(map(detokenise_english, turns))
            if part.lang == "de":
                turns = [re.sub(r"(?<=[a-zäöüß][.!?])(?=[A-ZÄÖÜ])", " ", turn) for turn in turns]
            if len(turns) >= 2:
                thread_id = f"xdd_{part.split}_{number}"
                yield make_draft(source, part, alternate(turns), thread_id=thread_id)


def xpersona(source: Source, folder: Path) -> Iterator[Draft]:
    """Read persona chats, lists of pairs of turns; A is who breaks the silence."""
    for _, records in groupby(
        read_records_as(source, folder, "json"), lambda pair: pair[1]["file"]
    ):
        for number, (part, record) in enumerate(records):
            turns = [turn.strip() for pair in record["dialogue"] for turn in pair if turn.strip()]
            if turns and "SILENCE" in turns[0]:
                turns = turns[1:]
            if part.lang == "en":
                turns = list(map(detokenise_english, turns))
            text = alternate(turns)
            if len(text) > 20:
                yield make_draft(source, part, text, thread_id=f"{part.lang}_{part.split}_{number}")


def business_scenes(source: Source, folder: Path) -> Iterator[Draft]:
    """Read dialogues that hold each sentence in two languages, with the speakers' names."""
    for part, record in read_records_as(source, folder, "json"):
        for lang in ("en", "ja"):
            letters: dict[str, str] = {}
            lines = []
            for turn in record["conversation"]:
                last = string.ascii_uppercase[min(len(letters), 9)]
                letter = letters.setdefault(turn[f"{lang}_speaker"], last)
                lines.append(f"{letter}: {turn[f'{lang}_sentence'].strip()}")
            label, text = f"business:{record['tag']}", "\n".join(lines)
            yield make_draft(source, part, text, label, lang=lang, thread_id=record["id"])


def translated_turns(source: Source, folder: Path) -> Iterator[Draft]:
    """Read JSON lines with the field ``turns_<language>`` next to the English original."""
    for part, record in read_records_as(source, folder, "jsonl"):
        for name, turns in record.items():
            if name.startswith("turns_") and name != "turns_en":
                text = alternate(map(str.strip, turns))
                yield make_draft(source, part, text, thread_id=record["dialogue_id"])


def named_turns(source: Source, folder: Path) -> Iterator[Draft]:
    """Read a dialogue a file, lines "name: utterance"; A is the first name, B every other."""
    for _, lines in groupby(read_records_as(source, folder, "lines"), lambda pair: pair[1]["file"]):
        pairs = list(lines)
        spoken = [line.partition(":") for _, record in pairs if ":" in (line := record["text"])]
        if len(spoken) > 3:
            first = spoken[0][0].strip()
            text = "\n".join(
                f"{'A' if name.strip() == first else 'B'}: {words.strip()}"
                for name, _, words in spoken
            )
            part, record = pairs[0]
            yield make_draft(source, part, text, thread_id=Path(record["file"]).name)


def dashed_blocks(source: Source, folder: Path) -> Iterator[Draft]:
    """Read packed text files: dialogues between empty lines, each turn after a hyphen."""
    for part, path, data in read_files(source, folder):
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                texts = [
                    decode_file(source, path, content.read())
                    for member in archive
                    if (content := archive.extractfile(member)) is not None
                ]
        except (OSError, lzma.LZMAError, tarfile.TarError) as problem:
            raise SourceError(f"{source.slug}/{path}: cannot be read ({problem})") from problem
        for block in re.split(r"\n\n\n+", "\n\n\n".join(texts)):
            turns = [line[1:].strip() for line in block.split("\n") if line.startswith("-")]
            if 2 <= len(turns) <= 14:
                yield make_draft(source, part, alternate(turns))


_LINK_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJK23456789"
_NUMBERS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 24, 30, 50, 100)


def emoji_tweets(source: Source, folder: Path) -> Iterator[Draft]:
    """Read tweets whose users, links, numbers and emoji are masked, and fill the masks.

    Links and numbers are invented with a fixed seed, so that each tweet reads as if never masked.
    """
    generator = random.Random(0)

    def invent_link(_: re.Match[str]) -> str:
        return "https://t.co/" + "".join(generator.choices(_LINK_LETTERS, k=10))

    def invent_number(_: re.Match[str]) -> str:
        return str(generator.choice(_NUMBERS))

    for part, record in read_gzip_json_lines(source, folder):
        text = record["text"].replace("_usr", "@usuario")
        text = re.sub(r"\s*_emo", "", text.replace("_emo", record["klass"], 1))
        text = re.sub("_num", invent_number, re.sub("_url", invent_link, text))
        yield make_draft(source, part, text)


def public_notices(source: Source, folder: Path) -> Iterator[Draft]:
    """Read web pages of a bank's notices: the text between the release date and the copyright."""
    for part, record in read_records_as(source, folder, "csv"):
        content = re.sub(r"(?s)\A.*?(Release Date|Tarikh Siaran):[^\n]*\n", "", record["content"])
        content = re.sub(r"(?m)^\s*(Reading:.*|Share:|Shares)\s*$", "", content.partition("©")[0])
        content = re.sub(r" ?\n\s*", "\n", re.sub(r"[ \t\r\xa0]+", " ", content)).strip()
        if len(content) < 80 or "cuma terdapat dalam Bahasa Inggeris" in content:
            continue
        text = f"{record['title'].strip()}\n{content}"[:1500]
        yield make_draft(source, part, text, thread_id=record["link"])


def romance_talk(source: Source, folder: Path) -> Iterator[Draft]:
    """Read a CSV of Reddit posts, then a ZIP with a CSV of tweets a search word."""
    posts, tweets = read_of(source).parts
    for part, record in read_records_as(source, folder, "csv", [posts]):
        text = f"{record['Title'].strip()}\n{record['Content'].strip()}".strip()
        if len(text) >= 60:
            label = f"reddit:{record['Subreddit']} (talk about scams)"
            yield make_draft(source, part, text, label, lang="en", thread_id=record["ID"])
    for part, record in read_records_as(source, folder, "csv", [tweets], members="*.csv"):
        text = record["text"].strip()
        if len(text) >= 40:
            label = f"tweet:{record['stem'].partition('_')[0]} (talk about scams)"
            lang = "hi" if re.search(r"[\u0900-\u097f]", text) else "en"
            yield make_draft(source, part, text, label, lang=lang)


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "bongo_scam": bongo_scam,
    "fraud_r1": fraud_r1,
    "fss_cases": fss_cases,
    "janitr_posts": janitr_posts,
    "korccvi": korccvi,
    "mdb_lures": mdb_lures,
    "teleantifraud": teleantifraud,
    "business_scenes": business_scenes,
    "dashed_blocks": dashed_blocks,
    "emoji_tweets": emoji_tweets,
    "named_turns": named_turns,
    "public_notices": public_notices,
    "romance_talk": romance_talk,
    "translated_turns": translated_turns,
    "xdailydialog": xdailydialog,
    "xpersona": xpersona,
}
