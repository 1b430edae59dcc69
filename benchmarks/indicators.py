"""Compare what the extractor finds with the indicators that the writers of messages list.

    python benchmarks/indicators.py
    python benchmarks/indicators.py --corpus corpus.parquet --honest honest.scored.parquet

The messages (``data/authored/indicators``) were written before the extractor, by somebody else. All
types are looked for, without the guard, in the region of the row. An indicator is right if the
writer lists its type and value; each counts once a message. Precision is the share of found ones
that are right, recall the share of listed ones that are found.

The writer's brief and the extractor choose different notations of the same indicator. Both sides
are brought to one:

- link: the extractor keeps a scheme, a port and a final slash, the writer does not: they are cut
  off. The writer lists a link only if it has a path, the extractor also ``https://host``, which
  counts as its domain only.
- handle: ``kakaotalk`` is ``kakao``; ``messenger`` is ``facebook``, whose accounts it has; the @ of
  an official LINE account, which the extractor keeps, is cut off.

``--corpus`` counts the types in a sample of the public rows. ``--honest`` counts what ``share
propose`` would propose of a scored dump of honest messages, once with the default types and without
senders, once with all types and the column ``sender``. No text and no value of either is written.
Writes ``indicators.json`` and ``.md``; exits with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq

from scamdetect.calibration.statistics import Estimate, wilson
from scamdetect.errors import ScamDetectError, SourceError
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.share.propose import ProposeOptions, propose
from scamdetect.text.indicators import IndicatorType, indicators_of
from scamdetect.train.cells import counted, estimate
from scamdetect.train.data.authored import read_folder
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.data.table import is_own, reading_corpus
from scamdetect.train.pages import escaped, table, write_results
from scamdetect.train.typed import Located, locate_jsonl

ROOT = Path(__file__).resolve().parent.parent
PRECISION, RECALL, PROPOSED = 0.98, 0.95, 1  # the last a 10,000 honest messages
SAMPLE, SEED = 50_000, 24
TYPES = tuple(IndicatorType)
_PLATFORMS = {"kakaotalk": "kakao", "messenger": "facebook"}
_PORT = re.compile(r":\d+$")


class Listed(msgspec.Struct, frozen=True):
    """An indicator that the writer of a message lists, of any type."""

    type: str
    value: str


class Row(msgspec.Struct, frozen=True):
    """A message and all indicators in it."""

    id: str
    lang: str
    region: str
    text: str
    indicators: tuple[Listed, ...]


@dataclass(frozen=True)
class Outcome:
    """One indicator that is found, listed or both, in one notation."""

    id: str
    lang: str
    type: IndicatorType
    value: str
    found: bool
    listed: bool


def main() -> None:
    """Extract, compare, count and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=Path, default=ROOT / "data" / "authored" / "indicators")
    parser.add_argument("--corpus", type=Path, help="the corpus, to count in its public rows")
    parser.add_argument("--honest", type=Path, help="a scored dump of honest messages")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        record = {"date": today(), "commit": commit(), "machine": machine()} | measure(
            read_messages(asked.rows)
        )
        if asked.corpus is not None:
            record["public"] = count_public(asked.corpus)
        if asked.honest is not None:
            record["honest"] = count_proposed(asked.honest)
    except ScamDetectError as problem:
        sys.exit(f"indicators: {problem}")
    sys.stdout.write(write_results(asked.out / "indicators.json", record, page(record)))
    sys.exit(1 if missed(record) else 0)


def read_messages(folder: Path) -> list[Row]:
    """Return the messages of a folder; raise SourceError on a malformed row or an empty folder."""

    def read(path: Path) -> tuple[list[Located[Row]], list[str]]:
        return locate_jsonl(path, Row, SourceError, lambda _: "restore the line from the release")

    located, problems = read_folder(folder, "indicator", (), read)
    if problems:
        raise SourceError(problems[0])
    return [item.row for item in located]


def measure(rows: Sequence[Row]) -> dict[str, Any]:
    """Return precision and recall by type and by language, and each difference."""
    outcomes = [outcome for row in rows for outcome in compare(row)]
    languages = sorted({row.lang for row in rows})
    return {
        "messages": len(rows),
        "types": {type.value: rates(o for o in outcomes if o.type is type) for type in TYPES},
        "all_types": rates(outcomes),
        "languages": {lang: rates(o for o in outcomes if o.lang == lang) for lang in languages},
        "false_finds": [_shown(one) for one in outcomes if not one.listed],
        "misses": [_shown(one) for one in outcomes if not one.found],
    }


def compare(row: Row) -> list[Outcome]:
    """Return what is found in a message, listed by its writer, or both."""
    found = {(one.type, one.value) for one in indicators_of(row.text, TYPES, row.region)}
    ours = {(type, plain) for type, value in found if (plain := in_one_notation(type, value))}
    listed = {(IndicatorType(one.type), one.value) for one in row.indicators if one.type in TYPES}
    theirs = {(type, plain) for type, value in listed if (plain := in_one_notation(type, value))}
    return [
        Outcome(row.id, row.lang, *one, one in ours, one in theirs) for one in sorted(ours | theirs)
    ]


def in_one_notation(type: IndicatorType, value: str) -> str | None:
    """Return a value in the notation of the comparison, None of a link without a path."""
    if type is IndicatorType.LINK:
        host, _, path = value.rpartition("://")[2].partition("/")
        path = path.rstrip("/")
        return f"{_PORT.sub('', host)}/{path}" if path else None
    if type is IndicatorType.HANDLE:
        platform, _, name = value.partition(":")
        return f"{_PLATFORMS.get(platform, platform)}:{name.removeprefix('@')}"
    return value


