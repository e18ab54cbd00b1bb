"""Converts the published zip archives to shards."""
