"""The baseline detectors: torch modules that map images, 0 to 1, to logits, with their losses and recipes."""
