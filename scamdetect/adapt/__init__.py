"""A team's own traffic and labels: drift, what to label, thresholds of its own."""
