"""Regions to edit: one object each, in order of preference. From COCO annotations; `grounding` has the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from builder.run.planned_edit import encode_region
from generation.regions.coco_masks import UnusableMask, cut_square, draw_segmentation, turn_of
from generation.sources.coco_file import Annotation, Skip
from generation.sources.image_files import Header, UnusablePicture, read_header
from generation.sources.photographs import Photograph, read_file
from generation.sources.threads import in_threads

MIN_AREA = 0.003
"""Share of the image. Less is under 28 by 28 pixels of 512: 3.5 by 3.5 cells of a latent diffusion model."""

MAX_AREA = 0.9
"""Share of the image. More is the whole picture: nothing would be left that was not edited."""

MIN_WIDTH = 0.025
"""Share of the image's side that a region's widest part spans. Less is 1.5 cells of a latent diffusion model."""

MIN_VISIBLE = 0.3
"""Share of the object that the centre crop leaves. With less, the category no longer says what is seen."""

MAX_IOU = 0.7
"""Of two regions that overlap more, one is dropped: they are the same object (paper, 3.1, stage 1)."""

OVERLAPS = "it overlaps a preferred region"
"""Why a region is dropped that is nearly another one."""

PEOPLE = frozenset({"person", "people", "human", "man", "woman", "boy", "girl", "child", "baby"})

_COARSE = 256
"""Side of the grid on which widths are measured: a distance transform takes long on a large one."""


@dataclass(frozen=True)
class Region:
    """One object's mask on a base image.

    Attributes:
        object: its category, as its source names it.
        supercategory: such as `animal`; empty where the source names none.
        mask: compressed COCO run lengths, as `planned_edit.encode_region` writes them.
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
        regions: people first, then the larger (paper, 3.1, balance 1 and 2).
        dropped: why each of the other annotations gives none.
    """

    regions: tuple[Region, ...]
    dropped: tuple[str, ...]


def propose_annotated(photographs: Sequence[Photograph], side: int) -> Iterator[Regions | Skip]:
    """The regions that each photograph's annotations give, in order, or why it cannot be used."""

    def look(photograph: Photograph) -> Regions | Skip:
        try:
            return from_annotations(photograph, side)
        except UnusablePicture as error:
            return Skip(photograph.file_name, str(error))

    return in_threads(look, photographs, "regions")


def from_annotations(photograph: Photograph, side: int, header: Header | None = None) -> Regions:
    """The regions that a photograph's annotations give.

    Args:
        photograph: its file is read where `header` is left out.
        side: height and width of the base image.
        header: of the photograph's file.

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
    return region_of(annotation.category, annotation.supercategory, mask)


def region_of(object: str, supercategory: str, mask: np.ndarray) -> Region:
    """An object's region.

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
    """How wide a mask is where it is widest, as a share of its side: the largest circle's diameter.

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
    """Sorts people first, then the larger."""
    return not region.is_person, -region.area, region.object, region.mask


def without_overlaps(regions: Sequence[Region], side: int) -> list[Region]:
    """The regions without those that are nearly one before them: they overlap by more than MAX_IOU."""
    from pycocotools import mask as coco_mask

    runs = [{"size": [side, side], "counts": region.mask.encode("ascii")} for region in regions]
    kept: list[int] = []
    for index, one in enumerate(runs):
        overlaps = coco_mask.iou([one], [runs[other] for other in kept], [0] * len(kept)) if kept else np.zeros(1)
        if np.max(overlaps) <= MAX_IOU:
            kept.append(index)
    return [regions[index] for index in kept]
