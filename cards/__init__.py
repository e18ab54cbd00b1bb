"""Writes the dataset card of a packed dataset: its text, metadata, figures and example images.

Public function: `write_card`.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "write_card": "cards.card",
}

__all__ = ["write_card"]


def __getattr__(name: str) -> Any:
    """Imports a public function when it is first used, so that importing the package stays quick."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
