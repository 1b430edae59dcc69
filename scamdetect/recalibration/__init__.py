"""Move the thresholds of a bundle to a team's own labelled messages."""
