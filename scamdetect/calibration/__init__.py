"""Figures from scores alone: statistics, probabilities, thresholds."""
