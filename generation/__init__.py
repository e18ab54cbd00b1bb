"""Edits photographs: plans every edit, makes the edits with diffusion models and scores the finished images.

The input is photographs, the output a run directory, which `builder` packs to a dataset. Public functions:
`prepare_run`, `generate`, `score`, `read_status` and `estimate`.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "estimate": "generation.monitoring.estimate",
    "generate": "generation.editing.run",
    "prepare_run": "generation.prepare.prepare",
    "read_status": "generation.monitoring.status",
    "score": "generation.quality.score",
}

__all__ = ["estimate", "generate", "prepare_run", "read_status", "score"]


def __getattr__(name: str) -> Any:
    """Imports a public function when it is first used, so that importing the package stays quick."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
