"""Suites of what language models wrote, by generator, with honest text of the same writers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from scamdetect.bench.sources import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import (
    VERSION,
    SuiteRow,
    authored_rows,
    chance,
    licences,
    rows_of_sources,
    with_named_groups,
)
from scamdetect.labels import Verdict

Cell = tuple[str, str, str | None]  # verdict, source, generator

LIMIT = 500  # rows of one verdict, source and generator
PAIRED = "pest_human_vs_llm_email"  # its people's mails are what its models rewrote
HONEST = ("hinglish_flirt_dialogues_hi", "ko_korccvi_vishing")  # no scam of theirs is by a model
SOURCES = ("ccr_zh_calls", "mdb_pt_en_synthetic", "teleantifraud_text", PAIRED, *HONEST)
FINAL_SOURCES = ("fraud_r1_base",)


def llm(material: Material) -> Suite:
    """Return model-written rows of all roles and the authored dev part.

    People's mails of the source that pairs them with rewrites are in, too. Raises InputError where
    a source or the authored messages are missing.
    """
    about = (
        "Messages by language models, scam and honest, by the model that wrote them, and people's "
        "mails beside the models' rewrites; some sources are ones that a detector may have "
        "trained on."
    )
    wanted = [row for row in rows_of_sources(material, "llm", SOURCES) if _belongs(row)]
    return _suite("llm", about, wanted, authored_rows(material, "llm", "dev"), final=False)


def llm_final(material: Material) -> Suite:
    """Return the rows of the left-out generator and the authored final part.

    Raises InputError where the source or the authored messages are missing.
    """
    about = (
        "Messages by language models that only release figures are taken on: scams by a generator "
        "that nothing here trains on, and this project's own messages."
    )
    wanted = rows_of_sources(material, "llm-final", FINAL_SOURCES)
    own = authored_rows(material, "llm-final", "final")
    return _suite("llm-final", about, wanted, own, final=True)


def capped(rows: Iterable[SuiteRow], limit: int = LIMIT) -> list[SuiteRow]:
    """Return at most ``limit`` rows a verdict, source and generator, the same ones each time.

    Rows of one such cell and group are taken together or not at all, groups in an order of chance.
    """
    parts: dict[tuple[str, Cell], list[SuiteRow]] = defaultdict(list)
    for row in with_named_groups(rows):
        cell: Cell = (row["verdict"], row["source"], row["generator"])
        parts[row["group"], cell].append(row)
    counts: Counter[Cell] = Counter()
    taken = []
    for (_, of_cell), members in sorted(parts.items(), key=lambda part: chance(part[0][0])):
        if counts[of_cell] + len(members) <= limit:
            counts[of_cell] += len(members)
            taken += members
    return taken


def _belongs(row: SuiteRow) -> bool:
    if row["source"] in HONEST:
        return row["generator"] is not None and row["verdict"] == Verdict.LEGIT.value
    return row["generator"] is not None or row["source"] == PAIRED


def _suite(
    name: str, about: str, public: list[SuiteRow], own: list[SuiteRow], *, final: bool
) -> Suite:
    rows = with_named_groups(capped(public)) + own
    return make_suite(name, VERSION, about, rows, licences(rows), final=final)
