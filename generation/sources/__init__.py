"""Reads photographs, their annotations, captions and licences from files."""
