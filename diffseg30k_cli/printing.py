"""Prints reports as lines, tables or JSON."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

console = Console()


def print_lines(lines: Iterable[str]) -> None:
    """Prints each line without wrapping or colours."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    table = Table(*headings, title=title)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def print_json(report: Any) -> None:
    """Prints a report, or a list of them, as one JSON value.

    Args:
        report: a dataclass or a list of dataclasses, or what `json` takes.
    """
    print(json.dumps(report, default=dataclasses.asdict, ensure_ascii=False))
