"""Writes the files of a gallery beside its pictures: the grid's data, the rows' details and the pages.

Browsers read no JSON from the disk, so the data are JavaScript: each file is one call with one JSON value, which
the page loads when it needs it.
"""

import dataclasses
import json
import os
from collections.abc import Sequence
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


def grid_file(part: int) -> str:
    return f"data/grid-{part:04d}.js"


def details_file(part: int) -> str:
    return f"data/rows-{part:05d}.js"


def write_grid(out: str, part: int, rows: Sequence[GridRow]) -> str:
    """Writes a part of the grid's data, column by column; returns its path in the gallery."""
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in dataclasses.fields(GridRow)}
    return _write_call(out, grid_file(part), "grid", part, columns)


def write_details(out: str, part: int, rows: Sequence[dict[str, Any]]) -> str:
    """Writes the details of some rows; returns their path in the gallery."""
    return _write_call(out, details_file(part), "rows", part, rows)


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
