"""Writes what people look at of a packed dataset: its card with figures and example images, and its gallery.

Public functions: `write_card`, `write_gallery`.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "write_card": "cards.card",
    "write_gallery": "cards.gallery.write",
}

__all__ = ["write_card", "write_gallery"]


def __getattr__(name: str) -> Any:
    """Imports a public function when it is first used, so that importing the package stays quick."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
