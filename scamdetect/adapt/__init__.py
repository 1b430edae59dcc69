"""A team's own traffic and labels: drift, labelling queue, thresholds."""
