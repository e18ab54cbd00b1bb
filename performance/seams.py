"""How well seams tell regions that were tampered with from borders of objects in untouched photographs.

    python -m performance.seams [PHOTOGRAPHS ANNOTATIONS]

PHOTOGRAPHS is a folder and ANNOTATIONS a file in COCO's format; without them it takes the demo's. Regions are the
objects that could be edited. Prints the area under the ROC curve for each measure and each way of tampering.
"""

import sys
import tempfile
from collections.abc import Iterator

import numpy as np
from pycocotools import mask as coco_mask

from generation.quality.seam import seam
from generation.regions.annotations import Regions, propose_annotated
from generation.sources.demo.photographs import write_demo_sources
from generation.sources.photographs import base_image, read_coco
from performance.gradient_ratio import gradient_ratio

SIDE = 512
MEASURES = {"seam": seam, "gradient ratio": gradient_ratio}


def main() -> None:
    if len(sys.argv) == 3:
        values = measure(*sys.argv[1:])
    else:
        with tempfile.TemporaryDirectory() as folder:
            values = measure(*write_demo_sources(folder))
    untouched = values.pop("untouched")
    print(f"{len(next(iter(untouched.values())))} borders of objects")
    for name, found in untouched.items():
        middle, high = np.percentile(found, (50, 95))
        print(f"untouched, {name}: median {middle:.2f}, 95th percentile {high:.2f}")
    print("| region | " + " | ".join(MEASURES) + " |\n| --- |" + " ---: |" * len(MEASURES))
    for case, by_measure in values.items():
        areas = [area_under_curve(untouched[name], by_measure[name]) for name in MEASURES]
        print(f"| {case} | " + " | ".join(f"{area:.2f}" for area in areas) + " |")


def measure(photographs: str, annotations: str) -> dict[str, dict[str, list[float]]]:
    """By way of tampering and by measure, the value of each region that every measure has one for."""
    values: dict[str, dict[str, list[float]]] = {}
    for number, (image, mask) in enumerate(objects(photographs, annotations)):
        for case, picture in tampered(image, mask, np.random.default_rng(number)):
            found = {name: function(picture, mask) for name, function in MEASURES.items()}
            for name, value in found.items():
                if None not in found.values():
                    values.setdefault(case, {}).setdefault(name, []).append(value)
    return values


def objects(photographs: str, annotations: str, side: int = SIDE) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(side, side, 3) uint8 photographs and (side, side) bool masks of their objects."""
    read = read_coco(photographs, annotations).photographs
    for photograph, proposed in zip(read, propose_annotated(read, side), strict=True):
        if isinstance(proposed, Regions):
            image = base_image(photograph, side)
            coded = ({"counts": region.mask.encode(), "size": [side, side]} for region in proposed.regions)
            yield from ((image, coco_mask.decode(each) > 0) for each in coded)


def tampered(image: np.ndarray, mask: np.ndarray, draw: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """A photograph as it is, and in each way of tampering with a region of it."""
    from scipy.ndimage import gaussian_filter

    down, across = np.indices(mask.shape)
    middle = [places.mean() for places in np.nonzero(mask)]
    around = np.arctan2(down - middle[0], across - middle[1])[..., None]
    normal = draw.normal(size=image.shape)
    fills = {
        "untouched": image,
        "noise": draw.integers(0, 256, image.shape),
        "noise of the region's colours": image[mask].mean(0) + image[mask].std(0) * normal,
        "itself with noise of 8 levels": image + 8 * normal,
        "12 levels brighter": image + 12.0,
        "12 levels darker": image - 12.0,
        "brighter by 17 levels at one end, darker at the other": image + 17 * np.sin(around + draw.uniform(0, 7)),
        "blurred by 1.5 pixels": gaussian_filter(image.astype(float), (1.5, 1.5, 0)),
    }
    for case, fill in fills.items():
        yield case, np.where(mask[..., None], np.clip(np.rint(fill), 0, 255), image).astype(np.uint8)


def area_under_curve(untouched: list[float], touched: list[float]) -> float:
    """The probability that a tampered region has the higher value; half for equal ones (Mann and Whitney 1947)."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(touched, untouched).statistic / (len(touched) * len(untouched)))


if __name__ == "__main__":
    main()
