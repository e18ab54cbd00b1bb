"""Makes the card's YAML metadata: the fields that the Hub searches, and the configs that `load_dataset` loads."""

from typing import Any

import datasets
import yaml

from builder.dataset.stats import SplitSize, Stats
from cards.licenses import checkpoint_license, hub_metadata, license_of
from diffseg30k import CONFIGS, DEFAULT_CONFIG, View, features

PRETTY_NAME = "DiffSeg30k"
TAGS = (
    "ai-generated-image-detection",
    "diffusion",
    "image-editing",
    "image-forensics",
    "inpainting",
    "manipulation-localization",
    "model-attribution",
    "multi-turn-editing",
)
_SIZES = (
    (1e3, "n<1K"),
    (1e4, "1K<n<10K"),
    (1e5, "10K<n<100K"),
    (1e6, "100K<n<1M"),
    (1e7, "1M<n<10M"),
)


def metadata(stats: Stats) -> dict[str, Any]:
    """The front matter of a dataset's card.

    Args:
        stats: the dataset's statistics.

    Returns:
        Plain lists and dicts, in the order in which they are written.
    """
    return {
        "pretty_name": PRETTY_NAME,
        **_licenses(stats),
        "language": ["en"],
        "task_categories": ["image-segmentation", "image-classification"],
        "task_ids": ["semantic-segmentation", "multi-label-image-classification"],
        "size_categories": [size_category(stats.rows)],
        "tags": list(TAGS),
        "configs": [_config(CONFIGS[name], stats) for name in stats.configs],
        "dataset_info": [_info(CONFIGS[name], stats) for name in stats.configs],
    }


def to_yaml(front_matter: dict[str, Any]) -> str:
    """Formats front matter as YAML, the lines between a card's `---`."""
    return yaml.safe_dump(front_matter, sort_keys=False, allow_unicode=True, width=120)


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows.

    >>> size_category(48), size_category(30_000)
    ('n<1K', '10K<n<100K')
    """
    return next((name for limit, name in _SIZES if rows < limit), "n>10M")


def folders(view: View, split: str, stats: Stats) -> list[str]:
    """The folders whose shards belong to a split of a config, those with shards only."""
    return [place for place in view.splits[split] if place in stats.groups]


def _licenses(stats: Stats) -> dict[str, str]:
    images = [license_of(text) for text in stats.licenses]
    weights = [checkpoint_license(count.generator, count.checkpoint) for count in stats.checkpoints]
    return hub_metadata([*images, *(license for license in weights if license is not None)])


def _config(view: View, stats: Stats) -> dict[str, Any]:
    config: dict[str, Any] = {"config_name": view.name}
    if view.name == DEFAULT_CONFIG:
        config["default"] = True
    config["data_files"] = [
        {"split": split, "path": [f"{place}/*.parquet" for place in folders(view, split, stats)]}
        for split in stats.configs[view.name]
    ]
    if view.columns is not None:
        config["columns"] = list(view.columns)
    if view.filters is not None:
        config["filters"] = view.filters
    return config


def _info(view: View, stats: Stats) -> dict[str, Any]:
    splits = stats.configs[view.name]
    read = {place for split in splits for place in folders(view, split, stats)}
    return {
        "config_name": view.name,
        "features": config_features(view, stats.with_originals)._to_yaml_list(),
        "splits": [_split(name, size) for name, size in splits.items()],
        "download_size": sum(stats.folder_bytes[place] for place in read),
        "dataset_size": sum(size.num_bytes for size in splits.values()),
    }


def config_features(view: View, with_originals: bool) -> datasets.Features:
    """The columns of a config."""
    every = features(with_originals)
    return datasets.Features({name: every[name] for name in view.columns or every})


def _split(name: str, size: SplitSize) -> dict[str, Any]:
    # `datasets` ignores `dataset_info` unless it has all three
    return {"name": name, "num_bytes": size.num_bytes, "num_examples": size.rows}
