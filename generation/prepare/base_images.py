"""Chooses and makes the base images of a plan: photographs, and pictures generated from captions, in a given
ratio."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from builder.run.directory import RunDirectory
from generation.plan.options import PlanOptions
from generation.plan.selection import Candidate
from generation.prepare.captions import propose_for_captions
from generation.prepare.gathering import Gathering, Propose
from generation.prepare.painting import Painter
from generation.regions.annotations import Regions
from generation.sources.coco_file import Skip
from generation.sources.photographs import Photograph


@dataclass(frozen=True)
class BaseImageSources:
    """The photographs and captions from which base images are made.

    Attributes:
        photographs: sorted by name.
        pictures: pictures that can be generated from captions, each with its `painting`.
        share: share of the edited images whose base image is such a picture, 0 to 1.
    """

    photographs: tuple[Photograph, ...]
    pictures: tuple[Photograph, ...] = ()
    share: float = 0.0


@dataclass(frozen=True)
class Bases:
    """The base images of a plan; their files exist.

    Attributes:
        edited: base images to edit.
        unedited: photographs to keep unedited.
        generated: number of base images to edit that are generated from captions.
        examined: number of images in which regions were searched.
        skipped: images that cannot be used, with reasons.
        dropped: one reason for each object that gave no region.
        without_regions: names of the examined photographs on which nothing can be edited.
    """

    edited: list[Candidate]
    unedited: list[Candidate]
    generated: int
    examined: int
    skipped: list[Skip]
    dropped: list[str]
    without_regions: frozenset[str]


def gather_bases(
    run: RunDirectory, available: BaseImageSources, options: PlanOptions, propose: Propose, painter: Painter
) -> Bases:
    """Chooses base images, finds their regions and makes them.

    Generated pictures are never kept unedited: the label `real` means a photograph.

    Args:
        run: the run directory.
        available: the photographs and captions.
        options: the plan's options.
        propose: finds the regions of photographs.
        painter: generates pictures.

    Raises:
        PicturesSubmitted: pictures are to be painted by jobs of Slurm first.
    """
    from_photographs, from_captions = _counts(options.count, available.share)
    photographs = Gathering(
        run, available.photographs, dataclasses.replace(options, count=from_photographs or None), propose
    )
    edited = photographs.edited() if available.share < 1 else []
    if from_captions is None:
        from_captions = _picture_count(len(edited), available)
    gatherings, painted = [photographs], []
    if from_captions:
        exactly = dataclasses.replace(options, count=from_captions, unedited=0)
        how = _propose_pictures(options, propose, painter)
        gatherings.append(Gathering(run, available.pictures, exactly, how, painter.paint))
        painted = gatherings[-1].edited()
    edited = [*edited, *painted]
    return Bases(
        edited=edited,
        unedited=photographs.unedited(edited) if edited else [],
        generated=len(painted),
        examined=sum(len(one.candidates) + len(one.skipped) for one in gatherings),
        skipped=[skip for one in gatherings for skip in one.skipped],
        dropped=[reason for one in gatherings for reason in one.dropped],
        without_regions=frozenset(
            name for one in gatherings for name, found in one.candidates.items() if not found.regions
        ),
    )


def _counts(count: int | None, share: float) -> tuple[int | None, int | None]:
    """Numbers of edited images from photographs and from captions; None for as many as there are."""
    if not share:
        return count, 0
    if count is None:
        return None, None
    return count - round(count * share), round(count * share)


def _picture_count(photographs: int, available: BaseImageSources) -> int:
    """Number of generated pictures for a number of photographs, by the share; all pictures if the share is 1."""
    if available.share == 1:
        return len(available.pictures)
    return min(round(photographs * available.share / (1 - available.share)), len(available.pictures))


def _propose_pictures(
    options: PlanOptions, propose: Propose, painter: Painter
) -> Callable[[Sequence[Photograph]], Iterator[Regions | Skip]]:
    """The function that finds the regions of pictures: annotated ones before generation, others on the picture."""
    if options.regions == "annotations":
        return partial(propose_for_captions, side=options.side)
    return partial(painter.propose, propose=propose)
