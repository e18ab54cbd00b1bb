"""The `diffseg30k` command, and what it does as functions: `build_dataset` and `add_lora_edits`."""

from typing import Any

__all__ = ["add_lora_edits", "build_dataset"]


def __getattr__(name: str) -> Any:
    """Imports the functions when they are first used, so that `--help` stays quick."""
    if name in __all__:
        from diffseg30k_cli import pipelines

        return getattr(pipelines, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
