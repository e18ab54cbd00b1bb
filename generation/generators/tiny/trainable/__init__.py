"""Tiny checkpoints whose networks two processor cores can train; `--checkpoints tiny` does not use them yet."""
