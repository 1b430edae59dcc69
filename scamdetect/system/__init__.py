"""Files, folders and words of the operating system; nothing here knows of messages."""
