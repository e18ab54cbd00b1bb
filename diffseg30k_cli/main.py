"""Runs the command, and prints one line for a user's mistake."""

import os
import sys

from builder.encoding.secrets import redact
from diffseg30k_cli import benchmarking, building, monitoring, publishing
from diffseg30k_cli.app import app
from diffseg30k_cli.extras import advice

__all__ = ["app", "benchmarking", "building", "main", "monitoring", "publishing"]

USER_ERRORS = (ValueError, OSError, ImportError)


def main() -> None:
    """Runs the command; a user's mistake prints one line on stderr and exits with code 1."""
    try:
        app(prog_name="diffseg30k")
    except USER_ERRORS as error:
        if os.environ.get("DIFFSEG30K_TRACEBACK"):
            raise
        named = "pip install" in str(error)
        missing = advice(error.name) if isinstance(error, ModuleNotFoundError) and not named else None
        message = missing or " ".join(str(error).split()) or type(error).__name__
        print(f"diffseg30k: {redact(message)}", file=sys.stderr)
        sys.exit(1)
