"""Share indicators and fingerprints: proposed, reviewed by people, exported."""
