"""The OpenAPI description of the service, with the limits of a running one."""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib.resources import files
from typing import Any

from scamdetect.serve.request import Limits


def description(
    limits: Limits, presets: Collection[str], *, with_senders: bool = True
) -> dict[str, Any]:
    """Return the contents of ``openapi.json`` with the limits and the optional keys in force."""
    path = files("scamdetect.serve").joinpath("openapi.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    schemas = found["components"]["schemas"]
    schemas["Text"]["maxLength"] = limits.characters
    schemas["Texts"]["maxItems"] = schemas["Messages"]["maxItems"] = limits.texts
    schemas["ExplainedTexts"]["maxItems"] = limits.explained
    schemas["Preset"]["enum"] = list(presets)
    missing = [] if with_senders else ["senders"]
    missing += [] if presets else ["preset"]
    for request in ("PredictRequest", "ExplainRequest"):
        for name in missing:
            del schemas[request]["properties"][name]
    if not presets:
        del schemas["Preset"]
    return found
