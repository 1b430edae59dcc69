"""A scored dump as one HTML page for people who have to act on it."""
