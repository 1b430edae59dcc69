"""Under which earlier ids a bundle was measured, so that results outlive a new version.

A new version or another rule for conversations changes the id of a bundle and no score of a
message. So does a new card if the manifest is of schema version 1, whose ids cover the card.
Results of the earlier id remain true if weights, tokenizer and the settings that decide are the
same. That is checked here: the record of an earlier id holds the sha256 of each file that the id
covers, from which the id itself follows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from scamdetect.bundle.bundle import CARD, MANIFEST, SETTINGS, Bundle, covered_by_id, fingerprint
from scamdetect.bundle.settings import AGAIN
from scamdetect.errors import BundleError, InputError

RECORD = "measured_as"  # the key in the manifest's record of the training
# Settings on which neither the scores nor the decisions of single messages depend.
NOT_SCORING = ("name", "version", "conversation")


@dataclass(frozen=True, slots=True)
class MeasuredAs:
    """An id of a bundle with what was in it."""

    model_id: str
    files: Mapping[str, str]  # sha256 by name of those that the id covers
    scoring: str  # sha256 over the settings but NOT_SCORING

    @classmethod
    def now(cls, bundle: Bundle) -> Self:
        """Return the bundle's id of today."""
        settings = json.loads(bundle.read(SETTINGS))
        decide = {key: value for key, value in settings.items() if key not in NOT_SCORING}
        text = json.dumps(decide, sort_keys=True, ensure_ascii=False)
        scoring = hashlib.sha256(text.encode()).hexdigest()
        covered = covered_by_id(bundle.sha256, bundle.manifest_version)
        return cls(bundle.model_id, covered, scoring)

    def record(self) -> dict[str, Any]:
        """Return the entry for the manifest."""
        return asdict(self)

    def differs_from(self, other: MeasuredAs) -> list[str]:
        """Return what is not the same of all that scores and decides."""
        names = sorted((self.files.keys() | other.files.keys()) - {CARD, SETTINGS})
        differing = [name for name in names if self.files.get(name) != other.files.get(name)]
        return [*differing, *([SETTINGS] if self.scoring != other.scoring else [])]


def recorded(bundle: Bundle) -> tuple[MeasuredAs, ...]:
    """Return the earlier ids that the manifest holds, each proven by its own files.

    Raises BundleError where an entry is malformed or its files do not give its id.
    """
    path = bundle.folder / MANIFEST
    found = []
    for entry in bundle.training.get(RECORD, []):
        try:
            one = MeasuredAs(str(entry["model_id"]), dict(entry["files"]), str(entry["scoring"]))
        except (KeyError, TypeError, ValueError) as problem:
            raise BundleError(
                f"{path}: an entry of {RECORD!r} is not of model_id, files and scoring; {AGAIN}"
            ) from problem
        if one.model_id.rpartition("+")[2] != fingerprint(one.files):
            raise BundleError(
                f"{path}: {RECORD!r} says {one.model_id}, but its files give "
                f"{fingerprint(one.files)}; {AGAIN}"
            )
        found.append(one)
    return tuple(found)


def left_behind(bundle: Bundle, entries: Iterable[MeasuredAs]) -> tuple[MeasuredAs, ...]:
    """Return the entries whose ids are not the bundle's once it has a new card."""
    now = MeasuredAs.now(bundle)
    stays = CARD not in now.files
    return tuple(one for one in entries if not (stays and one.model_id == now.model_id))


def with_entries(bundle: Bundle, entries: Iterable[MeasuredAs]) -> dict[str, Any]:
    """Return the bundle's record of the training, for a manifest that knows these entries too.

    Raises BundleError like ``recorded``.
    """
    known = {one.model_id: one.record() for one in (*recorded(bundle), *entries)}
    return dict(bundle.training) | ({RECORD: list(known.values())} if known else {})


def same_bundle_ids(bundle: Bundle) -> tuple[str, ...]:
    """Return today's id and the earlier ones under which the same scores were measured."""
    now = MeasuredAs.now(bundle)
    same = (one.model_id for one in recorded(bundle) if not one.differs_from(now))
    return tuple(dict.fromkeys([now.model_id, *same]))


def attribute(
    bundle: Bundle, model_ids: Mapping[str, str], before: Iterable[Bundle] = ()
) -> tuple[MeasuredAs, ...]:
    """Return the ids of results as entries, after checking that they are this bundle's.

    ``model_ids`` gives the id by file name; ``before`` are folders of the bundle as it was when
    measured, needed where the manifest does not know an id yet. Raises InputError for the results
    of another bundle, naming the file and what differs.
    """
    now = MeasuredAs.now(bundle)
    known = {one.model_id: one for one in (*recorded(bundle), *map(MeasuredAs.now, before), now)}
    for file, model_id in model_ids.items():
        if model_id not in known:
            raise InputError(
                f"{file}: measured {model_id}, this bundle is {now.model_id} and its manifest "
                "knows no such earlier id; measure this bundle, or name the folder of the one "
                "that was measured with --measured"
            )
        if differing := known[model_id].differs_from(now):
            raise InputError(
                f"{file}: measured {model_id}, which has another {' and '.join(differing)} than "
                f"{now.model_id}; measure this bundle"
            )
    return tuple(known[model_id] for model_id in dict.fromkeys(model_ids.values()))
