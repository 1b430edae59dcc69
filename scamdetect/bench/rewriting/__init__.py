"""Messages in other words: by rules, or by a language model."""