def rates(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return precision and recall, None of nothing."""
    outcomes = list(outcomes)
    right = sum(one.found and one.listed for one in outcomes)
    return {
        "precision": _share(right, sum(one.found for one in outcomes)),
        "recall": _share(right, sum(one.listed for one in outcomes)),
    }


def _share(count: int, n: int) -> dict[str, Any] | None:
    return asdict(Estimate(count / n, *wilson(count, n), n)) if n else None


def _shown(one: Outcome) -> dict[str, str]:
    return {"id": one.id, "type": one.type.value, "value": one.value}


def count_public(corpus: Path) -> dict[str, Any]:
    """Return how many public messages have each type, in a sample of the train and dev rows.

    Raises InputError if the corpus cannot be read.
    """
    columns = ["text", "verdict", "verdict_provenance"]
    with reading_corpus(corpus):
        rows = pq.read_table(corpus, columns=columns, filters=[("role", "in", ["train", "dev"])])
    public = np.flatnonzero(~is_own(rows))
    drawn = np.sort(np.random.default_rng(SEED).permutation(public)[:SAMPLE])
    messages, having = Counter[str](), Counter[tuple[str, str]]()
    sample = rows.take(drawn)
    pairs = zip(sample["text"].to_pylist(), sample["verdict"].to_pylist(), strict=True)
    for text, verdict in pairs:
        messages[verdict] += 1
        having.update((verdict, type) for type in {one.type for one in indicators_of(text, TYPES)})
    return {
        verdict: {"messages": n, "with": {type.value: having[verdict, type] for type in TYPES}}
        for verdict, n in sorted(messages.items())
    }


def count_proposed(scored: Path) -> dict[str, Any]:
    """Return how many indicators would be proposed of a scored dump, by type."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        members = write_campaigns(scored, folder / "campaigns.parquet").members
        bare = propose([scored], folder / "bare.csv", ProposeOptions(campaigns=members))
        options = ProposeOptions(types=TYPES, sender_column="sender", campaigns=members)
        senders = propose([scored], folder / "senders.csv", options)
    return {
        "messages": bare.rows,
        "default": {"proposed": bare.proposed, "left_out": bare.left_out},
        "all_types_with_senders": {"proposed": senders.proposed, "left_out": senders.left_out},
    }


def missed(record: dict[str, Any]) -> list[str]:
    """Return the targets that are missed."""
    found = [
        f"{figure} of {name} {rate[figure]['value']:.1%}, bar {bar:.0%}"
        for name, rate in record["types"].items()
        for figure, bar in (("precision", PRECISION), ("recall", RECALL))
        if rate[figure] is not None and rate[figure]["value"] < bar
    ]
    if "honest" in record:
        proposed = sum(record["honest"]["default"]["proposed"].values())
        if proposed > PROPOSED * record["honest"]["messages"] / 10_000:
            found.append(f"{proposed} proposals of {record['honest']['messages']:,} messages")
    return found


def page(record: dict[str, Any]) -> list[str]:
    """Return the figures as Markdown."""
    wrong = missed(record)
    lines = [
        "# Indicators",
        "",
        f"{record['date']}, commit {record['commit']}, {record['machine']}. {record['messages']} "
        "messages written before the extractor by somebody else (one writer model); without the "
        "guard. How both notations are compared: `benchmarks/indicators.py`.",
        "",
        f"Bars: precision {PRECISION:.0%} and recall {RECALL:.0%} of each type. "
        + (f"Missed: {'; '.join(wrong)}." if wrong else "Met."),
        "",
        *_rates("type", record["types"] | {"all": record["all_types"]}),
        "",
        *_rates("language", record["languages"]),
    ]
    for title, name in (("Found, but not listed", "false_finds"), ("Listed, not found", "misses")):
        cells = [[one["id"], one["type"], escaped(one["value"])] for one in record[name]]
        lines += ["", f"## {title}", "", *table(["row", "type", "value"], cells)]
    if "public" in record:
        lines += ["", "## In public messages", "", *_public(record["public"])]
    if "honest" in record:
        lines += ["", "## Proposed of honest messages", "", *_proposed(record["honest"])]
    return lines


def _rates(what: str, groups: dict[str, Any]) -> list[str]:
    return table(
        [what, "precision, of found", "recall, of listed"],
        [
            [name, *(counted(estimate(rate[figure])) for figure in ("precision", "recall"))]
            for name, rate in groups.items()
        ],
    )


def _public(public: dict[str, Any]) -> list[str]:
    total = sum(one["messages"] for one in public.values())
    return [
        f"{total:,} train and dev rows of public sources, drawn by chance; messages with at least "
        "one, nothing of them checked. Numbers without a country code are not looked for. Some "
        "sources mask what is counted here.",
        "",
        *table(
            ["type", *(f"{name}, of {one['messages']:,}" for name, one in public.items())],
            [
                [type.value, *(f"{one['with'][type.value]:,}" for one in public.values())]
                for type in TYPES
            ],
        ),
    ]


def _proposed(honest: dict[str, Any]) -> list[str]:
    both = honest["default"], honest["all_types_with_senders"]
    return [
        f"{honest['messages']:,} honest messages, scored by the shipped model, nothing labelled. "
        "Bar: one of default types a 10,000 messages. Senders are invented.",
        "",
        *table(
            ["", "default types, no senders", "all types, senders"],
            [
                *(
                    [f"proposed {type}", *(str(one["proposed"].get(type, 0)) for one in both)]
                    for type in map(str, TYPES)
                ),
                *(
                    [f"left out: {why}", *(str(one["left_out"].get(why, 0)) for one in both)]
                    for why in sorted({why for one in both for why in one["left_out"]})
                ),
            ],
        ),
    ]


if __name__ == "__main__":
    main()
