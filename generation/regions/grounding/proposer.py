"""Regions on any picture (paper, 3.1, stage 1): a VLM names the objects, Grounding DINO and SAM find them."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tqdm import tqdm

from builder.run.directory import RunDirectory
from generation.regions.annotations import OVERLAPS, Region, Regions, preference, region_of, without_overlaps
from generation.regions.coco_masks import UnusableMask
from generation.regions.grounding.detector import Box, Detector
from generation.regions.grounding.kept_regions import read_regions, write_regions
from generation.regions.grounding.options import GroundingOptions
from generation.regions.grounding.segmenter import Segmenter
from generation.sources.coco_file import Skip
from generation.sources.image_files import UnusablePicture, decode_square
from generation.sources.photographs import Photograph, read_file
from generation.sources.threads import THREADS, in_threads
from generation.vlm.ask import Answer, ask
from generation.vlm.question import Picture, Question, Vlm, VlmUnavailable
from generation.vlm.questions import objects_question
from generation.vlm.replies import NamedObject
from generation.vlm.reply_store import ReplyStore

Found = Regions | Skip


class Finder:
    """Finds named objects on a picture.

    Args:
        options: with which models.

    Raises:
        CheckpointError: a checkpoint cannot be had, or is something else.
    """

    def __init__(self, options: GroundingOptions):
        self._min_score = options.min_score
        self._detector = Detector(options.detector, options.device)
        self._segmenter = Segmenter(options.segmenter, options.device)

    def find(self, image: np.ndarray, objects: Sequence[NamedObject]) -> Regions:
        """The regions of the named objects: people first, then the larger.

        Args:
            image: (side, side, 3) uint8.
            objects: as the VLM names them.
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
    distinct = without_overlaps(found, masks.shape[-1])  # the most certain box comes first
    dropped += [OVERLAPS] * (len(found) - len(distinct))
    return Regions(tuple(sorted(distinct, key=preference)), tuple(dropped))


@dataclass(frozen=True)
class GroundedSam:
    """Proposes regions on photographs, and keeps what was found in the run directory.

    Attributes:
        run: the run directory.
        side: height and width of the base images.
        vlm: names the objects.
        store: keeps what it says.
        options: which models find the objects; they are loaded when a photograph needs them.
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
        """The regions of each photograph, in order, or why it is left out.

        Raises:
            VlmUnavailable: the VLM left photographs unanswered; what was found is kept.
            CheckpointError: a model cannot be had.
        """
        looked = in_threads(self._look, photographs, "photographs")
        opened = dict(zip((photograph.image for photograph in photographs), looked, strict=True))
        to_ask = [one for one in opened.values() if isinstance(one, _Opened)]
        found = self._found(to_ask)
        for photograph in photographs:
            one = opened[photograph.image]
            yield found[photograph.image] if isinstance(one, _Opened) else one

    def _look(self, photograph: Photograph) -> "_Opened | Found":
        data = read_file(photograph)
        subject = hashlib.blake2b(data + str(self.side).encode(), digest_size=16).hexdigest()
        options = self.options
        fingerprint = f"{subject} {self.vlm.name} {options.detector} {options.segmenter} {options.min_score}"
        kept = read_regions(self.run, photograph.image, fingerprint)
        if kept is not None:
            return kept
        try:
            decode_square(data, self.side)
        except UnusablePicture as error:
            return Skip(photograph.file_name, str(error))
        return _Opened(photograph, subject, fingerprint)

    def _found(self, opened: Sequence["_Opened"]) -> dict[str, Found]:
        if not opened:
            return {}
        finder = self._finder  # loaded before anything is asked that might not be used
        by_key = {_key(one.photograph): one for one in opened}
        answers = tqdm(
            ask(self.vlm, self.store, map(self._question, opened)), "objects", len(opened), unit="photograph"
        )
        found: dict[str, Found | Future[Found]] = {}
        unanswered: list[str] = []
        with self._pool() as pool:
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
                "rest is kept; start again when it is back"
            )
        return {name: one.result() if isinstance(one, Future) else one for name, one in found.items()}

    def _pool(self) -> ThreadPoolExecutor:
        """Several photographs at a time on a CPU, each with one thread, so that no bit depends on the cores."""
        import torch

        if self.options.device != "cpu":
            return ThreadPoolExecutor(1)
        return ThreadPoolExecutor(THREADS, initializer=torch.set_num_threads, initargs=(1,))

    def _question(self, one: "_Opened") -> Question[tuple[NamedObject, ...]]:
        picture = Picture(one.photograph.file_name, lambda: decode_square(read_file(one.photograph), self.side))
        return objects_question(_key(one.photograph), one.subject, picture)

    def _find(self, finder: Finder, one: "_Opened", answer: Answer[tuple[NamedObject, ...]]) -> Found:
        image = decode_square(read_file(one.photograph), self.side)
        regions = finder.find(image, answer.value or ())
        write_regions(self.run, one.photograph.image, one.fingerprint, regions)
        return regions


@dataclass(frozen=True)
class _Opened:
    """A photograph that can be used and was not looked at yet.

    Attributes:
        subject: a digest of what the VLM is shown.
        fingerprint: of that and of who looks at it.
    """

    photograph: Photograph
    subject: str
    fingerprint: str


def _key(photograph: Photograph) -> str:
    return f"objects/{photograph.image}"
