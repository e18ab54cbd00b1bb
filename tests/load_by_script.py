"""Loads a config by the loading script and prints what its rows hold; run by a Python that has `datasets` 3.6.

    python tests/load_by_script.py SCRIPT DATASET CONFIG

Prints the version of `datasets`, and as JSON each split's rows with pictures as the digest of their pixels.
"""

import hashlib
import json
import sys

import datasets
import numpy as np
from PIL import Image


def plain(value):
    """`value` with pictures as mode and digest, and whatever `datasets` wraps lists in as lists."""
    if isinstance(value, Image.Image):
        return [value.mode, hashlib.sha256(np.asarray(value).tobytes()).hexdigest()]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def rows(loaded) -> dict[str, list[dict]]:
    return {split: [plain(row) for row in each] for split, each in loaded.items()}


def main() -> None:
    script, dataset, config = sys.argv[1:]
    datasets.disable_progress_bars()
    options = {"data_dir": dataset, "trust_remote_code": True}
    loaded = rows(datasets.load_dataset(script, config, **options))
    streamed = rows(datasets.load_dataset(script, config, streaming=True, **options))
    print(json.dumps({"version": datasets.__version__, "loaded": loaded, "streamed": streamed}))


if __name__ == "__main__":
    main()
