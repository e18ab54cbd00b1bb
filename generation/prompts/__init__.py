"""Prompts of edits: from templates, or written by a VLM."""
