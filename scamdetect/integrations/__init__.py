"""Adapters to engines that spread work over machines, thin over the batch scorer."""
