"""Writes the files of a gallery beside its pictures: the grid's data, the rows' details and the pages.

Browsers read no JSON from the disk, so the data are JavaScript: each file is one call with one JSON value, which
the page loads when it needs it.
"""

import dataclasses
import json
import os
from importlib import resources
from typing import Any

from builder.encoding.whole_file import write_whole
from cards.gallery.facts import GridRow

GRID_ROWS = 5000
"""Rows in one file of the grid's data."""

DETAILED_ROWS = 50
"""Rows in one file of details, with their masks."""

MARK = "gallery.json"
"""Says that a folder is a gallery, and of which dataset."""

_PAGES = ("index.html", "gallery.css", "gallery.js")
_SPACE = """\
---
title: {title}
colorFrom: gray
colorTo: blue
sdk: static
pinned: false
---

A gallery of the dataset `{dataset}`, by `diffseg30k gallery`. Open `index.html` in a browser: it needs no server.
Uploaded to the Hugging Face Hub as a Space it is shown there.
"""


class DataFiles:
    """Writes the grid's data and the rows' details into files of so many rows each, as the rows come.

    Attributes:
        written: paths of the files, in the gallery.
        grid_parts: number of files of the grid's data.
    """

    def __init__(self, out: str):
        self.written: list[str] = []
        self.grid_parts = 0
        self._out = out
        self._detail_parts = 0
        self._grid: list[GridRow] = []
        self._details: list[dict[str, Any]] = []

    def add(self, row: GridRow, details: dict[str, Any]) -> None:
        self._grid.append(row)
        self._details.append(details)
        if len(self._grid) == GRID_ROWS:
            self._write_grid()
        if len(self._details) == DETAILED_ROWS:
            self._write_details()

    def finish(self) -> None:
        """Writes the rows that no full file holds."""
        if self._grid:
            self._write_grid()
        if self._details:
            self._write_details()

    def _write_grid(self) -> None:
        """Writes a part of the grid's data, column by column."""
        names = [field.name for field in dataclasses.fields(GridRow)]
        columns = {name: [getattr(row, name) for row in self._grid] for name in names}
        path = f"data/grid-{self.grid_parts:04d}.js"
        self.written.append(_write_call(self._out, path, "grid", self.grid_parts, columns))
        self._grid.clear()
        self.grid_parts += 1

    def _write_details(self) -> None:
        path = f"data/rows-{self._detail_parts:05d}.js"
        self.written.append(_write_call(self._out, path, "rows", self._detail_parts, self._details))
        self._details.clear()
        self._detail_parts += 1


def write_pages(out: str, about: dict[str, Any], title: str) -> list[str]:
    """Writes the pages, what the gallery is about, and the description of a static Space; returns their paths."""
    pages = resources.files(__package__).joinpath("page")
    for name in _PAGES:
        write_whole(os.path.join(out, name), pages.joinpath(name).read_bytes())
    card = _SPACE.format(title=json.dumps(title), dataset=title.replace("`", "'"))
    write_whole(os.path.join(out, "README.md"), card.encode())
    written = _write_call(out, "data/about.js", "about", about)
    return [*_PAGES, "README.md", written]


def write_mark(out: str, about: dict[str, Any]) -> None:
    write_whole(os.path.join(out, MARK), json.dumps(about, ensure_ascii=False, indent=1).encode())


def _write_call(out: str, path: str, function: str, *values: Any) -> str:
    arguments = ", ".join(json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values)
    write_whole(os.path.join(out, path), f"gallery.{function}({arguments});\n".encode())
    return path
