"""A suite of disguised messages: clean rows, and each of them under every evasion."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from scamdetect.bench.sources import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import VERSION, SuiteRow, authored_rows, chance, licences
from scamdetect.evaluate.evasion import STRENGTHS, Message, disguise
from scamdetect.labels import Verdict

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


def even_sample(rows: Iterable[SuiteRow], size: int = PER_LANGUAGE) -> list[SuiteRow]:
    """Return ``size`` scams and as many honest rows of each language, the same ones each time.

    Pairs are drawn apart, so no row has one.
    """
    cells: dict[tuple[str, str], list[SuiteRow]] = defaultdict(list)
    for row in rows:
        if row["verdict"] in (Verdict.SCAM.value, Verdict.LEGIT.value):
            cells[row["lang"], row["verdict"]].append(row | {"pair": None})
    return [
        row
        for members in cells.values()
        for row in sorted(members, key=lambda row: chance(row["id"]))[:size]
    ]


def _re_encoded(clean: Sequence[SuiteRow]) -> list[SuiteRow]:
    """Return each row in decomposed letters, with the line ends of Windows and a last blank."""
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
