"""Gives the command in this process."""

import contextlib
import io
import sys

from diffseg30k_cli.main import main


def command(*arguments: str) -> tuple[int, str]:
    """Gives the command; its exit code and what it printed."""
    printed = io.StringIO()
    before, sys.argv = sys.argv, ["diffseg30k", *arguments]
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                main()
            except SystemExit as end:
                return int(end.code or 0), printed.getvalue()
    finally:
        sys.argv = before
    return 0, printed.getvalue()
