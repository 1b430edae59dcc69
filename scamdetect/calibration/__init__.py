"""Calculations on scores: statistics, probabilities, thresholds."""
