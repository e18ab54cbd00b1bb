"""Trains the baselines on a packed dataset."""
