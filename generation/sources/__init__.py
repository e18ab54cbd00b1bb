"""Photographs, their annotations and their licences, read from files."""
