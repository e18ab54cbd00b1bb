"""The plan: which images are edited, where, to what and by which generator at each turn."""
