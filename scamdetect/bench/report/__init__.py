"""A run as Markdown, JSON and one HTML page."""
