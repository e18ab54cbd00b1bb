"""The run directory: what `generation` leaves behind and `builder` packs."""
