"""Which photographs are edited and which are kept as they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diffseg30k import MAX_TURNS
from generation.plan.options import PlanOptions
from generation.plan.seeds import derived_seed
from generation.plan.shares import TURN_RATIO
from generation.regions.annotations import Region

EDITED_PER_UNEDITED = 6
"""The paper keeps 5,000 photographs unedited beside 30,000 edited images."""


@dataclass(frozen=True)
class Candidate:
    """A base image that can be edited, or kept unedited.

    Attributes:
        image: its name in the run.
        base_id: the photograph it was cut from.
        regions: those that can be edited; none where it can only be kept unedited.
    """

    image: str
    base_id: str
    regions: tuple[Region, ...]


def in_order(images: Iterable[str], seed: int, purpose: str) -> list[str]:
    """The images, shuffled. An image's place among others depends on its name, the seed and the purpose alone."""
    return sorted(images, key=lambda image: (derived_seed(seed, purpose, image), image))


def turn_targets(images: int, max_turns: int, ratio: Sequence[float] = TURN_RATIO) -> list[int]:
    """How many of `images` images are to get one, two, ... turns: as the ratio, the longest for all that is over.

    With fewer turns than the ratio has, those that would get more get `max_turns`.
    """
    shares = [*ratio[: max_turns - 1], sum(ratio[max_turns - 1 :])]
    targets: list[int] = []
    for share in shares[:-1]:
        targets.append(min(round(images * share / sum(ratio)), images - sum(targets)))
    return [*targets, images - sum(targets)]


@dataclass(frozen=True)
class Choice:
    """Which of the images seen so far are edited.

    Attributes:
        edited: places in the sequence that was chosen from.
        settled: how many of them no further image would take the place of.
    """

    edited: tuple[int, ...]
    settled: int


@dataclass(frozen=True)
class Edited:
    """The candidates that are edited.

    Attributes:
        candidates: in the order of preference.
        missing: how many more candidates would be welcome, for another choice; 0 where this one is final.
    """

    candidates: tuple[Candidate, ...]
    missing: int


def max_turns(options: PlanOptions) -> int:
    """The most turns that an image can have: a turn takes a generator of its own."""
    return min(MAX_TURNS, len(options.generators))


def choose_edited(candidates: Iterable[Candidate], options: PlanOptions, unseen: int = 0) -> Edited:
    """Chooses who is edited. It is decided here and nowhere else.

    Args:
        candidates: those whose regions are known, in any order.
        options: what fixes the choice besides.
        unseen: how many more there are, whose regions are not known yet.
    """
    by_name = {candidate.image: candidate for candidate in candidates}
    ordered = [by_name[name] for name in in_order(by_name, options.seed, "edited")]
    capacities = [len(candidate.regions) for candidate in ordered]
    editable = sum(capacity > 0 for capacity in capacities)
    count = options.count or edited_count(editable, len(ordered), options.unedited)
    choice = choose_places(capacities, count, max_turns(options), options.turn_ratio)
    missing = unseen if options.count is None else min(count - choice.settled, unseen)
    return Edited(tuple(ordered[place] for place in choice.edited), missing)


def choose_places(
    capacities: Sequence[int], count: int, max_turns: int = MAX_TURNS, ratio: Sequence[float] = TURN_RATIO
) -> Choice:
    """Chooses of images in the order of preference, so that the ratio of turns can be kept.

    An image with few regions is passed over once there are as many of its kind as the ratio has room for; it is
    taken after all where nothing else is left.

    Args:
        capacities: how many turns each image has regions for, in the order of preference.
        count: images wanted.
        max_turns: the most turns that any image gets.
        ratio: of images with one, two and three turns.
    """
    targets = turn_targets(count, max_turns, ratio)
    room = [sum(targets[: turns + 1]) for turns in range(max_turns)]
    taken: list[int] = []
    passed: list[int] = []
    for place, capacity in enumerate(capacities):
        if len(taken) == count:
            break
        if capacity < 1:
            continue
        counted = range(min(capacity, max_turns) - 1, max_turns)
        if all(room[turns] > 0 for turns in counted):
            taken.append(place)
            for turns in counted:
                room[turns] -= 1
        else:
            passed.append(place)
    passed.sort(key=lambda place: (-min(capacities[place], max_turns), place))
    return Choice(tuple(sorted(taken + passed[: count - len(taken)])), len(taken))


def edited_count(editable: int, all_images: int, unedited: int | None) -> int:
    """How many images to edit where all are wanted: all that can be, but for those to keep unedited.

    Args:
        editable: images that have regions.
        all_images: those and the ones without.
        unedited: how many to keep unedited; None for the usual share.
    """
    wanted = all_images // (EDITED_PER_UNEDITED + 1) if unedited is None else unedited
    kept_anyway = all_images - editable
    return max(editable - max(wanted - kept_anyway, 0), 0)


def unedited_wanted(options: PlanOptions, edited: int) -> int:
    """Photographs to keep unedited beside so many edited images."""
    return round(edited / EDITED_PER_UNEDITED) if options.unedited is None else options.unedited


def unedited_order(candidates: Iterable[tuple[str, str]], edited_bases: set[str], seed: int) -> list[str]:
    """In which order images are kept unedited: first those of photographs that nothing is edited of.

    A photograph that is edited and kept as it is would serve only one side of a held-out config.

    Args:
        candidates: name and photograph of each image that is not edited.
        edited_bases: the photographs of the images that are.
        seed: the plan's.
    """
    bases = dict(candidates)
    shuffled = in_order(bases, seed, "unedited")
    return sorted(shuffled, key=lambda image: bases[image] in edited_bases)
