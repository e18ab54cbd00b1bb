"""Checks the dataset card: `load_dataset` finds every config, with the number of rows that the card states."""

from collections.abc import Iterator

import yaml
from huggingface_hub import DatasetCard

from builder.dataset.directory import DatasetDirectory
from builder.dataset.stats import SplitSize, configs_present, split_sizes
from diffseg30k import CONFIGS, DEFAULT_CONFIG, View

CARD = "README.md"
CARD_PROMISE = "the card's metadata lists the configs and counts their rows"
SCRIPT_PROMISE = "no script is named after the dataset"


def check_card(dataset: DatasetDirectory) -> Iterator[tuple[str, str]]:
    """The violated promises of the card, each with the violation."""
    for name in sorted(_scripts(dataset)):
        yield SCRIPT_PROMISE, f"{name}: `datasets` refuses to load the folder"
    try:
        metadata = _metadata(dataset)
    except (FileNotFoundError, ValueError) as error:
        yield CARD_PROMISE, str(error)
        return
    for detail in (*_configs(dataset, metadata), *_counts(dataset, metadata)):
        yield CARD_PROMISE, detail


def _scripts(dataset: DatasetDirectory) -> set[str]:
    own_name = dataset.url.rstrip("/").rsplit("/", 1)[-1]
    return dataset.names() & {f"{own_name}.py", "diffseg30k.py"}


def _metadata(dataset: DatasetDirectory) -> dict:
    try:
        text = dataset.read(CARD).decode()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no {CARD}") from error
    try:
        return DatasetCard(text).data.to_dict()
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ValueError(f"the metadata of {CARD} cannot be read: {error}") from error


def _configs(dataset: DatasetDirectory, metadata: dict) -> Iterator[str]:
    listed = {config.get("config_name"): config for config in metadata.get("configs") or []}
    present = configs_present(dataset.url)
    ours = {name for name in listed if name in CONFIGS}
    for name in sorted(ours ^ set(present), key=str):
        yield f"config {name} is {'listed but has no rows' if name in listed else 'not listed'}"
    for name in [name for name in present if name in listed]:
        yield from _config(listed[name], CONFIGS[name], present[name])


def _config(listed: dict, view: View, present: dict[str, list[str]]) -> Iterator[str]:
    places = {
        files["split"]: {path.rsplit("/", 1)[0] for path in _paths(files["path"])}
        for files in listed["data_files"]
    }
    if places != {split: set(folders) for split, folders in present.items()}:
        yield f"config {view.name} lists other folders than hold its rows"
    if listed.get("columns") != (list(view.columns) if view.columns else None):
        yield f"config {view.name} lists the columns {listed.get('columns')}"
    if [list(part) for part in listed.get("filters") or []] != (view.filters or []):
        yield f"config {view.name} lists the filters {listed.get('filters')}"
    if bool(listed.get("default")) != (view.name == DEFAULT_CONFIG):
        yield f"config {view.name} {'is not' if view.name == DEFAULT_CONFIG else 'is'} the default"


def _paths(path: str | list[str]) -> list[str]:
    return [path] if isinstance(path, str) else path


def _counts(dataset: DatasetDirectory, metadata: dict) -> Iterator[str]:
    infos = metadata.get("dataset_info") or []
    listed = {info.get("config_name"): info for info in (infos if isinstance(infos, list) else [infos])}
    for name, splits in split_sizes(dataset.url).items():
        if name not in listed:
            yield f"dataset_info has no config {name}"
            continue
        counted = {split["name"]: split for split in listed[name].get("splits") or []}
        yield from _split_counts(name, counted, splits)


def _split_counts(config: str, counted: dict[str, dict], there: dict[str, SplitSize]) -> Iterator[str]:
    for split in sorted(set(counted) ^ set(there)):
        yield f"dataset_info of {config} {'lists' if split in counted else 'lacks'} the split {split}"
    for split in sorted(set(counted) & set(there)):
        rows = counted[split].get("num_examples")
        if rows != there[split].rows:
            yield f"dataset_info counts {rows} rows in {config}/{split}, there are {there[split].rows}"
        if not counted[split].get("num_bytes"):
            yield f"dataset_info has no num_bytes for {config}/{split}"
