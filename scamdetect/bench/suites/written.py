"""Suites by writer: people, language models, and pairs that differ only in intent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from scamdetect.bench.answers import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import (
    LICENCES,
    VERSION,
    SuiteRow,
    authored_rows,
    chance,
    licences,
    rows_of_sources,
    with_named_groups,
)
from scamdetect.labels import Verdict
from scamdetect.train.data.authored import Part

Cell = tuple[str, str, str | None]  # verdict, source, generator

LIMIT = 500  # rows of one verdict, source and generator
PAIRED = "pest_human_vs_llm_email"  # its people's mails are what its models rewrote
HONEST = ("hinglish_flirt_dialogues_hi", "ko_korccvi_vishing")  # no scam of theirs is by a model
SOURCES = ("ccr_zh_calls", "mdb_pt_en_synthetic", "teleantifraud_text", PAIRED, *HONEST)
FINAL_SOURCES = ("fraud_r1_base",)


def llm(material: Material) -> Suite:
    """Return model-written rows of all roles and the authored dev part.

    People's mails of the source that pairs them with rewrites are included. Raises InputError if a
    source or the authored messages are missing.
    """
    about = (
        "Messages by language models, scam and honest, by the model that wrote them, and people's "
        "mails beside the models' rewrites; some sources are ones that a detector may have "
        "trained on."
    )
    wanted = [row for row in rows_of_sources(material, "llm", SOURCES) if _belongs(row)]
    return _llm_suite("llm", about, wanted, authored_rows(material, "llm", "dev"), final=False)


def llm_final(material: Material) -> Suite:
    """Return the rows of the left-out generator and the authored final part.

    Raises InputError if the source or the authored messages are missing.
    """
    about = (
        "Messages by language models that only release figures are taken on: scams by a generator "
        "that nothing here trains on, and this project's own messages."
    )
    wanted = rows_of_sources(material, "llm-final", FINAL_SOURCES)
    own = authored_rows(material, "llm-final", "final")
    return _llm_suite("llm-final", about, wanted, own, final=True)


def capped(rows: Iterable[SuiteRow], limit: int = LIMIT) -> list[SuiteRow]:
    """Return at most ``limit`` rows per verdict, source and generator, always the same ones.

    Rows of a cell and group are all included or none, groups in a random order.
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


def _llm_suite(
    name: str, about: str, public: list[SuiteRow], own: list[SuiteRow], *, final: bool
) -> Suite:
    rows = with_named_groups(capped(public)) + own
    return make_suite(name, VERSION, about, rows, licences(rows), final=final)


# By name, so that additional downloaded sources do not change the suite.
DEV = ("fss_phishing_cases_ko", "ko_korccvi_vishing", "pt_mz_mpesa_smishing", "vi_sms_ie403")
TEST = ("bn_banglabarta", "id_sms_spam", "janitr_x_posts", "zh_sms_mudou_test")


def human(material: Material) -> Suite:
    """Return people's messages of the dev sources; raise InputError if one is missing."""
    about = "Messages that people wrote, of sources that models of this project are chosen on."
    return _human_suite("human", about, material, DEV, "dev")


def human_final(material: Material) -> Suite:
    """Return people's messages of the test sources; raise InputError if one is missing."""
    about = "Messages that people wrote, of sources that only release figures are taken on."
    return _human_suite("human-final", about, material, TEST, "test")


def _human_suite(
    name: str, about: str, material: Material, sources: tuple[str, ...], role: str
) -> Suite:
    rows = [
        row for row in rows_of_sources(material, name, sources, (role,)) if row["generator"] is None
    ]
    return make_suite(name, VERSION, about, with_named_groups(rows), LICENCES, final=role == "test")


_SIDES = [Verdict.LEGIT.value, Verdict.SCAM.value]


def pairs(material: Material) -> Suite:
    """Return the complete contrast pairs of the authored dev part; raise InputError without any."""
    return _pairs_suite("pairs", material, "dev")


def pairs_final(material: Material) -> Suite:
    """Return the complete contrast pairs of the authored final part; raise InputError if none."""
    return _pairs_suite("pairs-final", material, "final")


def _pairs_suite(name: str, material: Material, part: Part) -> Suite:
    sides: dict[str, list[SuiteRow]] = defaultdict(list)
    for row in authored_rows(material, name, part):
        if row["pair"] is not None:
            sides[row["pair"]].append(row)
    rows = [
        row
        for both in sides.values()
        if sorted(row["verdict"] for row in both) == _SIDES
        for row in both
    ]
    about = (
        f"Contrast pairs of this project's own messages ({part}): a scam and an honest message "
        "with the same topic, words and form, so that only the intent differs."
    )
    return make_suite(name, VERSION, about, rows, licences(rows), final=part == "final")
