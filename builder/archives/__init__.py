"""The published zip archives to shards."""
