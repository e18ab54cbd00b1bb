"""Checks a packed dataset: its rows, splits and card."""
