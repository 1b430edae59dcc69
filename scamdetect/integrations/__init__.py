"""Adapters to engines that spread work over machines, and to scikit-learn."""
