"""The bars that gates, pages and the card share."""

from __future__ import annotations

FLIPS_BAR = 0.001  # what is aimed at

ECE_BAR = 0.03  # at 20 % scams

BAR = 0.02  # of any honest slice flagged as shipped
FEWEST_ROWS = 150
FIRST = "transactional"
