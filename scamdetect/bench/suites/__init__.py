"""The built-in suites: each module makes one from the corpus or the authored messages."""
