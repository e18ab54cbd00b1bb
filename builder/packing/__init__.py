"""Packs a run to the shards of a dataset."""
