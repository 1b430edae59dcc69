"""Write the card of a finished bundle again, with what was measured since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scamdetect.bundle.bundle import CARD, MANIFEST, SETTINGS, Bundle, write_manifest
from scamdetect.bundle.settings import read_json
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.system.files import read_bytes, write_text, writing
from scamdetect.system.os_errors import unwritable
from scamdetect.train.card import card_text
from scamdetect.train.card_failures import find_failures
from scamdetect.train.card_results import read_results
from scamdetect.train.measured_as import left_behind, with_entries


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The ids of a bundle before and after a new card, and those that its figures carry."""

    before: str
    after: str
    measured_as: tuple[str, ...]


def rewrite_card(
    folder: Path,
    files: Mapping[str, Path | None],
    *,
    measured: Sequence[Path] = (),
    authored: Path | None = None,
    watts: float | None = None,
    cores: int | None = None,
) -> Rewritten:
    """Write ``README.md`` and ``manifest.json`` of the bundle; nothing else of it changes.

    ``files`` are results by kind (``evaluation``, ``final``, ``untrained``, ``evasion``,
    ``bench``, ``conversations``), ``measured`` folders of this bundle as it was when they were
    made, ``authored`` the project's own messages, whose dev part shows where the bundle fails,
    ``watts`` and ``cores`` what the estimate of energy stands on. The manifest keeps its schema
    version, and with it the rule of the id; it records the earlier ids that the results carry.
    Raises InputError for results of another bundle and for a bundle with thresholds of a team's
    own, BundleError for a damaged bundle, OutputError where writing fails; the bundle is then as it
    was.
    """
    bundle = Bundle.load(folder)
    if "own_thresholds" in bundle.training:
        raise InputError(
            f"{folder}: its card tells of own thresholds; write the card of the bundle that it was "
            "made from, then run scamdetect calibrate again"
        )
    results, entries = read_results(bundle, files, [Bundle.load(one) for one in measured])
    if authored is not None:
        if not authored.is_dir():
            raise InputError(
                f"{authored}: no such folder; pass --authored, or 'none' without quotes"
            )
        with ScamDetector.load(folder) as detector:
            results = replace(results, failures=find_failures(detector, authored))
    results = replace(results, watts=watts, cores=cores)
    training = with_entries(bundle, left_behind(bundle, entries))
    text = card_text(read_json(folder / SETTINGS), training, results)
    _replace(folder, text, training, bundle.manifest_version)
    after = Bundle.load(folder).model_id
    return Rewritten(bundle.model_id, after, tuple(one.model_id for one in entries))


def _replace(folder: Path, text: str, training: Mapping[str, object], version: int) -> None:
    kept = {name: read_bytes(folder / name) for name in (CARD, MANIFEST)}
    try:
        write_text(folder / CARD, text)
        write_manifest(folder, training, version)
    except BaseException as problem:
        for name, content in kept.items():
            with writing(folder / name) as file:
                file.write(content)
        if isinstance(problem, OSError):
            raise unwritable(
                folder, problem, elsewhere="change a copy in another place"
            ) from problem
        raise
