"""A card with what `load_dataset` reads of one, and a figure."""

from pathlib import Path

import yaml
from PIL import Image

from builder.dataset.stats import Stats, collect, configs_present
from diffseg30k import CONFIGS, DEFAULT_CONFIG


def write_plain_card(folder: str, pictures: str) -> None:
    stats = collect(folder)
    configs = [_config(name, splits) for name, splits in configs_present(folder).items()]
    infos = [_info(name, stats) for name in stats.configs]
    metadata = yaml.safe_dump({"configs": configs, "dataset_info": infos}, sort_keys=False)
    Path(folder, "README.md").write_text(f"---\n{metadata}---\n\n{stats.rows} rows\n")
    figure = Path(folder, "figures", "rows.png")
    figure.parent.mkdir(exist_ok=True)
    Image.new("L", (16, 16), stats.rows % 256).save(figure)


def _config(name: str, splits: dict[str, list[str]]) -> dict:
    view = CONFIGS[name]
    entry: dict = {
        "config_name": name,
        "data_files": [
            {"split": split, "path": [f"{place}/*.parquet" for place in places]}
            for split, places in splits.items()
        ],
    }
    if name == DEFAULT_CONFIG:
        entry["default"] = True
    if view.columns:
        entry["columns"] = list(view.columns)
    if view.filters:
        entry["filters"] = view.filters
    return entry


def _info(name: str, stats: Stats) -> dict:
    splits = [
        {"name": split, "num_bytes": size.num_bytes, "num_examples": size.rows}
        for split, size in stats.configs[name].items()
    ]
    return {"config_name": name, "splits": splits}
