"""Tiny checkpoints: the architectures of the eight at a size that two processor cores run."""
