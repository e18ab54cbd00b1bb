"""Writes the dataset card: README.md with metadata and text, its statistics figure and its example images."""

import os

from builder.dataset.directory import DatasetDirectory
from builder.dataset.stats import Stats, collect
from builder.encoding.whole_file import write_whole
from cards.drawn import draw_once
from cards.examples import choose, contents, draw_examples
from cards.figures import draw_statistics
from cards.metadata import metadata, to_yaml
from cards.text import EXAMPLES, STATISTICS, body

CARD = "README.md"


def card_text(stats: Stats, name: str = "diffseg30k", with_examples: bool = True) -> str:
    """The card's content, metadata and text; it depends on the arguments alone.

    Args:
        stats: the dataset's statistics.
        name: the dataset's name for `load_dataset`, without the namespace.
        with_examples: whether the card shows a figure of examples.
    """
    return f"---\n{to_yaml(metadata(stats))}---\n\n{body(stats, name, with_examples)}"


def write_card(dataset_dir: str, pictures_from: str | None = None, name: str = "diffseg30k") -> str:
    """Writes the card of a packed dataset with its figures.

    Args:
        dataset_dir: folder of the dataset, to which the card is written.
        pictures_from: folder or fsspec URL of the dataset from which the examples are read; `dataset_dir` if left
            out. Only the images of the examples are read.
        name: the dataset's name for `load_dataset`, without the namespace.

    Returns:
        The path of the card.

    Raises:
        FileNotFoundError: there are no shards.
        ValueError: a shard cannot be read.
    """
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
    return _write(dataset_dir, CARD, card_text(stats, name, bool(examples)).encode())


def _write(folder: str, path: str, data: bytes) -> str:
    """Writes a file atomically: under a temporary name, then renamed."""
    full = os.path.join(folder, path)
    write_whole(full, data)
    return full
