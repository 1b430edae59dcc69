"""Reports for people: sections, tables and figures as pages, Markdown and terminal lines."""
