"""Writes the prompts of edits from templates, or has a VLM write them."""
