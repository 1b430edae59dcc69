"""Report a benchmark run as Markdown, JSON and one HTML page."""
