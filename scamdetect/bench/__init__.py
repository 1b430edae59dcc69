"""Compare detectors on suites of scam text, much of it written or rewritten by AI."""
