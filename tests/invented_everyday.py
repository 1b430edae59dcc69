"""A small catalogue and everyday rows with invented texts, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec

from scamdetect.labels import Kind, Verdict
from scamdetect.train.data.authored import Part
from scamdetect.train.data.everyday import EverydayRow

CAMPAIGN = """
[[campaigns]]
id = "parcel-{part}"
type = "{type}"
part = "{part}"
kinds = ["delivery", "phishing"]
channel = "sms"
sender = "courier"
says = "a fee is open"
asks = "pay on a page"
link = "shortener"
phone = "none"
countries = []
source = ""
"""
FAMILY = """
[[families]]
id = "n-{part}"
block = "notices"
mirrors = "parcel"
part = "{part}"
slice = "transactional"
channel = "sms"
sender = "courier"
says = "delivery today"
link = "tracking"
countries = []
source = ""
"""
SCAM = EverydayRow(
    id="en-e0001", lang="en", script="Latn", part="train", verdict=Verdict.SCAM,
    campaign="parcel-train", kinds=(Kind.DELIVERY,), channel="sms",
    links="shortener", text="pkg held. fee 1.20 go.example/a", generated="a tester",
)  # fmt: skip
HONEST = msgspec.structs.replace(
    SCAM, id="en-e0002", verdict=Verdict.LEGIT, campaign="n-train", kinds=(), links="none",
    text="out for delivery today, 2 to 4 pm",
)  # fmt: skip


def write_catalogue(folder: Path, **changes: Any) -> Path:  # noqa: ANN401
    """Write one type with a campaign and a family a part; ``changes`` replace words of it."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = get_args(Part)
    campaigns = "".join(CAMPAIGN.format(part=part, type="parcel") for part in parts)
    scams = '[types]\nparcel = "Parcel"\n' + campaigns
    honest = "".join(FAMILY.format(part=part) for part in parts)
    for old, new in changes.get("replaced", {}).items():
        scams, honest = scams.replace(old, new), honest.replace(old, new)
    (folder / "campaigns.toml").write_text(scams, encoding="utf-8")
    (folder / "notices.toml").write_text(honest, encoding="utf-8")
    return folder
