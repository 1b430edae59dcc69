"""Adapters to engines that distribute work over machines: Ray and Spark."""
