"""The figures of a run, computed only from scores."""
