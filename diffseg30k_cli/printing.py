"""Prints reports as lines, tables or JSON."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from builder.encoding.secrets import redact

console = Console()


def print_lines(lines: Iterable[str]) -> None:
    """Prints each line without wrapping or colours, and without secrets in URLs."""
    for line in lines:
        console.print(redact(line), markup=False, highlight=False, soft_wrap=True)


def announce(what: str, as_json: bool = False) -> None:
    """Says on stderr, before anything slow, what a command is about to do; not where its output is JSON."""
    if not as_json:
        print(redact(what), file=sys.stderr, flush=True)


def show_next(*commands: str, as_json: bool = False) -> None:
    """Prints the commands to type next; not where the output is JSON."""
    if not as_json:
        print_lines(f"next: {command}" for command in commands)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    table = Table(*headings, title=title)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def print_columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows in columns as wide as their widest cell, whatever the width of the terminal."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    print_lines(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


class Report(Protocol):
    """What a stage has done: a dataclass that can be said in lines."""

    def lines(self) -> list[str]: ...


@dataclass(frozen=True)
class Files:
    """Files that a command has written.

    Attributes:
        what: they are, in a word; empty where the paths are enough.
        files: their paths.
    """

    what: str
    files: tuple[str, ...]

    def lines(self) -> list[str]:
        return [f"{self.what}: {file}" if self.what else file for file in self.files]


@dataclass(frozen=True)
class Submitted:
    """Jobs that a command has handed to Slurm.

    Attributes:
        run: the run directory.
        jobs: their ids, in order of turn.
        then: what to do when they have ended; empty for nothing.
    """

    run: str
    jobs: tuple[str, ...]
    then: str = ""

    def lines(self) -> list[str]:
        lines = [f"submitted: {', '.join(self.jobs)}", f"to follow it: diffseg30k status {self.run}"]
        return [*lines, self.then] if self.then else lines


def show(report: Report, as_json: bool = False) -> None:
    """Prints a report: its lines, or one JSON object on one line."""
    if as_json:
        print_json(report)
    else:
        print_lines(report.lines())


def show_stage(stage: str, report: Report, as_json: bool = False) -> None:
    """Prints the report of one stage of several; as JSON, one object a line with the stage's name."""
    if as_json:
        print_json({"stage": stage, "report": report})
    else:
        print_lines(report.lines())


def print_json(report: Any) -> None:
    """Prints a report, or a list of them, as one JSON value on one line.

    Args:
        report: a dataclass or a list of dataclasses, or what `json` takes.
    """
    print(json.dumps(_plain(report), ensure_ascii=False))


def _plain(value: Any) -> Any:
    """Dataclasses as objects, keys of several parts joined by a slash, and no secrets in URLs."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {
            "/".join(map(str, key)) if isinstance(key, tuple) else key: _plain(each) for key, each in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return redact(value) if isinstance(value, str) else value
