"""The suite ``rewrite``: the project's own dev messages, and each of them put in other words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from scamdetect.bench.rewrite_rules import RuleRewriter
from scamdetect.bench.sources import Log, Material, Rewriter
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.writers import generator_of
from scamdetect.data.authored import AuthoredRow, load_authored
from scamdetect.data.corpus_rows import AUTHORED
from scamdetect.errors import InputError
from scamdetect.labels import Verdict

VERSION = 1
ABOUT = "Own dev messages, and copies of each that say the same in other words."
ROWS_A_LANGUAGE = 200  # at most, before the copies
LICENCE = "CC-BY-4.0"

_LOG_EVERY = 50


def rewrite(material: Material) -> Suite:
    """Return the suite: clean rows, and one copy a change of the rewriter (default: by rules).

    A copy that the rewriter gives none of, or that is the clean text, is left out. Raises
    InputError without authored rows, and what the rewriter raises; what a slow one has answered
    it keeps itself, so that a second call goes on.
    """
    if material.authored is None or not material.authored.is_dir():
        raise InputError(
            "the suite rewrite is made of the project's own messages; name their folder, as in "
            "--authored data/authored"
        )
    rewriter = material.rewriter or RuleRewriter()
    clean = sampled(load_authored(material.authored), ROWS_A_LANGUAGE)
    rows = [_clean_row(row) for row in clean]
    rows += _copies(clean, rewriter, material.log)
    return make_suite(
        "rewrite",
        VERSION,
        ABOUT,
        rows,
        {AUTHORED + row.lang: LICENCE for row in clean},
        final=False,
        made_with={"rewriter": rewriter.name, **rewriter.changes},
    )


def sampled(rows: list[AuthoredRow], a_language: int) -> list[AuthoredRow]:
    """Return scams and honest dev messages, of each language at most about so many.

    Pairs stay whole, so that a language may hold one row more. Equal rows give equal samples.
    """
    dev = [row for row in rows if row.part == "dev" and row.verdict is not Verdict.SPAM]
    dev.sort(key=lambda row: (row.lang, _place(_group(row)), row.id))
    chosen: list[AuthoredRow] = []
    for _, of_language in groupby(dev, key=lambda row: row.lang):
        taken: list[AuthoredRow] = []
        for _, members in groupby(of_language, key=_group):
            if len(taken) >= a_language:
                break
            taken += members
        chosen += taken
    return sorted(chosen, key=lambda row: row.id)


def _copies(rows: list[AuthoredRow], rewriter: Rewriter, log: Log) -> Iterator[dict[str, Any]]:
    by_rules = rewriter.name == RuleRewriter().name
    for done, row in enumerate(rows, 1):
        clean = _clean_row(row)
        for change in rewriter.changes:
            text = rewriter.rewrite(row.text, row.lang, change)
            if text is None or text == row.text:
                continue
            yield clean | {
                "id": f"{row.id}/{change}",
                "text": text,
                "clean_id": row.id,
                "change": change,
                # Rules leave the writer's style; a model that rewrites puts its own in its place.
                "generator": clean["generator"] if by_rules else rewriter.name,
            }
        if done % _LOG_EVERY == 0 or done == len(rows):
            log(f"rewrite: {done} of {len(rows)} messages by {rewriter.name}")


def _clean_row(row: AuthoredRow) -> dict[str, Any]:
    source = AUTHORED + row.lang
    return {
        "id": row.id,
        "text": row.text,
        "verdict": row.verdict.value,
        "kinds": [kind.value for kind in row.kinds],
        "lang": row.lang,
        "generator": generator_of(source, row.generated),
        "source": source,
        "group": _group(row),
        "slices": [row.slice] if row.slice else [],
        "part": row.part,
        "pair": row.pair,
    }


def _group(row: AuthoredRow) -> str:
    return row.pair or row.id


def _place(group: str) -> bytes:
    return hashlib.sha256(group.encode()).digest()
