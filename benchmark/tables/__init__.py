"""Writes the paper's tables and figures from result files."""
