"""Regions to edit: one object each, from annotations or found by models."""
