"""Several messages between people, judged together."""
