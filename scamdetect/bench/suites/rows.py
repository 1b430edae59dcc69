"""The rows that built-in suites choose from, and the language model that wrote a row."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.bench.answers import Material
from scamdetect.errors import InputError
from scamdetect.labels import Provenance
from scamdetect.train.data.authored import AuthoredRow, Part, load_authored
from scamdetect.train.data.table import (
    Objects,
    column,
    detector_texts,
    normaliser_problem,
    read_rows,
)

# Sources of one family share a name: the second repeats and continues the first.
_OF_SOURCE = {
    "ccr_zh_calls": "antifraud-agents",
    "mdb_pt_en_synthetic": "mdb-llm",
    "pest_human_vs_llm_email": "pest-llm",
    "teleantifraud_text": "antifraud-agents",
}
_NOT_WRITERS = ("machine-translated",)


def generator_of(source: str, generated: str | None) -> str | None:
    """Return the generator of a row, None if people wrote it.

    A machine translation counts as written by people, because the content is theirs.
    """
    if generated is None or generated.startswith(_NOT_WRITERS):
        return None
    named = generated.partition(" (")[0]
    return _OF_SOURCE.get(source, f"{source}-llm" if named == "llm" else named)


def generators(table: pa.Table) -> Objects:
    """Return the generator of each corpus row (rows,), None if people wrote it."""
    found = np.empty(table.num_rows, dtype=object)
    pairs = zip(column(table, "source"), column(table, "generated"), strict=True)
    found[:] = [generator_of(source, generated) for source, generated in pairs]
    return found


SuiteRow = dict[str, Any]  # in the columns of bench.suite.SCHEMA

VERSION = 1  # of the built-in suites; a new choice of rows is a new version
ROLES = ("train", "calibrate", "dev", "test")
OWN = "authored_"  # and the language: the sources of the project's own messages
OWN_LICENCE = "CC-BY-4.0"
LICENCES = {
    "bn_banglabarta": "CC-BY-NC-SA-4.0",
    "ccr_zh_calls": "none stated",
    "fraud_r1_base": "none stated",
    "fss_phishing_cases_ko": "none stated",
    "hinglish_flirt_dialogues_hi": "none stated",
    "id_sms_spam": "none stated",
    "janitr_x_posts": "MIT",
    "ko_korccvi_vishing": "none stated",
    "mdb_pt_en_synthetic": "Apache-2.0",
    "pest_human_vs_llm_email": "none stated",
    "pt_mz_mpesa_smishing": "none stated",
    "teleantifraud_text": "Apache-2.0",
    "vi_sms_ie403": "none stated",
    "zh_sms_mudou_test": "none stated",
}
_KNOWN_KINDS = {Provenance.SOURCE.value, Provenance.READ.value, Provenance.AUTHORED.value}


def corpus_table(material: Material, suite: str, roles: Collection[str]) -> pa.Table:
    """Return the corpus rows of these roles with a known verdict.

    Raises InputError without a corpus and if another normaliser built it.
    """
    if material.corpus is None:
        raise InputError(
            f"suite {suite}: needs the corpus; run: scamdetect data fetch, then: scamdetect "
            "data build, and pass the file with --corpus"
        )
    table = read_rows(material.corpus, roles)
    if problem := normaliser_problem(material.corpus, table.schema):
        raise InputError(problem)
    return table.filter(pc.invert(table["not_legit"]))


def rows_of_sources(
    material: Material, suite: str, sources: Collection[str], roles: Collection[str] = ROLES
) -> list[SuiteRow]:
    """Return the corpus rows of these sources with a known verdict.

    Raises InputError as ``corpus_table`` does, and if the corpus has no row of a source.
    """
    table = corpus_table(material, suite, roles)
    table = table.filter(pc.is_in(table["source"], pa.array(sorted(sources))))
    if missing := sorted(set(sources) - set(table["source"].to_pylist())):
        only = " ".join(f"--only {source}" for source in missing)
        raise InputError(
            f"suite {suite}: {material.corpus} has no row of {', '.join(missing)}; run: scamdetect "
            f"data fetch {only}, then: scamdetect data build --licences default"
        )
    return public_rows(table)


def public_rows(table: pa.Table) -> list[SuiteRow]:
    """Return the rows of a corpus; their groups have the numbers of its build."""
    rows = zip(detector_texts(table), table.drop_columns("norm").to_pylist(), strict=True)
    return [
        {
            "id": row["row_hash"],
            "text": text,
            "verdict": row["verdict"],
            "kinds": row["kinds"] if row["kinds_provenance"] in _KNOWN_KINDS else None,
            "lang": row["lang"],
            "generator": generator_of(row["source"], row["generated"]),
            "source": row["source"],
            "group": str(row["group"]),
            "slices": row["slices"],
            "part": row["role"],
        }
        for text, row in rows
    ]


def with_named_groups(rows: Iterable[SuiteRow]) -> list[SuiteRow]:
    """Return the rows, each group named by its smallest id: corpus builds renumber groups."""
    rows = list(rows)
    smallest: dict[str, str] = {}
    for row in rows:
        smallest[row["group"]] = min(row["id"], smallest.get(row["group"], row["id"]))
    return [row | {"group": smallest[row["group"]]} for row in rows]


def authored_folder(material: Material, suite: str) -> Path:
    """Return the folder of the project's own messages; raise InputError if it is missing."""
    if material.authored is None:
        raise InputError(
            f"suite {suite}: needs the project's own messages; pass their folder with "
            "--authored (data/authored in the repository)"
        )
    return material.authored


def authored_rows(material: Material, suite: str, part: Part) -> list[SuiteRow]:
    """Return the project's own messages of a part; ``final`` is the part test of a corpus.

    Raises InputError without the folder, SourceError if a row is malformed.
    """
    folder = authored_folder(material, suite)
    return [own_row(row) for row in load_authored(folder) if row.part == part]


def own_row(row: AuthoredRow) -> SuiteRow:
    """Return one of the project's own messages as a row of a suite."""
    return {
        "id": row.id,
        "text": row.text,
        "verdict": row.verdict.value,
        "kinds": [kind.value for kind in row.kinds] or None,
        "lang": row.lang,
        "generator": generator_of(OWN + row.lang, row.generated),
        "source": OWN + row.lang,
        "group": row.pair or row.id,
        "slices": [row.slice] if row.slice else [],
        "part": "test" if row.part == "final" else row.part,
        "pair": row.pair,
    }


def licences(rows: Iterable[SuiteRow]) -> dict[str, str]:
    """Return the licence of each source of the rows in a built-in suite."""
    sources = {row["source"] for row in rows}
    own = {source: OWN_LICENCE for source in sources if source.startswith(OWN)}
    return own | {source: LICENCES[source] for source in sources - own.keys()}


def chance(name: str) -> str:
    """Return a key that sorts names in a meaningless order, the same on every machine."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
