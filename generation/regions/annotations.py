"""Makes regions of COCO annotations, one per object, in order of preference. `grounding` finds regions by
models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from builder.run.planned_edit import encode_region
from generation.language.object_name import UNNAMED, object_name
from generation.regions.coco_masks import UnusableMask, cut_square, draw_segmentation, turn_of
from generation.sources.coco_file import Annotation, Skip
from generation.sources.image_files import Header, UnusablePicture, read_header
from generation.sources.photographs import Photograph, read_file
from generation.sources.threads import in_threads

MIN_AREA = 0.003
"""Least area of a region, as a share of the image: 28 by 28 pixels of 512, or 3.5 by 3.5 latent cells."""

MAX_AREA = 0.9
"""Largest area of a region, as a share of the image. A larger one leaves hardly any unedited pixels."""

MIN_WIDTH = 0.025
"""Least diameter of a region's largest inscribed circle, as a share of the image's side: 1.5 latent cells."""

MIN_VISIBLE = 0.3
"""Least share of an object inside the centre crop. With less, the category no longer describes what is visible."""

MAX_IOU = 0.7
"""Largest IoU of two regions. Of two that overlap more, one is dropped as a duplicate (paper, 3.1, stage 1)."""

OVERLAPS = "it overlaps a preferred region"
"""The reason for dropping a duplicate region."""

PEOPLE = frozenset({"person", "people", "human", "man", "woman", "boy", "girl", "child", "baby"})

_COARSE = 256
"""Side of the grid on which widths are measured; the distance transform is slow on larger ones."""


@dataclass(frozen=True)
class Region:
    """One object's mask on a base image.

    Attributes:
        object: its category, as `object_name` reads it; `object` where that is no name.
        supercategory: such as `animal`; empty if the source names none.
        mask: compressed COCO run-length encoding, as `planned_edit.encode_region` writes it.
        area: share of the image, 0 to 1.
    """

    object: str
    supercategory: str
    mask: str
    area: float

    @property
    def is_person(self) -> bool:
        return self.supercategory.lower() in PEOPLE or self.object.lower() in PEOPLE


@dataclass(frozen=True)
class Regions:
    """The regions of a base image.

    Attributes:
        regions: people first, then larger ones first (paper, 3.1, balance 1 and 2).
        dropped: one reason for each object that gave no region.
    """

    regions: tuple[Region, ...]
    dropped: tuple[str, ...]


def propose_annotated(photographs: Sequence[Photograph], side: int) -> Iterator[Regions | Skip]:
    """Makes the regions of each photograph of its annotations: one result per photograph in order."""

    def propose(photograph: Photograph) -> Regions | Skip:
        try:
            return from_annotations(photograph, side)
        except UnusablePicture as error:
            return Skip(photograph.file_name, str(error))

    return in_threads(propose, photographs, "regions")


def from_annotations(photograph: Photograph, side: int, header: Header | None = None) -> Regions:
    """Makes the regions of one photograph of its annotations.

    Args:
        photograph: the photograph; its file is read if `header` is left out.
        side: height and width of the base image, in pixels.
        header: size and orientation of the photograph's file.

    Raises:
        UnusablePicture: the file is not a picture.
    """
    header = header or read_header(read_file(photograph))
    try:
        turn = turn_of(header, photograph.width, photograph.height)
    except UnusableMask as error:
        return Regions((), (str(error),) * len(photograph.annotations))
    found: list[Region] = []
    dropped: list[str] = []
    for annotation in photograph.annotations:
        try:
            found.append(_region(annotation, photograph, header, turn, side))
        except UnusableMask as error:
            dropped.append(str(error))
    distinct = without_overlaps(sorted(found, key=preference), side)
    dropped += [OVERLAPS] * (len(found) - len(distinct))
    return Regions(tuple(distinct), tuple(dropped))


def _region(
    annotation: Annotation, photograph: Photograph, header: Header, turn: Image.Transpose | None, side: int
) -> Region:
    if annotation.is_crowd:
        raise UnusableMask("it is a crowd, not one object")
    drawn = draw_segmentation(annotation.segmentation, photograph.width, photograph.height)
    mask, visible = cut_square(drawn, header, turn, side)
    if visible < MIN_VISIBLE:
        raise UnusableMask("most of it is cropped away, or its mask is empty")
    return region_of(object_name(annotation.category) or UNNAMED, annotation.supercategory, mask)


def region_of(object: str, supercategory: str, mask: np.ndarray) -> Region:
    """Makes a region of a mask, after checking its size.

    Args:
        object: its category.
        supercategory: such as `animal`, or empty.
        mask: (side, side) bool.

    Raises:
        UnusableMask: it is empty, too small or too thin to edit, or the whole image.
    """
    area = float(mask.mean())
    if area < MIN_AREA:
        raise UnusableMask("it is too small")
    if area > MAX_AREA:
        raise UnusableMask("it covers the whole image")
    if widest(mask) < MIN_WIDTH:
        raise UnusableMask("it is too thin")
    return Region(object, supercategory, encode_region(mask), area)


def widest(mask: np.ndarray) -> float:
    """The diameter of the largest circle inside a mask, as a share of the mask's side.

    Args:
        mask: (side, side) bool.
    """
    from scipy.ndimage import distance_transform_edt

    step = max(1, len(mask) // _COARSE)
    rows, columns = np.nonzero(mask[::step, ::step])
    if not len(rows):
        return 0.0
    box = np.pad(mask[::step, ::step][rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], 1)
    return float(2 * distance_transform_edt(box).max() - 1) * step / len(mask)


def preference(region: Region) -> tuple[bool, float, str, str]:
    """Sort key: people first, then larger regions first."""
    return not region.is_person, -region.area, region.object, region.mask


def without_overlaps(regions: Sequence[Region], side: int) -> list[Region]:
    """The regions without those whose IoU with an earlier one is over MAX_IOU."""
    from pycocotools import mask as coco_mask

    runs = [{"size": [side, side], "counts": region.mask.encode("ascii")} for region in regions]
    kept: list[int] = []
    for index, one in enumerate(runs):
        overlaps = coco_mask.iou([one], [runs[other] for other in kept], [0] * len(kept)) if kept else np.zeros(1)
        if np.max(overlaps) <= MAX_IOU:
            kept.append(index)
    return [regions[index] for index in kept]
