"""Set the review threshold by a budget: a number of messages per day of a team's own traffic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.adapt.notes import budget_note
from scamdetect.adapt.recalibrate import cascade_setting, exact_thresholds, noted, write_bundle
from scamdetect.bundle.bundle import CARD, Bundle
from scamdetect.calibration.operating_points import operating_point
from scamdetect.calibration.statistics import float32_decimals
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, CLEARED
from scamdetect.scored.read import open_scored
from scamdetect.system.destinations import new_folder
from scamdetect.system.files import file_sha256

FEWEST = 1_000  # scored messages
FEWEST_REACHED = 10  # of them, at the new threshold


@dataclass(frozen=True)
class Traffic:
    """The scam probabilities of the scored messages (n,), and the number of messages.

    ``cleared`` of them were cleared early: they count as 0, because their probability is
    approximate.
    """

    probabilities: NDArray[np.float64]
    messages: int
    cleared: int = 0

    def reach(self, threshold: float) -> int:
        """Return how many messages reach a threshold."""
        return int((self.probabilities >= threshold).sum())


@dataclass(frozen=True)
class Budgeted:
    """The new bundle, its thresholds before and after, and the traffic used."""

    bundle: Bundle
    traffic: Traffic
    before: Thresholds
    after: Thresholds
    reviews_per_day: int
    messages_per_day: int


def set_by_budget(
    bundle: str | Path | None,
    scored: str | Path,
    destination: str | Path,
    *,
    reviews_per_day: int,
    messages_per_day: int,
) -> Budgeted:
    """Write a bundle with a review threshold reached by a given number of messages per day.

    ``scored`` is a dump of all messages of a period, scored by ``bundle`` (None: the shipped one).
    Messages to flag count too. ``flag`` is unchanged, or is raised to ``review`` if too many
    messages reach it. Raises InputError for an invalid budget, for a dump that cannot be read, or
    of another bundle, flagged messages only or too few messages, for scores without such a
    threshold, and for an existing destination; BundleError for a damaged bundle, OutputError if
    writing fails.
    """
    if not 0 < reviews_per_day < messages_per_day:
        raise InputError(
            f"{reviews_per_day:,} reviews of {messages_per_day:,} messages a day are not "
            "possible; choose 0 < --reviews-per-day < --messages-per-day"
        )
    source, target = Path(scored), Path(destination)
    new_folder(target)
    old = Bundle.load(bundle)
    traffic = read_traffic(source, old.model_id)
    review = _threshold(source, traffic, reviews_per_day / messages_per_day)
    before = old.thresholds
    if traffic.cleared and review < before.review:
        raise InputError(
            f"{source}: {traffic.cleared:,} messages were cleared early, based on the review "
            f"threshold {before.review}, but the budget needs a lower one; score the dump with "
            "--tier full"
        )
    after = Thresholds(max(before.flag, review), review, review_scam_verdicts=False)
    kept = {"flag"} if after.flag == before.flag else set()
    settings = {
        **cascade_setting(old, review),
        "thresholds": exact_thresholds(after.flag, review),
        # Without labels it is unknown which honest messages reach the review threshold.
        "thresholds_fpr": {k: rate for k, rate in old.thresholds_fpr.items() if k in kept},
    }
    record = {
        "base": old.model_id,
        "data_sha256": file_sha256(source) if source.is_file() else None,
        "reviews_per_day": reviews_per_day,
        "messages_per_day": messages_per_day,
        "messages": traffic.messages,
        "scored": traffic.probabilities.size,
        "reached": traffic.reach(review),
        "before": {"flag": before.flag, "review": before.review},
        "after": {"flag": after.flag, "review": after.review},
    }
    result = Budgeted(old, traffic, before, after, reviews_per_day, messages_per_day)
    card = noted(old.read(CARD).decode("utf-8", "replace"), list(budget_note(result)))
    training = dict(old.training) | {"own_thresholds": record}
    new = write_bundle(old, target, settings, card, training)
    return replace(result, bundle=new)


def read_traffic(source: Path, model_id: str) -> Traffic:
    """Return the traffic in a scored dump; messages on an allow-list reach no threshold.

    Neither do messages that were cleared early. Raises InputError if the dump cannot be read,
    another model scored it, or it has only flagged messages or too few scored ones.
    """
    parts, decisions, models, messages, cleared = [], set[str](), set[str | None](), 0, 0
    for batch in open_scored(source).batches():
        table = batch.table
        messages += table.num_rows
        table = table.filter(pc.not_equal(table["decision"], Decision.UNSCORED.value))
        decisions |= set(table["decision"].to_pylist())
        models |= set(table["model_id"].to_pylist())
        early, allowed = (_says(table, words).to_numpy() for words in (CLEARED, ALLOWED))
        cleared += int(early.sum())
        parts.append(np.where(allowed | early, 0.0, table["probability"].to_numpy()))
    # Decisions compare the decimals of float32 scores.
    probabilities = float32_decimals(np.concatenate(parts) if parts else np.empty(0))
    if models - {model_id}:
        others = ", ".join(sorted(name or "a model without a name" for name in models - {model_id}))
        raise InputError(
            f"{source}: scored by {others}, but the bundle is {model_id}; score the dump with "
            "this bundle, or pass the bundle that scored it"
        )
    if decisions == {Decision.FLAG.value}:
        raise InputError(
            f"{source}: contains only flagged messages, which do not give a share of all "
            "messages; score the dump without --only-flagged"
        )
    if probabilities.size < FEWEST:
        raise InputError(
            f"{source}: contains {probabilities.size:,} scored messages, but at least "
            f"{FEWEST:,} are needed; use a longer period"
        )
    return Traffic(probabilities, messages, cleared)


def _says(table: pa.Table, reason: str) -> pa.Array:
    """Return for which messages this is one of the reasons, (n,) booleans."""
    return pc.fill_null(pc.match_substring(table["reason"], reason), False)


def _threshold(source: Path, traffic: Traffic, share: float) -> float:
    """Return the threshold that this share of all messages reaches, or slightly fewer."""
    wanted = share * traffic.messages
    if wanted < FEWEST_REACHED:
        raise InputError(
            f"{source}: {wanted:.1f} of its {traffic.messages:,} messages would be reviewed, "
            f"too few to set a threshold; pass at least {round(FEWEST_REACHED / share):,} "
            "messages"
        )
    if wanted >= traffic.probabilities.size:
        raise InputError(
            f"{source}: all its scored messages fit into the budget; review all, or pass a "
            "lower --reviews-per-day"
        )
    threshold = operating_point(
        traffic.probabilities, [], wanted / traffic.probabilities.size
    ).threshold
    if threshold > 1:
        raise InputError(
            f"{source}: more messages than the budget have the highest possible scam "
            "probability; pass a higher --reviews-per-day"
        )
    return threshold
