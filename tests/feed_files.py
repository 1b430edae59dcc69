"""Feeds of a test's own choosing, as others would send them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAMESPACE = "indicator--7f9f6d0c-0000-4000-8000-{:012}"


def stix_indicator(number: int, pattern: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return an indicator of STIX 2.1."""
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": NAMESPACE.format(number),
        "created": "2026-11-01T00:00:00.000Z",
        "modified": "2026-11-01T00:00:00.000Z",
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2026-11-01T00:00:00Z",
    } | other


def stix_domain(number: int, domain: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return an indicator of STIX 2.1 for a domain."""
    return stix_indicator(number, f"[domain-name:value = '{domain}']", **other)


def write_stix(path: Path, *objects: object, **other: Any) -> Path:  # noqa: ANN401
    """Write a bundle."""
    bundle = {"type": "bundle", "id": "bundle--1", **other, "objects": objects}
    path.write_text(json.dumps(bundle, indent=1), encoding="utf-8")
    return path


def misp_attribute(kind: str, value: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return an attribute of MISP."""
    return {"type": kind, "value": value, "to_ids": True, "timestamp": "1795737600"} | other


def write_misp(
    path: Path,
    *attributes: object,
    objects: object = (),
    tags: tuple[str, ...] = (),
) -> Path:
    """Write an event, with its tags behind the attributes as MISP does."""
    event = {
        "info": "an event",
        "Attribute": attributes,
        "Object": objects,
        "Tag": [{"name": name} for name in tags],
    }
    path.write_text(json.dumps({"Event": event}, indent=1), encoding="utf-8")
    return path


def write_csv(path: Path, *lines: str) -> Path:
    """Write lines of CSV."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
