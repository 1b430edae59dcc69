"""The figures of a run, from scores alone."""
