"""Choose the rows of a scored dump that are most worth labelling, and some at random.

An unnoticed campaign gets one row, whose label counts for all its messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from scamdetect.adapt.sampling import Candidate, Chosen, Pool, UniformSample, quotas
from scamdetect.bundle.bundle import Bundle
from scamdetect.errors import InputError
from scamdetect.frames.arrow import cell_texts
from scamdetect.labels import Decision
from scamdetect.scored.read import ScoredDump, open_scored
from scamdetect.scored.top_campaigns import Campaign, are_of, campaigns_beside, unnoticed
from scamdetect.text.masking import key_of, template_key

_EDGE = 1e-6  # probabilities are clipped to this distance from 0 and 1, for finite logits


def survey(dump: ScoredDump, text: str) -> tuple[Counter[str], bool]:
    """Return the messages that can be labelled by language, and whether all are flagged.

    Raises InputError if the dump has no message that can be labelled.
    """
    languages: Counter[str] = Counter()
    decisions: set[str] = set()
    for batch in dump.batches(text):
        table = usable(batch.table)
        languages.update(table.column("language").to_pylist())
        decisions.update(table.column("decision").to_pylist())
    if not languages:
        raise InputError(f"{dump.path}: no scored message has a text in column {text!r}")
    return languages, decisions == {Decision.FLAG.value}


def thresholds_of(dump: ScoredDump, model: str | Path | None) -> dict[str, float]:
    """Return the logits of the thresholds in the job record or, without one, of the bundle."""
    source = dump.job or Bundle.load(model).thresholds
    flag, review = logit([source.flag, source.review]).tolist()
    return {"flag": flag, "review": review} if flag != review else {"flag": flag}


def usable(table: pa.Table) -> pa.Table:
    """Return the rows that are scored and have a text; an unknown language is ``und``."""
    scored = pc.not_equal(table["decision"], Decision.UNSCORED.value)
    with_text = pc.greater(pc.fill_null(pc.utf8_length(table["text"]), 0), 0)
    rows = table.filter(pc.and_(scored, with_text))
    # Codes have at most three letters. Other values could be endless, and each would get a quota.
    codes = pc.fill_null(rows["language"], "und")
    codes = pc.if_else(pc.less_equal(pc.utf8_length(codes), 3), codes, "und")
    return rows.set_column(rows.column_names.index("language"), "language", codes)


def logit(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the logits (n,) of probabilities (n,), which are clipped just inside of 0 and 1."""
    values = np.clip(np.asarray(probabilities, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(values / (1 - values)))


AUDIT, UNCERTAIN, CAMPAIGN = "audit", "uncertain", "campaign"
CAMPAIGNS = 20
_POOLED, _POOLED_MORE = 5, 50  # candidates for each place, and more for each language


@dataclass(frozen=True)
class QueueRow:
    """A message to label. ``row`` is its number among the readable rows of the dump, from 1.

    ``part`` is ``audit`` for rows drawn uniformly; only these have an ``inclusion_probability``. It
    is ``uncertain`` for rows near the threshold that ``near`` names, and ``campaign`` for a row
    that represents all messages of its ``campaign``; a row of another part can represent one too.
    ``model_id`` identifies the bundle that scored the row.
    """

    row: int
    key: str | None
    text: str
    language: str
    part: str
    inclusion_probability: float | None
    decision: str
    scam_probability: float
    near: str | None
    kinds: tuple[str, ...]
    campaign: Campaign | None = None
    model_id: str | None = None


@dataclass(frozen=True)
class Queue:
    """The rows in random order, and the number of messages that they were chosen from."""

    rows: tuple[QueueRow, ...]
    messages: int
    only_flagged: bool
    text_column: str = "text"


def choose_queue(
    scored: str | Path,
    n: int,
    *,
    audit: float = 0.2,
    seed: int = 0,
    text_column: str | None = None,
    key_column: str | None = None,
    campaigns: int = CAMPAIGNS,
    model: str | Path | None = None,
) -> Queue:
    """Return at most ``n`` rows of a dump that ``scamdetect score`` wrote.

    A share ``audit`` is drawn uniformly. If there is a file of campaigns next to the dump, at most
    ``campaigns`` rows represent one campaign each that is large, new and not flagged. The other
    rows are the nearest to the thresholds on a logit scale, half of them near each threshold.
    ``quotas`` sets their number for each language. They are spread over clusters of similar
    messages, and none is a near-duplicate of another row in the queue. ``text_column`` is by
    default that of the job record, and ``key_column`` has the ids of the rows. The thresholds are
    those of the job record, or of ``model`` if it is missing. The dump is read three times in
    bounded memory, once more for campaigns. The same seed gives the same queue.

    Raises InputError if the file is not a scored dump, a column is missing, no message can be
    labelled, the campaigns are of another dump, or ``n``, ``audit`` or ``campaigns`` is out of
    range.
    """
    if n < 1 or not 0 <= audit <= 1 or campaigns < 0:
        raise InputError(
            "n must be at least 1, audit between 0 and 1, and campaigns at least 0; got "
            f"n={n}, audit={audit}, campaigns={campaigns}"
        )
    dump = open_scored(Path(scored))
    text_column = text_column or dump.text_column
    for column in (text_column, key_column):
        if column is not None:
            dump.require(column)
    languages, only_flagged = survey(dump, text_column)
    drawn = round(n * audit)
    listed = _campaigns(dump, text_column, min(campaigns, n - drawn))
    wanted = quotas(languages, n - drawn - len(listed))
    thresholds = thresholds_of(dump, model)
    sample, pools = _collect(dump, text_column, UniformSample(drawn, seed), wanted, thresholds)
    audited = dict(sample.items())
    known = audited | {row: key_of(campaign.template) for row, campaign in listed.items()}
    picked = _pick(pools, wanted, known)
    near = {candidate.row: name for name, candidate in picked}
    chances: dict[int, float | None] = dict.fromkeys([*listed, *near])
    chances |= dict.fromkeys(audited, sample.inclusion)
    rows = list(_rows(dump, text_column, key_column, chances, near, listed))
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(rows))
    ordered = tuple(rows[place] for place in order.tolist())
    return Queue(ordered, languages.total(), only_flagged, text_column)


