"""A verified folder, and texts to scores over it."""
