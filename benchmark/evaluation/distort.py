"""`diffseg30k distort`: writes the distorted images of a split, for detectors that run outside this project."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from benchmark.data.dataset import Task, decode, evaluation_split, load_rows, task_of
from benchmark.data.distortions import TABLE_3, Condition, chance, condition, distort
from diffseg30k import DEFAULT_CONFIG

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class DistortOptions:
    """The options of `distort`. The defaults are those of `EvaluateOptions`, so that both produce the same images.

    Attributes:
        dataset: a packed folder, a URL of one, or a dataset's name on the Hub.
        out: output folder of the images.
        config: the config of the rows.
        split: the split; None for `test` of a held-out pair, else `validation`.
        conditions: names of conditions; see `distortions.condition`.
        size: side in pixels that images are resized to; None keeps their size.
        count: number of rows from the start; None for all.
        seed: seed of the distortions.
        streaming: whether rows are read on demand, without a copy on disk.
    """

    dataset: str
    out: str
    config: str = DEFAULT_CONFIG
    split: str | None = None
    conditions: tuple[str, ...] = TABLE_3
    size: int | None = None
    count: int | None = None
    seed: int = 0
    streaming: bool = False


@dataclass(frozen=True)
class DistortReport:
    """What `distort` wrote.

    Attributes:
        images: number of images per condition.
        conditions: names of the conditions.
        manifest: path of the manifest.
    """

    images: int
    conditions: tuple[str, ...]
    manifest: str

    def lines(self) -> list[str]:
        """Lines to print."""
        folder = os.path.dirname(self.manifest)
        return [
            f"{self.images:,} images under {', '.join(self.conditions)}; {self.manifest}",
            "save a prediction for each as PREDICTIONS/CONDITION/ID.png (label values), then: "
            f"diffseg30k evaluate predictions:PREDICTIONS --conditions {','.join(self.conditions)} --out RESULTS",
        ] + ([] if self.images else [f"{folder} holds no image: the split has no rows"])


def write_distorted(options: DistortOptions) -> DistortReport:
    """Writes the images of a split under each condition as `OUT/CONDITION/ID.png`, and `OUT/manifest.json`.

    `evaluate` with the same dataset, config, split, size and seed passes the same pixels to a detector.

    Raises:
        ValueError, FileNotFoundError: an option is invalid, the dataset does not exist, or a condition is an
            attack, which needs the detector's gradient.
    """
    wanted = [condition(name) for name in options.conditions]
    if attacks := [each.name for each in wanted if each.attack]:
        raise ValueError(f"{attacks[0]} is a white-box attack and needs the detector itself: leave it out")
    task = task_of(options.config)
    split = options.split or evaluation_split(options.config)
    rows = load_rows(options.dataset, options.config, split, options.streaming)
    listed = _write_images(rows, task, wanted, options)
    manifest = {
        "format": FORMAT,
        "dataset": options.dataset,
        "config": options.config,
        "split": split,
        "size": options.size,
        "seed": options.seed,
        "conditions": {each.name: [one for one in listed if one["condition"] == each.name] for each in wanted},
    }
    os.makedirs(options.out, exist_ok=True)
    file = os.path.join(options.out, MANIFEST)
    with open(file, "w", encoding="utf-8") as opened:
        json.dump(manifest, opened, ensure_ascii=False, indent=1)
    return DistortReport(len(listed) // max(1, len(wanted)), tuple(each.name for each in wanted), file)


def _write_images(rows: Any, task: Task, wanted: list[Condition], options: DistortOptions) -> list[dict[str, Any]]:
    from itertools import islice

    from PIL import Image
    from tqdm import tqdm

    listed = []
    for row in tqdm(islice(iter(rows), options.count), desc="distorting", unit="image"):
        sample = decode(row, task)
        for each in wanted:
            rng = chance(options.seed, each.name, sample.id)
            image, _ = distort(sample.image, sample.truth, each, options.size, rng)
            place = os.path.join(each.name, f"{sample.id}.png")
            os.makedirs(os.path.dirname(os.path.join(options.out, place)), exist_ok=True)
            Image.fromarray(image).save(os.path.join(options.out, place), compress_level=1)
            height, width = image.shape[:2]
            listed.append(
                {"condition": each.name, "id": sample.id, "file": place, "width": width, "height": height}
            )
    return listed
