"""Checkpoints of all models: describes them, finds or downloads their files, checks and caches them."""
