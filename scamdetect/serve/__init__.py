"""A detector behind HTTP: a small service with limits, for other programs of the same team."""
