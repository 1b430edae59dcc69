"""A queue as one page that works offline: a person answers each message and saves a CSV."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from scamdetect import __version__
from scamdetect.adapt.labels import COLUMNS, around_answer, record
from scamdetect.adapt.queue import AUDIT, CAMPAIGN, Queue, QueueRow
from scamdetect.detector import ScamDetector
from scamdetect.dumps.outputs import reported
from scamdetect.explain.cues import Cue, find_cues
from scamdetect.explain.occlusion import Detector, explain, strengths
from scamdetect.labels import KINDS, kind_name, language_title
from scamdetect.reports import html
from scamdetect.reports.campaigns import campaign_words
from scamdetect.reports.dump import scoring_bundle
from scamdetect.scored.read import open_scored
from scamdetect.scored.top_campaigns import other_texts
from scamdetect.system.files import ANYONE, Access
from scamdetect.system.shown import visible
from scamdetect.text.masking import beginning

SHOWN = 20_000  # characters of a message that the page shows; the CSV has all of them
EXAMPLES, EXAMPLE_SHOWN = 4, 400  # other messages of a campaign, and the characters of each
_QUOTED, _MOST_CUES = 80, 30
NOT_AT_HAND = "The model that scored the file is not at hand, so only cues are marked."


def write_review(
    queue: Queue,
    path: Path,
    scored: Path,
    *,
    text_column: str = "text",
    model: Path | None = None,
    marks: bool = True,
    access: Access = ANYONE,
    watch: Callable[[int], None] = lambda done: None,
) -> str | None:
    """Write the page of a queue that was drawn from ``scored``; return why marks are missing.

    With ``marks`` the bundle that scored the messages, ``model`` or the shipped one, scores each up
    to 50 times to mark what raises its score; ``watch`` gets the number of messages done. Raises
    InputError if ``model`` did not score the dump or a file of campaigns is damaged, BundleError on
    a damaged bundle, OutputError if the page cannot be written.
    """
    dump = open_scored(scored)
    models = sorted({row.model_id for row in queue.rows if row.model_id})
    bundle = scoring_bundle(scored, models, model) if marks else None
    notice = NOT_AT_HAND if marks and bundle is None else None
    campaigns = [row.campaign for row in queue.rows if row.campaign is not None]
    examples = other_texts(dump, text_column, campaigns, EXAMPLES)
    detector = None if bundle is None else ScamDetector.load(bundle.folder)
    items = []
    for done, row in enumerate(queue.rows, 1):
        judge = detector if bundle is not None and row.model_id == bundle.model_id else None
        items.append(_item(row, judge, examples))
        watch(done)
    page = review_page(items, scored.name, f"{path.stem}.csv", [notice] if notice else [])
    with reported(path):
        html.write_page(page, path, access)
    return notice


def review_page(
    items: Sequence[Mapping[str, Any]], name: str, saved_as: str, notices: Sequence[str] = ()
) -> str:
    """Return the page; its answers are kept in the browser under a hash of the rows."""
    script = files("scamdetect.reports").joinpath("review.js").read_text(encoding="utf-8")
    lines = [[item["before"], item["after"]] for item in items]
    return html.page(
        "review.html",
        name=visible(name),
        notices=notices,
        made=date.today().isoformat(),
        version=__version__,
        count=len(items),
        script=script,
        # Only this script runs, whatever a message holds.
        hash=b64encode(sha256(script.encode()).digest()).decode(),
        data={
            "id": sha256(json.dumps(lines).encode()).hexdigest()[:16],
            "file": saved_as.encode("utf-8", "replace").decode(),
            "header": ",".join(COLUMNS),
            "kinds": [[kind.value, kind_name(kind)] for kind in KINDS],
            "items": items,
        },
    )


def _item(
    row: QueueRow, detector: Detector | None, examples: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return what the page needs of a row, in plain JSON types."""
    before, after = around_answer(record(row))
    cues = find_cues(row.text[:SHOWN])
    listed = dict.fromkeys((cue.meaning, _quoted(row.text, cue)) for cue in cues)
    campaign = row.campaign
    found = () if campaign is None else examples.get(campaign.id, ())
    return {
        "before": before,
        "after": after,
        # Rates come from these, so nothing that the model says should sway the answer.
        "hidden": row.part == AUDIT,
        "lang": "" if row.language == "und" else row.language,
        "facts": _facts(row),
        "model": _of_model(row),
        "pieces": list(_pieces(row.text, detector, cues)),
        "more": max(0, len(row.text) - SHOWN),
        "cues": list(listed)[:_MOST_CUES],
        "messages": None if campaign is None else campaign.messages,
        "examples": [visible(_cut(text, EXAMPLE_SHOWN)) for text in found],
    }


def _facts(row: QueueRow) -> list[tuple[str, str]]:
    chosen = {AUDIT: "at random", CAMPAIGN: "for its campaign"}
    found = [
        ("Row", f"{row.row:,}"),
        ("Language", visible(_cut(language_title(row.language), _QUOTED))),
        ("Chosen", chosen.get(row.part, "near a threshold")),
    ]
    return found if row.key is None else [*found, ("Key", visible(_cut(row.key, _QUOTED)))]


def _of_model(row: QueueRow) -> list[tuple[str, str]]:
    found = [("Decision", row.decision), ("Scam probability", f"{row.scam_probability:.3f}")]
    if row.kinds:
        found.append(("Kinds", ", ".join(map(kind_name, row.kinds))))
    if row.near in ("flag", "review"):
        found.append(("Near the threshold", row.near))
    return found if row.campaign is None else [*found, ("Campaign", campaign_words(row.campaign))]


def _pieces(
    text: str, detector: Detector | None, cues: Sequence[Cue]
) -> Iterator[tuple[str, int, str]]:
    """Yield the text that is shown in pieces with their strength, 0 to 2, and names of cues."""
    shown = text[:SHOWN]
    strength, names = [0] * len(shown), [""] * len(shown)
    spans = () if detector is None else explain(detector, beginning(text))
    for span, one in zip(spans, strengths(spans), strict=True):
        strength[span.start : span.end] = [one] * (span.end - span.start)
    for cue in cues:
        for place in range(cue.start, min(cue.end, len(shown))):
            names[place] += f"; {cue.meaning}" if names[place] else cue.meaning
    for (one, name), group in groupby(
        range(len(shown)), key=lambda place: (strength[place], names[place])
    ):
        yield visible("".join(shown[place] for place in group)), one, name


def _quoted(text: str, cue: Cue) -> str:
    return " ".join(visible(_cut(text[cue.start : cue.end], _QUOTED)).split())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
