"""Whether the tiny checkpoints' edits can be told apart: by a small network, on clean images and on JPEG.

    python -m performance.tiny_checkpoints.detection PHOTOGRAPHS OUT [SEED...]

PHOTOGRAPHS is a folder of photographs; each gets three random regions as its objects. The dataset stays in OUT,
and a second call uses it.
"""

import json
import statistics
import sys
from pathlib import Path

import numpy as np
from datasets import load_dataset
from PIL import Image

from benchmark.data.distortions import chance, condition, distort
from benchmark.metrics import SegmentationMetrics
from diffseg30k import CLASS_NAMES
from diffseg30k_cli import build_dataset
from generation.generators.registry import settings
from generation.plan.options import PlanOptions
from generation.sources.photographs import SourceOptions
from performance.tiny_checkpoints.masked import curve
from performance.tiny_checkpoints.small_detector import predict, train

COUNT = 240
"""Edited images."""

REGIONS = 3
STEPS = 1400
"""Of each training: six to nine minutes on two cores."""

CONDITIONS = ("clean", "jpeg-80", "jpeg-60")

Rows = list[tuple[str, np.ndarray, np.ndarray]]
"""Ids, (H, W, 3) uint8 images and (H, W) uint8 class ids."""


def main() -> None:
    photographs, out = Path(sys.argv[1]), Path(sys.argv[2])
    seeds = [int(seed) for seed in sys.argv[3:]] or [0, 1, 2]
    out.mkdir(parents=True, exist_ok=True)
    dataset = out / "diffseg30k"
    if not (dataset / "README.md").exists():
        build(photographs, out, dataset)
    rows, tests = read(dataset, "train"), read(dataset, "validation")
    found: dict[str, list[float]] = {name: [] for name in CONDITIONS}
    for seed in seeds:
        network = train([image for _, image, _ in rows], [truth for *_, truth in rows], STEPS, seed)
        for name in CONDITIONS:
            metrics = SegmentationMetrics(classes=len(CLASS_NAMES))
            for id, image, truth in tests:
                changed, _ = distort(image, truth, condition(name), None, chance(seed, name, id))
                metrics.update([truth], [predict(network, changed)])
            found[name].append(metrics.compute().miou or 0.0)
        print({name: round(values[-1], 3) for name, values in found.items()}, flush=True)
    print(f"{len(rows)} images of training, {len(tests)} of validation")
    print("| condition | semantic mIoU, mean | each seed |\n| --- | ---: | --- |")
    for name, values in found.items():
        each = ", ".join(f"{value:.3f}" for value in values)
        print(f"| {name} | {statistics.mean(values):.3f} | {each} |")


def read(dataset: Path, split: str) -> Rows:
    rows = load_dataset(str(dataset), "semantic", split=split)
    return [(row["id"], np.asarray(row["image"].convert("RGB")), np.asarray(row["semantic_mask"])) for row in rows]


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


if __name__ == "__main__":
    main()
