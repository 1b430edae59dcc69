"""What reads a scored dump: groups, threads and campaigns."""
