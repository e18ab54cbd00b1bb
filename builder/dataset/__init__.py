"""Describes a packed dataset: its shards, the rows of each, and their statistics."""