def _campaigns(dump: ScoredDump, text: str, most: int) -> dict[int, Campaign]:
    """Return the unnoticed campaigns by the row, from 1, that represents each."""
    path = campaigns_beside(dump.path) if most else None
    if path is None:
        return {}
    found = unnoticed(path, most).first
    if not are_of(dump, text, found):
        raise InputError(
            f"{path}: contains campaigns of another dump than {dump.path}; write it again with "
            "`scamdetect campaigns`, or leave campaigns out (--campaigns 0)"
        )
    return {campaign.first_row + 1: campaign for campaign in found}


_Pools = Mapping[tuple[str, str], Pool]  # by language and threshold


def _collect(
    dump: ScoredDump,
    text: str,
    sample: UniformSample[tuple[int, str]],
    wanted: Mapping[str, int],
    thresholds: Mapping[str, float],
) -> tuple[UniformSample[tuple[int, str]], _Pools]:
    pools = {
        (language, name): Pool(_POOLED * quota + _POOLED_MORE)
        for language, quota in wanted.items()
        for name in thresholds
        if quota
    }
    for rows, table in _numbered(dump, text):
        texts = table["text"]

        def drawn(place: int, rows: list[int] = rows, texts: pa.Array = texts) -> tuple[int, str]:
            return rows[place], template_key(texts[place].as_py())

        sample.add(len(rows), drawn)
        numbers, logits = np.array(rows, np.int64), logit(table["probability"].to_numpy())
        languages = np.array(table["language"].to_pylist(), object)
        for (language, name), pool in pools.items():
            here = np.flatnonzero(languages == language)

            def read(place: int, here: NDArray[np.intp] = here, texts: pa.Array = texts) -> str:
                return str(texts[int(here[place])].as_py())

            pool.add(np.abs(logits[here] - thresholds[name]), numbers[here], read)
    return sample, pools


def _numbered(dump: ScoredDump, text: str) -> Iterator[tuple[list[int], pa.Table]]:
    """Yield the usable rows with their numbers among all readable ones, from 1."""
    first = 1
    for batch in dump.batches(text):
        size = batch.table.num_rows
        numbers = pa.Array.from_buffers(
            pa.int64(), size, [None, pa.py_buffer(np.arange(first, first + size))]
        )
        table = usable(batch.table.append_column("row", numbers))
        first += size
        yield table["row"].to_pylist(), table


def _pick(
    pools: _Pools, wanted: Mapping[str, int], known: Mapping[int, str]
) -> list[tuple[str, Candidate]]:
    """Return the chosen candidates, each with its nearest threshold.

    Places that a language cannot fill go to the nearest candidates of all languages. ``known`` has
    the rows already in the queue, with their masked texts.
    """
    chosen = Chosen(known.values())
    found: list[tuple[str, Candidate]] = []
    rest: list[tuple[str, Candidate]] = []
    for language, quota in sorted(wanted.items()):
        names = [name for of, name in pools if of == language]
        left = quota
        for place, name in enumerate(names):
            share = -(-left // (len(names) - place))
            candidates = [c for c in pools[language, name].candidates() if c.row not in known]
            taken = chosen.choose(candidates, share)
            found += [(name, candidate) for candidate in taken]
            rest += [(name, candidate) for candidate in candidates]
            left -= len(taken)
    open_places = sum(wanted.values()) - len(found)
    rows = {candidate.row for _, candidate in found}
    rest = sorted(
        ((name, one) for name, one in rest if one.row not in rows), key=lambda pair: pair[1]
    )
    near: dict[Candidate, str] = {}
    for name, candidate in rest:
        near.setdefault(candidate, name)
    more = chosen.choose(list(near), open_places)
    return found + [(near[candidate], candidate) for candidate in more]


def _rows(
    dump: ScoredDump,
    text: str,
    key: str | None,
    chances: Mapping[int, float | None],
    near: Mapping[int, str],
    campaigns: Mapping[int, Campaign],
) -> Iterator[QueueRow]:
    first = 1
    for batch in dump.batches(text, key=key):
        table = batch.table
        here = [row for row in sorted(chances) if first <= row < first + table.num_rows]
        for row in here:
            one = table.slice(row - first, 1)
            own = cell_texts(one.column("key"))[0] if key is not None else None
            values = {n: one.column(n)[0].as_py() for n in one.column_names if n != "key"}
            yield QueueRow(
                row=row,
                key=own,
                text=values["text"],
                language=values["language"] or "und",
                part=AUDIT if chances[row] else UNCERTAIN if row in near else CAMPAIGN,
                inclusion_probability=chances[row],
                decision=values["decision"],
                scam_probability=values["probability"],
                near=near.get(row),
                kinds=tuple(kind for kind in values["kinds"] or () if kind),
                campaign=campaigns.get(row),
                model_id=values["model_id"],
            )
        first += table.num_rows
