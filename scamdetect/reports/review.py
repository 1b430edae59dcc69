"""A queue as one page that works offline: a person answers each message and saves a CSV."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from scamdetect.adapt.labels import COLUMNS, around_answer, record
from scamdetect.adapt.queue import AUDIT, CAMPAIGN, Queue, QueueRow
from scamdetect.detector import ScamDetector
from scamdetect.explain.cues import find_cues
from scamdetect.explain.explanation import cut
from scamdetect.explain.occlusion import Detector, explain
from scamdetect.labels import KINDS, kind_name, language_title
from scamdetect.reports import html
from scamdetect.reports.campaigns import campaign_words
from scamdetect.reports.dump import scoring_bundle
from scamdetect.scored.read import open_scored
from scamdetect.scored.top_campaigns import other_texts
from scamdetect.system.files import access_of
from scamdetect.system.os_errors import written
from scamdetect.system.shown import visible
from scamdetect.text.masking import beginning

SHOWN = 20_000  # characters of a message that the page shows; the CSV has all of them
_EXAMPLES, _EXAMPLE_SHOWN = 4, 400  # other messages of a campaign, and the characters of each
_QUOTED, _MOST_CUES = 80, 30
UNMARKED = "The model that scored the file is not available, so only cues are marked."
_CHOSEN = {AUDIT: "at random", CAMPAIGN: "for its campaign"}


def write_review(
    queue: Queue,
    path: Path,
    scored: Path,
    *,
    model: Path | None = None,
    marks: bool = True,
    progress: Callable[[int], None] = lambda done: None,
) -> str | None:
    """Write the page of a queue that was drawn from ``scored``; return why marks are missing.

    With ``marks`` the bundle that scored the messages, ``model`` or the shipped one, scores each up
    to 50 times to mark what raises its score; ``progress`` gets the number of messages done. Raises
    InputError if ``model`` did not score the dump or a file of campaigns is damaged, BundleError on
    a damaged bundle, OutputError if the page cannot be written.
    """
    models = sorted({row.model_id for row in queue.rows if row.model_id})
    bundle = scoring_bundle(scored, models, model) if marks else None
    notice = UNMARKED if marks and bundle is None else None
    campaigns = [row.campaign for row in queue.rows if row.campaign is not None]
    examples = other_texts(open_scored(scored), queue.text_column, campaigns, _EXAMPLES)
    detector = None if bundle is None else ScamDetector.load(bundle.folder)
    items = []
    for done, row in enumerate(queue.rows, 1):
        judge = detector if bundle is not None and row.model_id == bundle.model_id else None
        items.append(_item(row, judge, examples))
        progress(done)
    script = files("scamdetect.reports").joinpath("review.js").read_text(encoding="utf-8")
    lines = [[item["before"], item["after"]] for item in items]
    page = html.page(
        "review.html",
        name=visible(scored.name),
        notices=[notice] if notice else [],
        count=len(items),
        script=script,
        # Only this script runs, whatever a message holds.
        hash=b64encode(sha256(script.encode()).digest()).decode(),
        data={
            "id": sha256(json.dumps(lines).encode()).hexdigest()[:16],  # of answers in the browser
            "file": f"{path.stem}.csv".encode("utf-8", "replace").decode(),
            "header": ",".join(COLUMNS),
            "kinds": [[kind.value, kind_name(kind)] for kind in KINDS],
            "items": items,
        },
    )
    with written(path):
        html.write_page(page, path, access_of([scored]))
    return notice


def _item(
    row: QueueRow, detector: Detector | None, examples: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return what the page needs of a row, in plain JSON types."""
    before, after = around_answer(record(row))
    text = row.text[:SHOWN]
    cues = find_cues(text)
    quotes = ((cue.meaning, " ".join(_cut(text[cue.start : cue.end]).split())) for cue in cues)
    spans = () if detector is None else explain(detector, beginning(row.text))
    campaign = row.campaign
    facts = [
        ("Row", f"{row.row:,}"),
        ("Language", _cut(language_title(row.language))),
        ("Chosen", _CHOSEN.get(row.part, "near a threshold")),
        *([] if row.key is None else [("Key", _cut(row.key))]),
    ]
    predicted = [
        ("Decision", row.decision),
        ("Scam probability", f"{row.scam_probability:.3f}"),
        ("Kinds", ", ".join(map(kind_name, row.kinds))),
        ("Near the threshold", row.near or ""),
        ("Campaign", "" if campaign is None else campaign_words(campaign)),
    ]
    return {
        "before": before,
        "after": after,
        # Rates come from these, so nothing that the model predicts should sway the answer.
        "hidden": row.part == AUDIT,
        "lang": "" if row.language == "und" else row.language,
        "facts": facts,
        "model": [pair for pair in predicted if pair[1]],
        "pieces": list(cut(text, spans, cues)),
        "more": max(0, len(row.text) - SHOWN),
        "cues": list(dict.fromkeys(quotes))[:_MOST_CUES],
        "messages": None if campaign is None else campaign.messages,
        "examples": [
            _cut(text, _EXAMPLE_SHOWN) for text in examples.get(campaign.id if campaign else "", ())
        ],
    }


def _cut(text: str, most: int = _QUOTED) -> str:
    return visible(text if len(text) <= most else f"{text[: most - 1]}…")
