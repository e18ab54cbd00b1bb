"""A run to the shards of a dataset."""
