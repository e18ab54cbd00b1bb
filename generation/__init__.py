"""Photographs in, edited images out."""
