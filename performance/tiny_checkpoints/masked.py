"""What is inpainted: the annotated objects of the demo's photographs, which training never saw."""

import tempfile
from dataclasses import dataclass

import numpy as np

from generation.regions.annotations import Region, Regions, propose_annotated
from generation.sources.demo.photographs import write_demo_sources
from generation.sources.photographs import base_image, read_coco


@dataclass(frozen=True)
class Masked:
    """A region of a photograph.

    Attributes:
        image: (S, S, 3) uint8.
        mask: (S, S) bool.
        photograph: its name.
    """

    image: np.ndarray
    mask: np.ndarray
    photograph: str


def demo_regions(side: int, count: int) -> list[Masked]:
    """So many regions, those of different photographs first; where there are fewer, they come again mirrored.

    Args:
        side: of the photographs, in pixels.
    """
    with tempfile.TemporaryDirectory() as folder:
        photographs = read_coco(*write_demo_sources(folder)).photographs
        images = [base_image(each, side) for each in photographs]
        proposed = list(propose_annotated(photographs, side))
    found = [
        (photograph.image, image, regions.regions)
        for photograph, image, regions in zip(photographs, images, proposed, strict=True)
        if isinstance(regions, Regions)
    ]
    depth = max(len(regions) for _, _, regions in found)
    masked = [
        Masked(image, _decoded(regions[place], side), name)
        for place in range(depth)
        for name, image, regions in found
        if place < len(regions)
    ]
    mirrored = [Masked(each.image[:, ::-1], each.mask[:, ::-1], each.photograph) for each in masked]
    upturned = [Masked(each.image[::-1], each.mask[::-1], each.photograph) for each in masked]
    chosen = [*masked, *mirrored, *upturned][:count]
    if len(chosen) < count:
        raise ValueError(f"there are {len(chosen)} regions, not {count}")
    return chosen


def _decoded(region: Region, side: int) -> np.ndarray:
    from pycocotools import mask as coco_mask

    counts = {"size": [side, side], "counts": region.mask.encode("ascii")}
    return coco_mask.decode(counts).astype(bool)
