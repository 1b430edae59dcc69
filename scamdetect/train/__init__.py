"""Training: base encoder, heads, fitting, export and release. Requires the extra ``train``."""
