"""Functions from strings to strings."""
