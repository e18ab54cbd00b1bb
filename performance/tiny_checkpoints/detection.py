"""Whether the tiny checkpoints' edits can be learned: a small network trained on them, clean and under JPEG 60.

    python -m performance.tiny_checkpoints.detection PHOTOGRAPHS OUT [SEEDS]

PHOTOGRAPHS is a folder of photographs; each gets three random regions as its objects. The dataset and what is
trained stay in OUT, and a second call goes on from there.
"""

import json
import statistics
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.data.distortions import TABLE_3
from benchmark.evaluation.evaluate import EvaluateOptions, evaluate
from benchmark.evaluation.results import read_result
from benchmark.training.options import TrainOptions
from benchmark.training.train import train
from diffseg30k_cli import build_dataset
from generation.generators.registry import settings
from generation.plan.options import PlanOptions
from generation.sources.photographs import SourceOptions
from performance.tiny_checkpoints.masked import curve

COUNT = 240
"""Edited images."""

REGIONS = 3
NETWORK = {
    "architecture": "unet",
    "encoder": "mobilenet_v2",
    "weights": "none",
    "size": 256,
    "steps": 1000,
    "batch_size": 8,
    "learning_rate": 0.01,
    "scale": (1.0, 1.0),
    "workers": 1,
}


def main() -> None:
    photographs, out = Path(sys.argv[1]), Path(sys.argv[2])
    seeds = range(int(sys.argv[3]) if len(sys.argv) > 3 else 3)
    out.mkdir(parents=True, exist_ok=True)
    dataset = out / "diffseg30k"
    if not (dataset / "README.md").exists():
        build(photographs, out, dataset)
    found: dict[str, list[float]] = {}
    for seed in seeds:
        for condition, value in detector(dataset, out, seed).items():
            found.setdefault(condition, []).append(value)
    print("| condition | mIoU, mean | each seed |\n| --- | ---: | --- |")
    for condition, values in found.items():
        print(f"| {condition} | {statistics.mean(values):.3f} | {', '.join(f'{value:.3f}' for value in values)} |")


def build(photographs: Path, out: Path, dataset: Path) -> None:
    annotations = out / "annotations.json"
    annotations.write_text(json.dumps(annotated(photographs)))
    plan = PlanOptions(256, 0, settings(None, "tiny", {}), COUNT)
    build_dataset(SourceOptions(str(photographs), str(annotations)), plan, str(dataset))


def annotated(photographs: Path) -> dict:
    """COCO annotations of random regions: closed curves of wavy radius."""
    images, annotations = [], []
    for number, path in enumerate(sorted(photographs.glob("*.jpg")), 1):
        with Image.open(path) as picture:
            width, height = picture.size
        images.append({"id": number, "file_name": path.name, "width": width, "height": height})
        rng = np.random.default_rng(number)
        for _ in range(REGIONS):
            polygon = curve(rng, width, height)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "segmentation": [polygon.ravel().round(2).tolist()],
                    "bbox": [*polygon.min(axis=0).tolist(), *np.ptp(polygon, axis=0).tolist()],
                    "area": _area(polygon),
                }
            )
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "rock"}]}


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)


def detector(dataset: Path, out: Path, seed: int) -> dict[str, float]:
    """Trains a network and returns its semantic mIoU on the validation split by condition."""
    folder = out / f"detector-{seed}"
    if not (folder / "detector.json").exists():
        train(TrainOptions(str(folder), str(dataset), "semantic", seed=seed, resume=True, **NETWORK))
    results = evaluate(
        EvaluateOptions(str(folder), str(out / f"results-{seed}"), str(dataset), "semantic", conditions=TABLE_3)
    )
    return {result.condition: result.scores["miou"] for result in map(read_result, results)}


if __name__ == "__main__":
    main()
