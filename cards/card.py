"""Writes the dataset card: README.md with metadata and text, its statistics figure and its example images."""

import os
import re
from collections.abc import Sequence

from builder.dataset.directory import DatasetDirectory
from builder.dataset.manifest import Version, read_manifest
from builder.dataset.stats import Stats, collect
from builder.encoding.whole_file import write_whole
from cards.drawn import draw_once
from cards.examples import choose, contents, draw_examples
from cards.figures import draw_statistics
from cards.metadata import metadata
from cards.sections import front_matter, merged
from cards.text import EXAMPLES, STATISTICS, body

CARD = "README.md"
GALLERY = "gallery"
"""The key of the card's metadata for the URL of the dataset's gallery."""


def card_text(
    stats: Stats,
    name: str = "diffseg30k",
    with_examples: bool = True,
    existing: str | None = None,
    where: str = CARD,
    versions: Sequence[Version] = (),
    gallery: str | None = None,
) -> str:
    """The card's content, metadata and text; it depends on the arguments alone.

    Args:
        stats: the dataset's statistics.
        name: the dataset's name for `load_dataset`, without the namespace.
        with_examples: whether the card shows a figure of examples.
        existing: the card that is there, of which what people added is kept; see `sections.merged`.
        where: its path, for messages.
        versions: the states that were tagged, oldest first.
        gallery: URL of the dataset's gallery; None where there is none.

    Raises:
        ValueError: the existing card's metadata cannot be read, or its marks are not one pair.
    """
    front = metadata(stats) | ({GALLERY: gallery} if gallery else {})
    return merged(existing, front, body(stats, name, with_examples, versions, gallery), where)


def write_card(
    dataset_dir: str, pictures_from: str | None = None, name: str = "diffseg30k", gallery: str | None = None
) -> str:
    """Writes the card of a packed dataset with its figures, and keeps what people have added to the card.

    Args:
        dataset_dir: folder of the dataset, to which the card is written.
        pictures_from: folder or fsspec URL of the dataset from which the examples are read; `dataset_dir` if left
            out. Only the images of the examples are read.
        name: the dataset's name for `load_dataset`, without the namespace.
        gallery: URL of the dataset's gallery; None for the one that the card in either folder links to.

    Returns:
        The path of the card.

    Raises:
        FileNotFoundError: there are no shards.
        ValueError: a shard cannot be read, the card that is there is damaged, or `gallery` is no web page.
    """
    if gallery is not None and not re.fullmatch(r"https?://[^\s()<>]+", gallery):
        raise ValueError(f"--gallery {gallery}: it takes the URL of a web page, https://…")
    stats = collect(dataset_dir)
    beside = pictures_from or dataset_dir
    examples = choose(DatasetDirectory(beside))
    statistics = draw_once(
        os.path.join(beside, STATISTICS), [repr(stats).encode()], lambda: draw_statistics(stats)
    )
    _write(dataset_dir, STATISTICS, statistics)
    if examples:
        pictures = draw_once(os.path.join(beside, EXAMPLES), contents(examples), lambda: draw_examples(examples))
        _write(dataset_dir, EXAMPLES, pictures)
    where = os.path.join(dataset_dir, CARD)
    versions = read_manifest(DatasetDirectory(dataset_dir)).versions
    existing = _existing(where)
    for card in (os.path.join(beside, CARD), where):
        gallery = gallery or front_matter(_existing(card), card).get(GALLERY)
    text = card_text(stats, name, bool(examples), existing, where, versions, gallery)
    return _write(dataset_dir, CARD, text.encode())


def _existing(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: mend it, or remove it to have it written anew") from error


def _write(folder: str, path: str, data: bytes) -> str:
    """Writes a file atomically: under a temporary name, then renamed."""
    full = os.path.join(folder, path)
    write_whole(full, data)
    return full
