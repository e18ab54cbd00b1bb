"""Finds regions on any image without a VLM: SAM segments everything, a detector of fixed classes names
what it can."""
