"""Pushes a packed dataset to the Hugging Face Hub, adds rows to it, and pulls it."""
