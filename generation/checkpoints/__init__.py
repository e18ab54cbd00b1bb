"""Checkpoints of all models: what they are, where their files are, how they are checked and cached."""
