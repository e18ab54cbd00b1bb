"""Runs the command, and prints one line for a user's mistake."""

import os
import sys

import typer

from builder.encoding.secrets import redact
from diffseg30k_cli import benchmarking, building, demo, monitoring, publishing
from diffseg30k_cli.app import BENCHMARK, BUILDING, PUBLISHING, app

__all__ = ["app", "benchmarking", "building", "demo", "main", "monitoring", "publishing"]

PANELS = (BUILDING, PUBLISHING, BENCHMARK)
"""In the order of the help."""

app.registered_commands.sort(key=lambda one: (PANELS.index(one.rich_help_panel), one.callback is not demo.demo))

USER_ERRORS = (ValueError, OSError, ImportError)

_EXTRAS = {
    "generation": (
        "accelerate",
        "datatrove",
        "diffusers",
        "ftfy",
        "openai",
        "peft",
        "pycocotools",
        "safetensors",
        "sentencepiece",
        "simplemma",
        "skimage",
        "sklearn",
        "torch",
        "torchvision",
        "transformers",
    ),
    "benchmark": ("scipy", "segmentation_models_pytorch", "tensorboard", "timm"),
    "distributed": ("ray",),
    "quantized": ("torchao",),
}
"""The extra that installs a module, by the module's name."""


def main() -> None:
    """Runs the command; a user's mistake prints one line on stderr.

    The exit code is 2 for options that do not fit, 130 after an interruption and 1 for any other mistake.
    """
    try:
        sys.exit(app(prog_name="diffseg30k", standalone_mode=False))
    except typer.TyperException as error:
        sys.exit(_usage(error))
    except typer.Abort:
        print("diffseg30k: interrupted", file=sys.stderr)
        sys.exit(130)
    except USER_ERRORS as error:
        if os.environ.get("DIFFSEG30K_TRACEBACK"):
            raise
        named = "pip install" in str(error)
        missing = _advice(error.name) if isinstance(error, ModuleNotFoundError) and not named else None
        message = missing or _message(error)
        print(f"diffseg30k: {redact(message)}", file=sys.stderr)
        sys.exit(1)


def _message(error: Exception) -> str:
    """What an error says, on one line; of an operating system's error the path first, and no number."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return " ".join(f"{error.filename}: {error.strerror}".split())
    return " ".join(str(error).split()) or type(error).__name__


def _usage(error: typer.TyperException) -> int:
    """Prints an error in the options on one line; returns the exit code."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "diffseg30k"
    message = " ".join(error.format_message().split()).rstrip(".")
    if message:  # without one the command was given without arguments, and its help is printed
        print(f"{command}: {redact(message)}. Try '{command} --help'.", file=sys.stderr)
    return error.exit_code


def _advice(module: str | None) -> str | None:
    """Advice on what to install for a module that was not found.

    Args:
        module: its dotted name; for modules of both extras the advice names `generation`.

    Returns:
        A sentence; None for a module that no extra installs.
    """
    top = (module or "").partition(".")[0]
    for extra, modules in _EXTRAS.items():
        if top in modules:
            return f"{top} is not installed: pip install 'diffseg30k[{extra}]'"
    return None
