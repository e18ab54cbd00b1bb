"""Packs runs of edited images to Parquet shards, checks the dataset and pushes it to the Hub.

`pack`, `verify`, `push`, `pull` and `import_archives` are what people call from Python.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "import_archives": "builder.archives.import_archives",
    "pack": "builder.packing.pack",
    "pull": "builder.hub.pull",
    "push": "builder.hub.push",
    "verify": "builder.checks.verify",
}

__all__ = ["import_archives", "pack", "pull", "push", "verify"]


def __getattr__(name: str) -> Any:
    """Imports what is offered when it is first used, so that importing the package stays quick."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
