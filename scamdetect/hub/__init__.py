"""Bundles on the Hugging Face hub, through huggingface_hub: pushed complete, pulled pinned."""

from __future__ import annotations

from scamdetect.hub.bundles import pull, push

__all__ = ["pull", "push"]
