"""Borders and patches of the tiny checkpoints' edits, beside random weights' and OpenCV's, and a sheet of them.

python -m performance.tiny_checkpoints [COUNT] [SHEET.png]
"""

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np

from generation.generators.entries import GENERATORS
from performance.gradient_ratio import gradient_ratio
from performance.tiny_checkpoints.masked import Masked, demo_regions
from performance.tiny_checkpoints.painters import opencv, paint_all, trained, untrained
from performance.tiny_checkpoints.patches import coefficients, frechet
from performance.tiny_checkpoints.sheet import save_sheet

SIDE = 256
RATIO_GOAL = 1.6
DISTANCE_GOAL = 1 / 3
"""Of the distance with random weights."""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    regions = demo_regions(SIDE, count)
    originals = [region.image for region in regions]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        names = list(GENERATORS)
        made = dict(zip(names, pool.map(partial(paint_all, trained, SIDE, count), names), strict=True))
        random = dict(zip(names, pool.map(partial(paint_all, untrained, SIDE, count), names), strict=True))
    classic = {name: [opencv(name)(each, 0) for each in regions] for name in ("TELEA", "NS")}
    missed: list[str] = []
    print("| | gradient ratio, median | patches | patches, random weights |\n| --- | ---: | ---: | ---: |")
    for name in names:
        distance, random_distance = (distance_to(originals, each[name], regions) for each in (made, random))
        print(f"| `{name}` | {median_ratio(made[name], regions):.2f} | {distance:.3f} | {random_distance:.3f} |")
        held = median_ratio(made[name], regions) <= RATIO_GOAL and distance <= DISTANCE_GOAL * random_distance
        missed += [] if held else [name]
    for name, pictures in classic.items():
        distance = distance_to(originals, pictures, regions)
        print(f"| OpenCV {name} | {median_ratio(pictures, regions):.2f} | {distance:.3f} | |")
    print(f"| the photographs | {median_ratio(originals, regions):.2f} | 0 | |")
    print(f"MISS {', '.join(missed)}" if missed else "ok   all eight")
    if len(sys.argv) > 2:
        save_sheet(sys.argv[2], regions, made)


def median_ratio(pictures: Iterable[np.ndarray], regions: list[Masked]) -> float:
    measured = [gradient_ratio(picture, region.mask) for picture, region in zip(pictures, regions, strict=True)]
    return float(np.median([each for each in measured if each is not None]))


def distance_to(originals: list[np.ndarray], pictures: list[np.ndarray], regions: list[Masked]) -> float:
    real = [coefficients(image, region.mask) for image, region in zip(originals, regions, strict=True)]
    made = [coefficients(image, region.mask) for image, region in zip(pictures, regions, strict=True)]
    return frechet(real, made)


if __name__ == "__main__":
    main()
