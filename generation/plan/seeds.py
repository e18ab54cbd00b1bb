"""Random numbers that depend on what they are for: seeds of edits, orders of images, draws of regions."""

import random

from diffseg30k import derived_seed

__all__ = ["derived_random", "derived_seed"]


def derived_random(*names: str | int) -> random.Random:
    """A source of random numbers that depends on the names alone, and not on what was drawn before."""
    return random.Random(derived_seed(*names))
