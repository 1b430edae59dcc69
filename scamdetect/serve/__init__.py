"""The detector as an HTTP service with limits, for other programs of the same team."""
