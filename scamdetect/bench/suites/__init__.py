"""The suites of the box: each module makes one from the corpus or the authored messages."""
