"""Measure a bundle by PROTOCOL: left-out sources, false alarms by slice, a baseline beside it."""
