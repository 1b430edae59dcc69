"""Indicators and fingerprints that leave the house: proposed, reviewed by people, exported."""
