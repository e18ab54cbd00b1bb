"""Finds regions on any image (paper, 3.1, stage 1): a VLM names objects, Grounding DINO and SAM locate them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tqdm import tqdm

from builder.run.directory import RunDirectory
from generation.generators.pipelines import memory
from generation.regions.annotations import OVERLAPS, Region, Regions, preference, region_of, without_overlaps
from generation.regions.coco_masks import UnusableMask
from generation.regions.finding import Found, Opened, finding_threads, open_photograph
from generation.regions.grounding.detector import Box, Detector
from generation.regions.grounding.options import GroundingOptions
from generation.regions.grounding.segmenter import Segmenter
from generation.regions.kept_regions import write_regions
from generation.sources.coco_file import Skip
from generation.sources.image_files import decode_square
from generation.sources.photographs import Photograph, read_file
from generation.sources.threads import in_threads
from generation.vlm.ask import Answer, ask
from generation.vlm.question import Picture, Question, Vlm, VlmUnavailable
from generation.vlm.questions import objects_question
from generation.vlm.replies import NamedObject
from generation.vlm.reply_store import ReplyStore


class Finder:
    """Finds the regions of named objects on an image.

    Args:
        options: checkpoints and least score.

    Raises:
        CheckpointError: a checkpoint is unavailable, or of another model.
    """

    def __init__(self, options: GroundingOptions):
        self._min_score = options.min_score
        self._detector = Detector(options.detector, options.device)
        self._segmenter = Segmenter(options.segmenter, options.device)

    def find(self, image: np.ndarray, objects: Sequence[NamedObject]) -> Regions:
        """Finds the regions of the named objects: people first, then larger ones first.

        Args:
            image: (side, side, 3) uint8.
            objects: the objects that the VLM named.
        """
        names = [one.name for one in objects]
        boxes = self._detector.boxes(image, names, self._min_score) if names else []
        masks = self._segmenter.masks(image, boxes) if boxes else np.zeros((0, *image.shape[:2]), bool)
        seen = {box.name for box in boxes}
        missed = ["no box was found for it" for name in names if name not in seen]
        return _regions(boxes, masks, {one.name: one.kind for one in objects}, missed)


def _regions(boxes: Sequence[Box], masks: np.ndarray, kinds: dict[str, str], dropped: list[str]) -> Regions:
    found: list[Region] = []
    for box, mask in zip(boxes, masks, strict=True):
        try:
            found.append(region_of(box.name, kinds[box.name], mask))
        except UnusableMask as error:
            dropped.append(str(error))
    distinct = without_overlaps(found, masks.shape[-1])  # boxes are sorted by score
    dropped += [OVERLAPS] * (len(found) - len(distinct))
    return Regions(tuple(sorted(distinct, key=preference)), tuple(dropped))


UNANSWERED_CALLS = 3
"""A photograph is left out when the VLM's server was reached in so many calls and gave no reply for it in any."""


@dataclass(frozen=True)
class GroundedSam:
    """Finds regions on photographs and keeps them in the run directory.

    Attributes:
        run: the run directory.
        side: height and width of the base images, in pixels.
        vlm: the VLM that names objects.
        store: keeps the VLM's replies.
        options: the models that find the objects; they are loaded at the first photograph without kept regions.
    """

    run: RunDirectory
    side: int
    vlm: Vlm
    store: ReplyStore
    options: GroundingOptions

    @cached_property
    def _finder(self) -> Finder:
        return Finder(self.options)

    def propose(self, photographs: Sequence[Photograph]) -> Iterator[Found]:
        """Finds the regions of each photograph: one result per photograph in order, a `Skip` for an unusable one.

        Raises:
            VlmUnavailable: the VLM gave no answer for some photographs; the regions of the others are kept.
            CheckpointError: a model is unavailable.
        """
        results = in_threads(self._open, photographs, "photographs")
        opened = dict(zip((photograph.image for photograph in photographs), results, strict=True))
        to_ask = [one for one in opened.values() if isinstance(one, Opened)]
        found = self._found(to_ask)
        for photograph in photographs:
            one = opened[photograph.image]
            yield found[photograph.image] if isinstance(one, Opened) else one

    def close(self) -> None:
        """Frees the memory of the models that find objects, including the GPU's: generators are loaded next."""
        self.__dict__.pop("_finder", None)
        memory.free()

    def _open(self, photograph: Photograph) -> Opened | Found:
        options = self.options
        models = f"{self.vlm.name} {options.detector} {options.segmenter} {options.min_score}"
        return open_photograph(self.run, photograph, self.side, models)

    def _found(self, opened: Sequence[Opened]) -> dict[str, Found]:
        if not opened:
            return {}
        finder = self._finder  # loaded first, so that no question is asked in vain if loading fails
        by_key = {_key(one.photograph): one for one in opened}
        answers = tqdm(
            ask(self.vlm, self.store, map(self._question, opened), UNANSWERED_CALLS),
            "objects",
            len(opened),
            unit="photograph",
        )
        found: dict[str, Found | Future[Found]] = {}
        unanswered: list[str] = []
        with finding_threads(self.options.device) as pool:
            for answer in answers:
                one = by_key[answer.question.key]
                if answer.temporary:
                    unanswered.append(str(answer.problem))
                elif answer.value is None:
                    reason = f"the VLM named no objects: {answer.problem}"
                    found[one.photograph.image] = Skip(one.photograph.file_name, reason)
                else:
                    found[one.photograph.image] = pool.submit(self._find, finder, one, answer)
        if unanswered:
            raise VlmUnavailable(
                f"the VLM left {len(unanswered)} of {len(opened)} photographs unanswered: {unanswered[0]}. The "
                f"rest is kept; start again, and a photograph unanswered {UNANSWERED_CALLS} times is left out"
            )
        return {name: one.result() if isinstance(one, Future) else one for name, one in found.items()}

    def _question(self, one: Opened) -> Question[tuple[NamedObject, ...]]:
        picture = Picture(one.photograph.file_name, lambda: decode_square(read_file(one.photograph), self.side))
        return objects_question(_key(one.photograph), one.subject, picture)

    def _find(self, finder: Finder, one: Opened, answer: Answer[tuple[NamedObject, ...]]) -> Found:
        image = decode_square(read_file(one.photograph), self.side)
        regions = finder.find(image, answer.value or ())
        write_regions(self.run, one.photograph.image, one.fingerprint, regions)
        return regions


def _key(photograph: Photograph) -> str:
    return f"objects/{photograph.image}"
