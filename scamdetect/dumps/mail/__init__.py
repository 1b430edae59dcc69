"""Read mail: mbox files and single messages."""
