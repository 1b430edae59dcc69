"""The suite ``rewrite``: the project's own dev messages, and each of them put in other words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from scamdetect.bench.rewriting.rules import RuleRewriter
from scamdetect.bench.sources import Log, Material, Rewriter
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.changed import even_sample
from scamdetect.bench.suites.rows import VERSION, SuiteRow, authored_rows, licences

NAME = "rewrite"
_LOG_EVERY = 50
_UNSAFE = re.compile(r"[^\w.+-]+")


def rewrite(material: Material) -> Suite:
    """Return the clean rows of ``evasion``, and a copy of each a change (default: by rules).

    By another rewriter the suite has its name, as ``rewrite-some-model``. A copy that the rewriter
    gives none of, or that is the clean text, is left out. Raises InputError without authored rows,
    and what the rewriter raises; what a slow one has answered it keeps itself, so that a second
    call goes on.
    """
    rewriter = material.rewriter or RuleRewriter()
    by_rules = rewriter.name == RuleRewriter().name
    clean = even_sample(authored_rows(material, NAME, "dev"))
    rows = [*clean, *_copies(clean, rewriter, by_rules, material.log)]
    return make_suite(
        NAME if by_rules else f"{NAME}-{_UNSAFE.sub('-', rewriter.name)}",
        VERSION,
        "This project's own messages (dev), the same as in evasion: clean, and put in other words "
        f"by {rewriter.name}; what is not changed is left out.",
        rows,
        licences(rows),
        final=False,
        made_with={"rewriter": rewriter.name, **rewriter.changes},
    )


def _copies(
    clean: Sequence[SuiteRow], rewriter: Rewriter, by_rules: bool, log: Log
) -> Iterator[SuiteRow]:
    for done, row in enumerate(clean, 1):
        for change in rewriter.changes:
            text = rewriter.rewrite(row["text"], row["lang"], change)
            if text is None or text == row["text"]:
                continue
            yield row | {
                "id": f"{row['id']}/{change}",
                "text": text,
                "clean_id": row["id"],
                "change": change,
                # Rules leave the writer's style; a model that rewrites puts its own in its place.
                "generator": row["generator"] if by_rules else rewriter.name,
            }
        if done % _LOG_EVERY == 0 or done == len(clean):
            log(f"{NAME}: {done} of {len(clean)} messages by {rewriter.name}")
