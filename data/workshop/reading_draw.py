"""Choose what to read: labels that a cross-validated model doubts, and all authored rows.

Of public rows those are drawn whose label a rule made or leaves open, promotions among scams,
candidates of romance and investment and rows where a cross-validated model doubts the label, the
most doubted first, spread over languages.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data.workshop.reading import Item, spread
from scamdetect.calibration.statistics import Floats
from scamdetect.errors import MissingExtraError
from scamdetect.evaluate.baselines import names_candidate, train_baseline
from scamdetect.labels import Kind, Provenance, Verdict
from scamdetect.train.data.authored import AuthoredRow
from scamdetect.train.data.corpus_rows import AUTHORED, is_own
from scamdetect.train.data.corrections import OPEN
from scamdetect.train.data.table import column, has_verdict, select

try:
    from sklearn.model_selection import GroupKFold
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

# Sources whose scams hold promotions, as their readers noted.
PROMOS_AMONG_SCAMS = ("th_sms_ssivakorn", "scamspot_ig_comments")
SHARES = {"open": 0.34, "rule": 0.20, "promo": 0.08, "candidate": 0.14, "doubt": 0.24}
DEV = "dev"  # why a row was drawn: one on which its readers differ leaves dev
_CANDIDATES = {Kind.ROMANCE.value, Kind.INVESTMENT.value, Kind.CRYPTO.value}


def draw_public(
    table: pa.Table, doubts: npt.NDArray[np.float64], rows: int, barred: Sequence[str], seed: int
) -> list[Item]:
    """Return ``rows`` train rows of public sources, in chance order.

    ``doubts`` (n,) says how little a cross-validated model believes each label, over 1 where it
    calls the other class. Sources in ``barred`` and rows read or authored are left out.
    """
    records = table.to_pylist()
    pools: dict[str, list[int]] = {name: [] for name in SHARES}
    for place, record in enumerate(records):
        provenance = record["verdict_provenance"]
        if provenance in (Provenance.READ, Provenance.AUTHORED) or record["source"] in barred:
            continue
        if record["role"] != "train":
            continue
        if record["not_legit"]:
            pools["open"].append(place)
        elif provenance == Provenance.RULE:
            pools["rule"].append(place)
        elif record["source"] in PROMOS_AMONG_SCAMS and record["verdict"] == Verdict.SCAM:
            pools["promo"].append(place)
        elif _is_candidate(record):
            pools["candidate"].append(place)
        else:
            pools["doubt"].append(place)
    chosen: dict[int, str] = {}
    left = rows
    # What the other pools cannot fill goes to the doubts.
    for name, pool in pools.items():
        want = left if name == "doubt" else round(SHARES[name] * rows)
        if name in ("candidate", "doubt"):
            pool = sorted(pool, key=lambda place: -doubts[place])[: 4 * want]
        taken = list(islice(_round_robin(pool, records), want))
        chosen.update(dict.fromkeys(taken, name))
        left -= len(taken)
    items = [_item(records[place], why) for place, why in chosen.items()]
    random.Random(seed).shuffle(items)
    return items


def draw_source(table: pa.Table, source: str, most: int | None, seed: int) -> list[Item]:
    """Return the rows of a source that train or calibrate and that nobody read, in chance order.

    With ``most`` one of each near-duplicate group, and as many of these at most.
    """
    records = [
        record
        for record in table.to_pylist()
        if record["source"] == source
        and record["role"] in ("train", "calibrate")
        and record["verdict_provenance"] != Provenance.READ
    ]
    random.Random(seed).shuffle(records)
    if most is not None:
        records = list({record["group"]: record for record in records}.values())[:most]
    return [_item(record, "source") for record in records]


def draw_dev(
    table: pa.Table, scores: Sequence[npt.NDArray[np.float64]], share: float, seed: int
) -> list[Item]:
    """Return the public dev rows that nobody read, to be read twice, in chance order.

    Every scam, and the honest rows that any of the ``scores`` (n,) ranks in the top ``share``.
    """
    records = table.to_pylist()
    public = np.array([not is_own(record["source"]) for record in records])
    verdicts = np.array([record["verdict"] for record in records])
    unread = np.array([record["verdict_provenance"] != Provenance.READ for record in records])
    known = public & ~np.array([record["not_legit"] for record in records])
    chosen = known & unread & (verdicts == Verdict.SCAM.value)
    honest = known & (verdicts == Verdict.LEGIT.value)
    for values in scores:
        bound = np.quantile(np.nan_to_num(values[honest], nan=0.0), 1 - share)
        chosen |= honest & unread & (np.nan_to_num(values, nan=0.0) > bound)
    items = [_item(records[place], DEV) for place in np.flatnonzero(chosen).tolist()]
    random.Random(seed).shuffle(items)
    return items


def draw_suspect(
    table: pa.Table, scam: npt.NDArray[np.float64], most: int, seed: int
) -> list[Item]:
    """Return the honest public train rows that nobody read and a word model likes least.

    ``scam`` (n,) is its probability of scam, by a model that did not see the row.
    """
    records = table.to_pylist()
    places = [
        place
        for place, record in enumerate(records)
        if record["verdict"] == Verdict.LEGIT
        and not record["not_legit"]
        and not is_own(record["source"])
        and record["verdict_provenance"] != Provenance.READ
    ]
    places.sort(key=lambda place: (-scam[place], records[place]["row_hash"]))
    items = [_item(records[place], "suspect") for place in places[:most]]
    random.Random(seed).shuffle(items)
    return items


def draw_authored(rows: Sequence[AuthoredRow], seed: int) -> list[Item]:
    """Return the rows that no reader has judged, over all languages, pair mates far apart."""
    unread = [row for row in rows if row.reader is None]
    random.Random(seed).shuffle(unread)
    items = [
        Item(AUTHORED + row.lang, row.id, row.channel, row.verdict.value, "authored", row.text)
        for row in unread
    ]
    return spread(items, {row.id: row.pair for row in unread if row.pair is not None})


def known_answers(rows: Sequence[AuthoredRow]) -> list[Item]:
    """Return the authored train rows that are not hard: readers must get them right."""
    return [
        Item(AUTHORED + row.lang, row.id, row.channel, row.verdict.value, "known", row.text)
        for row in rows
        if row.part == "train" and not row.hard and row.channel != "dialogue"
    ]


def _is_candidate(record: dict[str, object]) -> bool:
    kinds = record["kinds"] or ()
    return bool(_CANDIDATES & set(kinds)) or names_candidate(str(record["norm"]))  # type: ignore[call-overload]


def _round_robin(pool: Sequence[int], records: Sequence[dict[str, object]]) -> Iterator[int]:
    """Yield the places in turn from each language, and there from each source."""
    by_lang: dict[object, dict[object, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place in pool:
        by_lang[records[place]["lang"]][records[place]["source"]].append(place)
    of_lang = [
        [place for turn in zip_longest(*sources.values()) for place in turn if place is not None]
        for sources in by_lang.values()
    ]
    for turn in zip_longest(*of_lang):
        yield from (place for place in turn if place is not None)


def _item(record: dict[str, object], why: str) -> Item:
    old = OPEN if record["not_legit"] else str(record["verdict"])
    return Item(
        str(record["source"]), str(record["row_hash"]), str(record["channel"]), old, why,
        str(record["text"]),
    )  # fmt: skip


def label_doubts(train: pa.Table, folds: int, log: Callable[[str], None]) -> Floats:
    """Return the doubt (n,) in each row's label by models that saw none of its group.

    Over 1 the model calls the other class with more than the mean confidence of that class, the
    off-diagonal of the confident joint (Northcutt et al. 2021); half of it is a model in two minds.
    """
    scam = out_of_fold(train, folds, log)
    truth = has_verdict(train, Verdict.SCAM)
    usual_scam = float(np.nanmean(scam[truth]))
    usual_other = float(np.nanmean(1 - scam[~truth]))
    return np.where(truth, (1 - scam) / usual_other, scam / usual_scam)


def out_of_fold(train: pa.Table, folds: int, log: Callable[[str], None]) -> Floats:
    """Return the scam probability (n,) of each row by a baseline fitted on the other folds."""
    groups = column(train, "group").astype(np.int64)
    scores = np.full(train.num_rows, np.nan)
    for others, fold in GroupKFold(folds).split(scores, groups=groups):
        kept = np.isin(np.arange(train.num_rows), others)
        baseline = train_baseline(select(train, kept), log)
        scores[fold] = baseline.scam_probabilities(list(column(select(train, ~kept), "norm")))
    return scores
