"""A packed dataset: its shards, which rows lie in them, and what they count up to."""
