"""Seeds that are hashes of their purpose, independent of other draws."""

import hashlib
import random


def derived_seed(*parts: str | int) -> int:
    """A seed, 0 to 2**31 - 1, that depends on `parts` alone."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") % 2**31


def derived_random(*parts: str | int) -> random.Random:
    """A random generator whose seed depends on `parts` alone."""
    return random.Random(derived_seed(*parts))
