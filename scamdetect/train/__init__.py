"""Training: base encoder, heads, fitting, export and release. Needs the extra ``train``."""
