"""Loads a dataset by name as anyone would, with nothing of ours imported; run in a process of its own.

    python tests/load_by_name.py NAME [STOP]

It prints, as JSON, config to split to the ids of its rows, which streaming and loading agree on. With the path of
a file STOP it streams `semantic` again and again until that file exists, and prints how many rows it found each
time.
"""

import json
import sys
import time
from pathlib import Path

import datasets

datasets.disable_progress_bars()


def stream(name: str, config: str) -> dict[str, list[str]]:
    loaded = datasets.load_dataset(name, config, streaming=True)
    return {split: sorted(row["id"] for row in rows) for split, rows in loaded.items()}


def load(name: str, config: str) -> dict[str, list[str]]:
    loaded = datasets.load_dataset(name, config)
    for rows in loaded.values():
        assert rows[0]["image"].size  # it decodes
    return {split: sorted(rows["id"]) for split, rows in loaded.items()}


def everything(name: str) -> dict[str, dict[str, list[str]]]:
    found = {}
    for config in datasets.get_dataset_config_names(name):
        found[config] = stream(name, config)
        assert load(name, config) == found[config], f"{config} streams other rows than it loads"
    return found


def watch(name: str, stop: Path) -> list[int]:
    counts = []
    while not stop.exists():
        counts.append(sum(len(ids) for ids in stream(name, "semantic").values()))
        time.sleep(0.2)
    return counts


if __name__ == "__main__":
    answer = watch(sys.argv[1], Path(sys.argv[2])) if len(sys.argv) > 2 else everything(sys.argv[1])
    print(json.dumps(answer))
