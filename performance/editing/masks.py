"""Labelled pixels in cells that no model painted: with the masks that generators are given, and with exact ones.

    python -m performance.editing.masks [PHOTOGRAPHS ANNOTATIONS] [REGIONS]

PHOTOGRAPHS is a folder and ANNOTATIONS a file in COCO's format; without them it takes the demo's. The regions of
images of 1024 pixels are brought to each published generator's side, and from there to its latents by nearest
neighbour, as the pipelines do. Prints the share of all labelled pixels and the largest share of one region.
"""

import sys
import tempfile
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch

from generation.generators.entries import GENERATORS
from generation.generators.masks import grown_to_grid, touched_cells
from generation.sources.demo.photographs import write_demo_sources
from performance.seams import objects

SIDE = 1024
LATENT, GLIDE_LATENT = 8, 4
PATCHED = ("sd3.5", "flux.1", "hunyuandit1.1")


def main() -> None:
    arguments = sys.argv[1:]
    count = int(arguments.pop()) if arguments and arguments[-1].isdigit() else 100
    with tempfile.TemporaryDirectory() as folder:
        places = arguments or write_demo_sources(folder)
        regions = [mask for _, mask in islice(objects(*places, side=SIDE), count)]
    print(f"{len(regions)} regions, {sum(int(mask.sum()) for mask in regions):,} labelled pixels")
    print("| generator | side | exact mask | the worst region | grown mask |\n| --- | ---: | ---: | ---: | ---: |")
    for name, entry in GENERATORS.items():
        side = entry.sampling.side
        latent = GLIDE_LATENT if name == "glide" else LATENT
        cell = latent * (2 if name in PATCHED else 1)
        exact = list(unpainted(regions, side, latent, 1))
        grown = list(unpainted(regions, side, latent, cell))
        total = sum(int(mask.sum()) for mask in regions)
        worst = max(missed / int(mask.sum()) for missed, mask in zip(exact, regions, strict=True))
        print(f"| `{name}` | {side} | {sum(exact) / total:.2%} | {worst:.0%} | {sum(grown)} pixels |")


def unpainted(regions: list[np.ndarray], side: int, latent: int, cell: int) -> Iterator[int]:
    """Labelled pixels of each region in latents that the pipeline does not paint.

    Args:
        regions: (S, S) bool each.
        side: of the generator's images, in pixels.
        latent: height and width of a latent, in pixels.
        cell: height and width of the cells to which the mask is grown; 1 for the exact mask.
    """
    for mask in regions:
        given = torch.from_numpy(grown_to_grid(mask, side, cell))[None, None].float()
        painted = torch.nn.functional.interpolate(given, (side // latent,) * 2, mode="nearest")[0, 0].numpy() > 0.5
        yield int((mask & ~touched_cells(painted, len(mask))).sum())


if __name__ == "__main__":
    main()
