"""Adapters for call transcripts and for other sources whose records need more than a mapping."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from scamdetect.labels import Kind
from scamdetect.train.data.drafts import Draft, make_draft
from scamdetect.train.data.readers import read_records_as
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


ADAPTERS: dict[str, Callable[[Source, Path], Iterator[Draft]]] = {
    "bongo_scam": bongo_scam,
    "fraud_r1": fraud_r1,
    "fss_cases": fss_cases,
    "janitr_posts": janitr_posts,
    "korccvi": korccvi,
    "mdb_lures": mdb_lures,
    "teleantifraud": teleantifraud,
}
