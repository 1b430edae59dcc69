"""Score several messages between people together."""
