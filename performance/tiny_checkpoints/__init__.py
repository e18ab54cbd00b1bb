"""Measures the inpainting quality of the tiny checkpoints on photographs outside their training set."""
