"""Move thresholds, and optionally probabilities, to own messages, and write a new bundle."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from scamdetect.adapt.halves import Moved, move
from scamdetect.adapt.notes import recalibration_note
from scamdetect.adapt.own_rows import PLAIN, OwnRows, read_label_map, read_own_rows
from scamdetect.adapt.refit import Refit, carried, refit, scaled_settings
from scamdetect.bundle.bundle import CARD, MANIFEST, SETTINGS, Bundle, write_manifest
from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError
from scamdetect.labels import Verdict
from scamdetect.system.destinations import new_folder
from scamdetect.system.files import file_sha256, write_text, writing
from scamdetect.system.os_errors import unwritable

_TITLE = re.compile(r"^# .*\n", re.MULTILINE)


def write_bundle(
    bundle: Bundle,
    folder: Path,
    settings: Mapping[str, Any],
    card: str,
    training: Mapping[str, Any],
) -> Bundle:
    """Write the bundle with these settings replaced, and return it verified.

    ``card`` and ``training``, the manifest's record, are replaced too. The folder appears
    completely or not at all. Raises OutputError if writing fails.
    """
    changed = json.loads(bundle.read(SETTINGS)) | dict(settings)
    draft: Path | None = None
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
        for name in bundle.sha256.keys() - {MANIFEST, SETTINGS, CARD}:
            with writing(draft / name) as file:
                file.write(bundle.read(name))
        write_text(draft / SETTINGS, json.dumps(changed, indent=2, ensure_ascii=False) + "\n")
        write_text(draft / CARD, card)
        write_manifest(draft, training)
        Bundle.load(draft)
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError as problem:
        raise unwritable(folder, problem) from problem
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return Bundle.load(folder)


def exact_thresholds(flag: float, review: float) -> dict[str, Any]:
    """Return the setting ``thresholds`` of a bundle whose thresholds were set by own messages.

    The rates at ``review`` would be wrong if verdicts sent more messages there.
    """
    return {"flag": flag, "review": review, "review_scam_verdicts": False}


def cascade_setting(bundle: Bundle, review: float) -> dict[str, Any]:
    """Return the setting ``cascade`` for a new ``review`` on the scale of the bundle's own.

    It was tested for the old threshold and for higher ones. Empty if nothing changes.
    """
    if bundle.cascade is None or review >= bundle.thresholds.review:
        return {}
    return {"cascade": msgspec.to_builtins(bundle.cascade) | {"proven": False}}


def noted(card: str, note: Sequence[str], name: str = "own thresholds") -> str:
    """Return the card with a section after its title; an earlier one of that name is replaced."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = "\n".join([start, *note, end])
    plain = re.sub(f"{re.escape(start)}.*?{re.escape(end)}\n*", "", card, flags=re.DOTALL)
    title = _TITLE.search(plain)
    place = title.end() if title else 0
    return f"{plain[:place]}\n{section}\n{plain[place:]}"


REVIEW_FPR = 0.03


@dataclass(frozen=True)
class Recalibrated:
    """The new bundle, its calibration rows, and flag and review before and after.

    Each threshold refers to the probabilities of its bundle. ``refit`` is None unless requested.
    """

    bundle: Bundle
    rows: OwnRows
    moved: tuple[Moved, ...]
    refit: Refit | None


def recalibrate(
    bundle: str | Path | None,
    data: str | Path,
    destination: str | Path,
    *,
    fpr: float,
    review_fpr: float | None = None,
    text_column: str = "text",
    label_column: str = "label",
    group_column: str | None = None,
    label_map: str | Path | None = None,
    refit_probabilities: bool = False,
    base_rate: float | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Recalibrated:
    """Write a bundle with ``flag`` at rate ``fpr`` and ``review`` at ``review_fpr`` on own rows.

    ``review_fpr`` is 0.03 by default, or ``fpr`` if that is higher. Half of the messages chooses
    the thresholds and the other half measures them; a group of near-duplicates, or of one
    ``group_column`` value, stays together. Weights and scores are unchanged, unless
    ``refit_probabilities`` fits a temperature and a bias to own messages with a share ``base_rate``
    of scams (by default as in the rows); they are kept only if they are better on the other half,
    and then all thresholds are converted. Raises InputError for data that cannot be read, has
    unmapped labels or trained the bundle, for too few messages, and for an existing destination;
    BundleError for a damaged bundle, OutputError if writing fails.
    """
    if base_rate is not None and not refit_probabilities:
        raise InputError("a base rate applies to probabilities: pass --refit-probabilities with it")
    review = max(fpr, REVIEW_FPR) if review_fpr is None else review_fpr
    if not 0 < fpr <= review < 1:
        raise InputError(
            f"rates of {fpr!r} to flag and {review!r} to review are invalid; choose 0 < --fpr "
            "<= --review-fpr < 1"
        )
    source, target = Path(data), Path(destination)
    new_folder(target)
    known = PLAIN if label_map is None else read_label_map(Path(label_map))
    with ScamDetector.load(bundle, threads=threads, tier="full") as detector:
        _check_unseen(detector.bundle, source)
        rows = read_own_rows(
            source,
            detector,
            text_column=text_column,
            label_column=label_column,
            group_column=group_column,
            known=known,
        )
        old = detector.bundle
    rates = {"flag": fpr, "review": review}
    moved, points = move(rows, rates, old.thresholds, seed)
    fitted = refit(rows, seed, base_rate) if refit_probabilities else None
    review_before_refit = moved[1].after.threshold
    settings: dict[str, Any] = {}
    if fitted is not None and fitted.kept:
        moved, points = carried(rows.scores, fitted.scaling, moved, points)
        settings = scaled_settings(old, fitted.scaling)
    settings |= cascade_setting(old, review_before_refit)
    settings |= {
        "thresholds": exact_thresholds(**{one.name: one.after.threshold for one in moved}),
        "thresholds_fpr": rates,
        "operating_points": [_point(point) for point in points],
        # The counts by language and kind refer to the rows of the old points.
        "calibration_rows": {},
    }
    record: dict[str, Any] = {
        "base": old.model_id,
        "data_sha256": file_sha256(source),
        "seed": seed,
        "legit": list(rows.count(Verdict.LEGIT)),
        "scam": list(rows.count(Verdict.SCAM)),
        "moved": [asdict(one) for one in moved],
        "refit": None,
    }
    if fitted is not None:
        scaling = msgspec.structs.asdict(fitted.scaling)
        record["refit"] = asdict(fitted) | {"kept": fitted.kept, "scaling": scaling}
    note = list(recalibration_note(old, rows, moved, fitted))
    card = noted(old.read(CARD).decode("utf-8", "replace"), note)
    training = dict(old.training) | {"own_thresholds": record}
    new = write_bundle(old, target, settings, card, training)
    return Recalibrated(new, rows, moved, fitted)


def _check_unseen(bundle: Bundle, source: Path) -> None:
    """Raise InputError if the bundle was fine-tuned on exactly this file."""
    seen = bundle.training.get("finetune", {}).get("data_sha256")
    if seen is not None and source.is_file() and seen == file_sha256(source):
        raise InputError(
            f"{source}: {bundle.model_id} was fine-tuned on it, so it has fewer false alarms on "
            "these rows than on new ones; pass rows that it has not seen"
        )


def _point(point: OperatingPoint) -> dict[str, Any]:
    return {
        name: value
        for name, value in asdict(point).items()
        if value is not None or name == "recall"
    }
