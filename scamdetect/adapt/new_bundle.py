"""Write a bundle again with other settings: same weights."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scamdetect.bundle.bundle import CARD, MANIFEST, SETTINGS, Bundle, write_manifest
from scamdetect.system.files import write_text, writing
from scamdetect.system.os_errors import unwritable

_TITLE = re.compile(r"^# .*\n", re.MULTILINE)


def write_bundle(
    bundle: Bundle,
    folder: Path,
    settings: Mapping[str, Any],
    card: str,
    training: Mapping[str, Any],
) -> Bundle:
    """Write the bundle with these keys of its settings replaced, and return it verified.

    ``card`` and ``training``, the manifest's record, take the place of its own. The folder appears
    whole or not at all. Raises OutputError where writing fails.
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
    """Return the setting ``thresholds`` of a bundle whose thresholds own messages set.

    What they count at ``review`` would be wrong if verdicts sent more messages there.
    """
    return {"flag": flag, "review": review, "review_scam_verdicts": False}


def first_tier(bundle: Bundle, settings: Mapping[str, Any], review: float) -> dict[str, Any]:
    """Return the setting ``first_tier``, in ``settings`` or the bundle's, for a new ``review``.

    Its proof holds for the old threshold and for higher ones. Empty if nothing changes.
    """
    if bundle.clearing is None or review >= bundle.thresholds.review:
        return {}
    rule = settings.get("first_tier", asdict(bundle.clearing))
    return {"first_tier": rule | {"proven": False}}


def noted(card: str, note: Sequence[str], name: str = "own thresholds") -> str:
    """Return the card with a section under its title, in place of an earlier one of that name."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = "\n".join([start, *note, end])
    plain = re.sub(f"{re.escape(start)}.*?{re.escape(end)}\n*", "", card, flags=re.DOTALL)
    title = _TITLE.search(plain)
    place = title.end() if title else 0
    return f"{plain[:place]}\n{section}\n{plain[place:]}"
