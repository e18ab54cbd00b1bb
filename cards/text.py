"""Makes the card's Markdown body from a template and the statistics of a dataset."""

import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from builder.dataset.manifest import MANIFEST, Version
from builder.dataset.stats import CheckpointCount, Stats
from cards.licenses import License, checkpoint_license, license_of
from cards.markup import code, escaped
from cards.metadata import PRETTY_NAME
from diffseg30k import (
    CITATION,
    CLASS_NAMES,
    CONFIGS,
    DEFAULT_CONFIG,
    GENERATOR_NAMES,
    GENERATORS,
    HELD_OUT_COLUMNS,
    LORA,
    MAX_TURNS,
    label_value,
)
from generation.checkpoints.checkpoint import TINY_PREFIX

TEMPLATE = "card.md.jinja"
STATISTICS = "figures/statistics.png"
EXAMPLES = "figures/examples.png"
OBJECTS = 12
"""Number of most frequent objects that are named."""

_TINY_WEIGHTS = "this project's, for demonstrations"


def body(
    stats: Stats, name: str, with_examples: bool, versions: Sequence[Version] = (), gallery: str | None = None
) -> str:
    """The card below its metadata, in Markdown.

    Args:
        stats: the dataset's statistics.
        name: the dataset's name for `load_dataset`, without the namespace.
        with_examples: whether there is a figure of examples, at EXAMPLES.
        versions: the states that were tagged, oldest first.
        gallery: URL of the dataset's gallery; None where there is none.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    text = resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(text).render(_context(stats, name, with_examples, versions), gallery=gallery)


def number(count: int) -> str:
    """A count with a comma between thousands."""
    return f"{count:,}"


def size(count: int) -> str:
    """Formats a number of bytes in decimal units.

    >>> size(1_234_567), size(21_600_000_000)
    ('1.2 MB', '21.6 GB')
    """
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "bytes" else f"{count} bytes"


def _context(stats: Stats, name: str, with_examples: bool, versions: Sequence[Version]) -> dict[str, Any]:
    tiny = sum(count.edits for count in stats.checkpoints if count.checkpoint.startswith(TINY_PREFIX))
    return {
        "stats": stats,
        "versions": list(reversed(versions)),
        "manifest": MANIFEST,
        "name": re.sub(r"[^\w.-]", "_", name),
        "number": number,
        "size": size,
        "pretty_name": PRETTY_NAME,
        "max_turns": MAX_TURNS,
        "images": sum(stats.labels.values()),
        "sides": _sides(stats),
        "edits": sum(count.edits for count in stats.checkpoints),
        "tiny_edits": tiny,
        "default_config": DEFAULT_CONFIG if DEFAULT_CONFIG in stats.configs else next(iter(stats.configs)),
        "default_split": next(iter(next(iter(stats.configs.values())))),
        "views": [(CONFIGS[config], splits) for config, splits in stats.configs.items()],
        "held_out": any("-heldout-" in config for config in stats.configs),
        "held_out_columns": HELD_OUT_COLUMNS,
        "turn_headings": [f"turn {turn}" for turn in range(1, MAX_TURNS + 1)],
        "edits_known": any(sum(turns) for turns in stats.edits_by_turn.values()),
        "classes": _classes(stats),
        "edit_types": _listed({name.replace("_", " "): edits for name, edits in stats.edit_types.items()}),
        "compositing": _listed({code(name): edits for name, edits in stats.compositing.items()}),
        "objects": _listed({escaped(name): edits for name, edits in list(stats.objects.items())[:OBJECTS]}),
        "checkpoints": [_checkpoint(count) for count in stats.checkpoints],
        "weights": any(not count.checkpoint.startswith(TINY_PREFIX) for count in stats.checkpoints),
        "unused": _unused(stats),
        "licenses": _license_rows(stats),
        "citation": CITATION,
        "with_examples": with_examples,
        "examples_path": EXAMPLES,
        "examples_caption": _examples_caption(stats),
        "statistics_path": STATISTICS,
        "statistics_caption": (
            "Edits by object and by mask area, by generator and turn; images by number of turns and by base image"
        ),
    }


def _sides(stats: Stats) -> str:
    """The numbers of images on both sides of the 8:2 split; empty with one side only."""
    sides: dict[str, int] = {}
    for place, rows in stats.groups.items():
        _, side, group = place.split("/")
        if group != LORA:
            sides[side] = sides.get(side, 0) + rows
    return f" ({', '.join(f'{number(rows)} {side}' for side, rows in sides.items())})" if len(sides) > 1 else ""


def _classes(stats: Stats) -> list[tuple[int, str, str, tuple[int, ...]]]:
    return [
        (label_value(generator), generator, GENERATOR_NAMES[generator], stats.edits_by_turn[generator])
        for generator in CLASS_NAMES[1:]
    ]


def _unused(stats: Stats) -> str:
    """The generators without an edit; empty if the generators are unknown."""
    names = [GENERATOR_NAMES[generator] for generator in GENERATORS if not sum(stats.edits_by_turn[generator])]
    return ", ".join(names) if len(names) < len(GENERATORS) else ""


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number(count)}" for name, count in counts.items() if count)


def _checkpoint(count: CheckpointCount) -> dict[str, Any]:
    license = checkpoint_license(count.generator, count.checkpoint)
    return {
        "generator": GENERATOR_NAMES[count.generator],
        "checkpoint": code(count.checkpoint),
        "lora": code(count.lora) if count.lora else "",
        "license": license or _TINY_WEIGHTS,
        "edits": count.edits,
    }


def _license_rows(stats: Stats) -> list[tuple[License, int]]:
    """Number of rows by licence, most first; spellings of the same licence are merged."""
    rows: dict[License, int] = {}
    for text, count in stats.licenses.items():
        license = license_of(text)
        rows[license] = rows.get(license, 0) + count
    return sorted(rows.items(), key=lambda item: -item[1])


def _examples_caption(stats: Stats) -> str:
    if stats.with_originals:
        return "Base images with the regions to edit in red, the results, and the mask of each turn"
    return "Edited images, the same with the edited regions in red, and the mask of each turn"
