"""Adapters to engines that spread work over machines: Ray and Spark."""
