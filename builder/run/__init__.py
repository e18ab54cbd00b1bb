"""Reads and writes the run directory, which `generation` fills and `builder` packs."""
