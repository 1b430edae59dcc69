"""The targets and limits used by gates, pages and the card."""

from __future__ import annotations

FLIPS_BAR = 0.001  # the target

ECE_BAR = 0.03  # at 20 % scams

BAR = 0.02  # of any honest slice flagged at the shipped threshold
FEWEST_ROWS = 150
FIRST = "transactional"
