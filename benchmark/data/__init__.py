"""Loads rows of a packed dataset, and prepares or distorts them for detectors."""
