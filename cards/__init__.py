"""What people read of a dataset: its card, its figures, its pictures.

`write_card` is what people call from Python.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "write_card": "cards.card",
}

__all__ = ["write_card"]


def __getattr__(name: str) -> Any:
    """Imports what is offered when it is first used, so that importing the package stays quick."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
