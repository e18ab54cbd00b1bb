"""The base images of a plan: photographs, and pictures made from captions, in the share that is asked for."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from builder.run.directory import RunDirectory
from generation.plan.options import PlanOptions
from generation.plan.selection import Candidate
from generation.prepare.captions import propose_borrowed
from generation.prepare.gathering import Gathering, Propose
from generation.prepare.painting import Painter
from generation.regions.annotations import Regions
from generation.sources.coco_file import Skip
from generation.sources.photographs import Photograph


@dataclass(frozen=True)
class Offer:
    """What base images can be had from.

    Attributes:
        photographs: by name.
        pictures: those that can be made from captions, each with its painting.
        share: of the edited images, those whose base is such a picture, 0 to 1.
    """

    photographs: tuple[Photograph, ...]
    pictures: tuple[Photograph, ...] = ()
    share: float = 0.0


@dataclass(frozen=True)
class Bases:
    """The base images of a plan; they are made.

    Attributes:
        edited: those to edit.
        unedited: photographs to keep as they are.
        generated: how many of those to edit are made from captions.
        looked_at: those whose regions were sought.
        skipped: those that cannot be used, and why.
        dropped: why objects on them gave no region.
    """

    edited: list[Candidate]
    unedited: list[Candidate]
    generated: int
    looked_at: int
    skipped: list[Skip]
    dropped: list[str]


def gather_bases(
    run: RunDirectory, offer: Offer, options: PlanOptions, propose: Propose, painter: Painter
) -> Bases:
    """Chooses base images, finds their regions and makes them.

    Pictures are never kept unedited: that label means a photograph.

    Args:
        run: the run directory.
        offer: what they can be had from.
        options: the plan's.
        propose: finds the regions of photographs.
        painter: makes pictures.

    Raises:
        CheckpointError: the weights of a generator that makes pictures are missing, gated or damaged.
    """
    from_photographs, from_captions = _counts(options.count, offer.share)
    photographs = Gathering(
        run, offer.photographs, dataclasses.replace(options, count=from_photographs or None), propose
    )
    edited = photographs.edited() if offer.share < 1 else []
    if from_captions is None:
        from_captions = _beside(len(edited), offer)
    gatherings, painted = [photographs], []
    if from_captions:
        exactly = dataclasses.replace(options, count=from_captions, unedited=0)
        how = _propose_pictures(options, propose, painter)
        gatherings.append(Gathering(run, offer.pictures, exactly, how, painter.paint))
        painted = gatherings[-1].edited()
    edited = [*edited, *painted]
    return Bases(
        edited=edited,
        unedited=photographs.unedited(edited) if edited else [],
        generated=len(painted),
        looked_at=sum(len(one.candidates) + len(one.skipped) for one in gatherings),
        skipped=[skip for one in gatherings for skip in one.skipped],
        dropped=[reason for one in gatherings for reason in one.dropped],
    )


def _counts(count: int | None, share: float) -> tuple[int | None, int | None]:
    """How many edited images are to be photographs and how many pictures; None where all photographs are."""
    if not share:
        return count, 0
    if count is None:
        return None, None
    return count - round(count * share), round(count * share)


def _beside(photographs: int, offer: Offer) -> int:
    """How many pictures go with so many photographs; all, where there are to be no photographs."""
    if offer.share == 1:
        return len(offer.pictures)
    return min(round(photographs * offer.share / (1 - offer.share)), len(offer.pictures))


def _propose_pictures(
    options: PlanOptions, propose: Propose, painter: Painter
) -> Callable[[Sequence[Photograph]], Iterator[Regions | Skip]]:
    """Regions by annotation are known before a picture is made; all others are found on it."""
    if options.regions == "annotations":
        return partial(propose_borrowed, side=options.side)
    return partial(painter.propose, propose=propose)
