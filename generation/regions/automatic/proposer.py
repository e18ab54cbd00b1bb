"""Finds regions on any image without a VLM, and keeps them in the run directory."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tqdm import tqdm

from builder.encoding.categories import supercategory
from builder.run.directory import RunDirectory
from generation.generators.pipelines import memory
from generation.language.object_name import UNNAMED
from generation.regions.annotations import OVERLAPS, Region, Regions, preference, region_of, without_overlaps
from generation.regions.automatic.everything import EverythingSegmenter, Masks
from generation.regions.automatic.naming import NamingDetector, name_masks
from generation.regions.automatic.options import AutomaticOptions
from generation.regions.coco_masks import UnusableMask
from generation.regions.finding import Found, Opened, finding_threads, open_photograph
from generation.regions.grounding.detector import Box
from generation.regions.kept_regions import write_regions
from generation.sources.image_files import decode_square
from generation.sources.photographs import Photograph, read_file
from generation.sources.threads import in_threads

MAX_REGIONS = 8
"""Regions of an image at most: SAM finds dozens of parts, of which an image with three turns takes three."""


class Finder:
    """Finds the regions of everything on an image.

    Args:
        options: checkpoints and limits.

    Raises:
        CheckpointError: a checkpoint is unavailable, or of another model.
    """

    def __init__(self, options: AutomaticOptions):
        self._options = options
        self._segmenter = EverythingSegmenter(options.segmenter, options.device)
        self._detector = NamingDetector(options.detector, options.device)

    def find(self, image: np.ndarray) -> Regions:
        """Finds the regions on an image, (side, side, 3) uint8; see `choose_regions`."""
        found = self._segmenter.masks(image)
        boxes = self._detector.boxes(image, self._options.min_score)
        return choose_regions(found, boxes, self._options.min_iou)


def choose_regions(found: Masks, boxes: Sequence[Box], min_iou: float) -> Regions:
    """Names masks and makes regions of them: at most MAX_REGIONS, people first, then larger ones first.

    Masks with a name are taken before those without, and among each those that SAM is surer of; of two that
    overlap the first is kept. A mask without a name becomes an `object`, for which there are prompts that fit
    anything.

    Args:
        found: the masks of an image.
        boxes: the named objects on it, highest scores first.
        min_iou: see `AutomaticOptions`.
    """
    names = name_masks(found.masks, boxes, min_iou)
    order = sorted(range(len(names)), key=lambda place: (names[place] is None, -found.scores[place], place))
    regions: list[Region] = []
    dropped: list[str] = []
    for place in order:
        name = names[place] or UNNAMED
        try:
            regions.append(region_of(name, supercategory(name), found.masks[place]))
        except UnusableMask as error:
            dropped.append(str(error))
    distinct = without_overlaps(regions, found.masks.shape[-1])
    dropped += [OVERLAPS] * (len(regions) - len(distinct))
    dropped += ["the image has enough regions"] * (len(distinct) - MAX_REGIONS)
    return Regions(tuple(sorted(distinct[:MAX_REGIONS], key=preference)), tuple(dropped))


@dataclass(frozen=True)
class AutomaticRegions:
    """Finds regions on photographs and keeps them in the run directory.

    Attributes:
        run: the run directory.
        side: height and width of the base images, in pixels.
        options: the models, which are loaded at the first photograph without kept regions.
    """

    run: RunDirectory
    side: int
    options: AutomaticOptions

    @cached_property
    def _finder(self) -> Finder:
        return Finder(self.options)

    def propose(self, photographs: Sequence[Photograph]) -> Iterator[Found]:
        """Finds the regions of each photograph: one result per photograph in order, a `Skip` for an unusable one.

        Raises:
            CheckpointError: a model is unavailable.
        """
        opened = list(in_threads(self._open, photographs, "photographs"))
        if any(isinstance(one, Opened) for one in opened):
            finder = self._finder
            with finding_threads(self.options.device) as pool:
                waiting = [
                    pool.submit(self._find, finder, one) if isinstance(one, Opened) else one for one in opened
                ]
                for one in tqdm(waiting, "regions", unit="photograph", leave=False, disable=None):
                    yield one.result() if isinstance(one, Future) else one
        else:
            yield from (one for one in opened if not isinstance(one, Opened))

    def close(self) -> None:
        """Frees the memory of the models, including the GPU's: generators are loaded next."""
        self.__dict__.pop("_finder", None)
        memory.free()

    def _open(self, photograph: Photograph) -> Opened | Found:
        options = self.options
        models = f"{options.segmenter} {options.detector} {options.min_score} {options.min_iou} {MAX_REGIONS}"
        return open_photograph(self.run, photograph, self.side, models)

    def _find(self, finder: Finder, one: Opened) -> Regions:
        regions = finder.find(decode_square(read_file(one.photograph), self.side))
        write_regions(self.run, one.photograph.image, one.fingerprint, regions)
        return regions
