"""Suites of changed messages: disguised, rewritten, or truncated conversations."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.resources import files

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.bench.answers import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import VERSION, SuiteRow, authored_rows, chance, licences
from scamdetect.evaluate.evasion import STRENGTHS, Message, disguise
from scamdetect.labels import Verdict
from scamdetect.train.data.authored import Part
from scamdetect.train.data.table import messages_of

PER_LANGUAGE = 8  # scams, and as many honest messages
RE_ENCODED = "re-encoded"  # nothing is disguised: the same message as another system stores it
NO_DISGUISE = "none"


def evasion(material: Material) -> Suite:
    """Return an even sample of the authored dev part, clean and under every evasion.

    An evasion that does not depend on the strength gives equal texts at all three. Raises
    InputError without the authored messages, MissingExtraError without opencc.
    """
    clean = even_sample(authored_rows(material, "evasion", "dev"))
    rows = [*clean, *_re_encoded(clean), *_disguised(clean)]
    about = (
        "This project's own messages (dev), scam and honest, evenly over languages: clean, and "
        "disguised by each evasion at three strengths, and re-encoded without any disguise, which "
        "must change nothing; texts that an evasion does not change are left out."
    )
    return make_suite("evasion", VERSION, about, rows, licences(rows), final=False)


def even_sample(rows: Iterable[SuiteRow]) -> list[SuiteRow]:
    """Return PER_LANGUAGE scams and as many honest rows per language, always the same ones.

    Pairs are drawn separately, so no row has one.
    """
    cells: dict[tuple[str, str], list[SuiteRow]] = defaultdict(list)
    for row in rows:
        if row["verdict"] in (Verdict.SCAM.value, Verdict.LEGIT.value):
            cells[row["lang"], row["verdict"]].append(row | {"pair": None})
    return [
        row
        for members in cells.values()
        for row in sorted(members, key=lambda row: chance(row["id"]))[:PER_LANGUAGE]
    ]


def _re_encoded(clean: Sequence[SuiteRow]) -> list[SuiteRow]:
    """Return each row in decomposed letters, with Windows line ends and a final blank."""
    return [
        row
        | {
            "id": f"{row['id']}/{RE_ENCODED}/{NO_DISGUISE}",
            "text": unicodedata.normalize("NFD", row["text"]).replace("\n", "\r\n") + " ",
            "clean_id": row["id"],
            "change": RE_ENCODED,
            "strength": NO_DISGUISE,
        }
        for row in clean
    ]


def _disguised(clean: Sequence[SuiteRow]) -> list[SuiteRow]:
    messages = [
        Message(row["text"], row["id"], row["verdict"] == Verdict.SCAM.value, row["lang"])
        for row in clean
    ]
    return [
        clean[place]
        | {
            "id": f"{clean[place]['id']}/{one.evasion}/{one.strength}",
            "text": text,
            "clean_id": clean[place]["id"],
            "change": one.evasion,
            "strength": one.strength,
        }
        for one in disguise(messages, list(STRENGTHS))
        for place, text in zip(one.places, one.texts, strict=True)
    ]


REWRITTEN = "rewrite.parquet"  # in this package


def rewrite(material: Material) -> Suite:
    """Return the clean rows of ``evasion``, each with copies in other words (1,995 rows).

    The rows are stored, because the rules that rewrote them are gone; they need no ``material``.
    """
    del material
    data = files("scamdetect.bench.suites").joinpath(REWRITTEN).read_bytes()
    rows = pq.read_table(pa.BufferReader(data)).to_pylist()
    return make_suite(
        "rewrite",
        VERSION,
        "This project's own messages (dev), the same as in evasion: clean, and put in other words "
        "by rules; what is not changed is left out.",
        rows,
        licences(rows),
        final=False,
    )


FIRST = (2, 4, 8)  # messages
CHANGE = "first messages"


def conversation(material: Material) -> Suite:
    """Return the conversations of the authored dev part; raise InputError without any."""
    return _suite("conversation", material, "dev")


def conversation_final(material: Material) -> Suite:
    """Return the conversations of the authored final part; raise InputError without any."""
    return _suite("conversation-final", material, "final")


def _suite(name: str, material: Material, part: Part) -> Suite:
    whole = [
        row | {"pair": None}
        for row in authored_rows(material, name, part)
        if len({message["sender"] for message in messages_of(row["text"])}) > 1
    ]
    rows = [*whole, *_beginnings(whole)]
    about = (
        f"Conversations of this project's own messages ({part}), scam and honest, in lines such as "
        "'A: hello': whole, and each after its first messages, when a scam is often not yet told."
    )
    return make_suite(name, VERSION, about, rows, licences(rows), final=part == "final")


def _beginnings(whole: Iterable[SuiteRow]) -> Iterable[SuiteRow]:
    for row in whole:
        messages = messages_of(row["text"])
        for count in FIRST:
            if count < len(messages):
                yield row | {
                    "id": f"{row['id']}/first/{count}",
                    "text": "\n".join(f"{m['sender']}: {m['text']}" for m in messages[:count]),
                    "clean_id": row["id"],
                    "change": CHANGE,
                    "strength": str(count),
                }
