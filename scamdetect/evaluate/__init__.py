"""Evaluate a bundle by the protocol: left-out sources, false alarms by slice, baselines."""
