"""The dataset card: README.md with its metadata, its figures and its pictures."""

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
    """A whole card, metadata and text. The same counts give the same card.

    Args:
        stats: what the dataset holds.
        name: what `load_dataset` is given, without the namespace.
        with_examples: there is a picture of examples beside the card.
    """
    return f"---\n{to_yaml(metadata(stats))}---\n\n{body(stats, name, with_examples)}"


def write_card(dataset_dir: str, pictures_from: str | None = None, name: str = "diffseg30k") -> str:
    """Writes the card of a packed dataset, its figures and its pictures.

    Args:
        dataset_dir: the folder of the dataset, where the card goes.
        pictures_from: a dataset, a folder or an fsspec URL, from which the examples are taken; `dataset_dir` if
            left out. What is there but their images is never read.
        name: what `load_dataset` is given, without the namespace.

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
    """Writes a file so that it is there whole or not at all."""
    full = os.path.join(folder, path)
    write_whole(full, data)
    return full
