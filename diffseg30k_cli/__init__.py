"""The `diffseg30k` command, and two functions that run several stages: `build_dataset` and `add_lora_edits`."""

from importlib import import_module
from typing import Any

_PLACES = {
    "add_lora_edits": "diffseg30k_cli.pipelines",
    "build_dataset": "diffseg30k_cli.pipelines",
}

__all__ = ["add_lora_edits", "build_dataset"]


def __getattr__(name: str) -> Any:
    """Imports a public function when it is first used, so that importing the package stays quick."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
