"""The detectors of the box: each module makes one kind ready to score."""
