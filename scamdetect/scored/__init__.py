"""Process a scored dump: groups, threads and campaigns."""
