"""Benchmarks of speed and memory: ratios of two measurements made in the same run."""
