"""The run directory, which `generation` writes and `builder` packs: reads and writes its files."""
