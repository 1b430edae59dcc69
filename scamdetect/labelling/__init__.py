"""Which messages of a scored dump to label, and what the labels say."""
