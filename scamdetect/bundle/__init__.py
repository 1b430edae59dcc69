"""A verified bundle folder, and the scorer that runs it."""
