"""Packs a run directory into the shards of a dataset."""
