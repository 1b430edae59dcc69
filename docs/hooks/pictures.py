"""Draw the pictures of the pages on thresholds and conversations into ``docs/assets``.

    python docs/hooks/pictures.py

The figures are those of the shipped bundle: its operating points, and its answer to the example
on the page on conversations.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from scamdetect import ScamDetector

DOCS = Path(__file__).resolve().parent.parent
ASSETS = DOCS / "assets"
DARK, TEAL, RED = "#263238", "#00796b", "#c62828"
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "scamdetect",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def thresholds(detector: ScamDetector) -> None:
    """Draw scams found against honest messages flagged, at the bundle's operating points."""
    points = [
        one for one in detector.bundle.operating_points if one.lang is None and one.kind is None
    ]
    points.sort(key=lambda one: one.fpr)
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    axes.plot([1000 * one.fpr for one in points], [one.recall for one in points], "o-", color=TEAL)
    names = {point.fpr: name for name, point in detector.presets.items()}
    for one in points:
        label = f"{one.threshold:.2f}"
        label += f" ({names[one.fpr]})" if one.fpr in names else ""
        axes.annotate(label, (1000 * one.fpr, one.recall), (8, -13), textcoords="offset points")
    axes.set(xscale="log", ylim=(0.4, 1.05), xlim=(0.8, 420))
    axes.set_xticks(
        [1, 2, 5, 10, 20, 50, 100, 200], ["1", "2", "5", "10", "20", "50", "100", "200"]
    )
    axes.minorticks_off()
    axes.set_yticks([0.4, 0.6, 0.8, 1.0], ["40 %", "60 %", "80 %", "100 %"])
    axes.set_xlabel("honest messages flagged, of 1,000")
    axes.set_ylabel("scams flagged")
    axes.grid(color="#eceff1")
    _save(figure, "thresholds.svg", detector)


def conversation(detector: ScamDetector) -> None:
    """Draw the risk after each turn of the example, with the thresholds of conversations."""
    page = (DOCS / "conversations.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.+?)```", page, re.DOTALL)[0], names)
    turns, rule = names["found"].turns, detector.conversation_rule.thresholds
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    places = range(1, len(turns) + 1)
    risks = [turn.risk or 0 for turn in turns]
    axes.step(places, risks, where="post", color=TEAL, linewidth=2)
    axes.plot(places, risks, "o", color=TEAL)
    for name, level in (("flag", rule.flag), ("review", rule.review)):
        axes.axhline(level, color=RED, linestyle="--", linewidth=1)
        axes.text(0.6, level + 0.02, f"{name} {level:.2f}", color=RED)
    axes.set(ylim=(0, 1.02), xlim=(0.5, len(turns) + 0.6), ylabel="risk of the conversation")
    labels = [f"{place}: {message['sender']}" for place, message in enumerate(names["messages"], 1)]
    axes.set_xticks(list(places), labels)
    _save(figure, "conversation.svg", detector)


def _save(figure: plt.Figure, name: str, detector: ScamDetector) -> None:
    # The id in the picture tells a test that it is of the shipped bundle.
    figure.text(0.995, 0.01, detector.model_id, ha="right", size=8, color=DARK)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(ASSETS / name, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Draw them all."""
    detector = ScamDetector.load()
    with mpl.rc_context(STYLE):
        thresholds(detector)
        conversation(detector)


if __name__ == "__main__":
    main()
