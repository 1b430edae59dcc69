"""Share indicators: proposed, reviewed by people, exported; and read those of others."""
