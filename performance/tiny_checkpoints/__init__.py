"""How well the tiny checkpoints inpaint photographs that their training never saw."""
