"""Rewrite messages: by rules, or by a language model."""
