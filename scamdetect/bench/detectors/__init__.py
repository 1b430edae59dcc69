"""The built-in detectors: each module makes one type ready to score."""
