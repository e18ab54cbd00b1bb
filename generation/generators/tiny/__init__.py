"""Builds tiny checkpoints: the eight generators' architectures with random weights, small enough for two CPU
cores."""
