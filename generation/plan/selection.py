"""Chooses the images to edit and the photographs to keep unedited."""

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
        regions: its regions; empty if it can only be kept unedited.
    """

    image: str
    base_id: str
    regions: tuple[Region, ...]


def in_order(images: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Shuffles images by a hash of name, seed and purpose, so that other images do not change their relative
    order."""
    return sorted(images, key=lambda image: (derived_seed(seed, purpose, image), image))


def turn_targets(images: int, max_turns: int, ratio: Sequence[float] = TURN_RATIO) -> list[int]:
    """Numbers of images that should have one, two, ... turns, in the given ratio; the remainder gets the most
    turns.

    Images that would get more than `max_turns` turns get `max_turns`.
    """
    shares = [*ratio[: max_turns - 1], sum(ratio[max_turns - 1 :])]
    targets: list[int] = []
    for share in shares[:-1]:
        targets.append(min(round(images * share / sum(ratio)), images - sum(targets)))
    return [*targets, images - sum(targets)]


@dataclass(frozen=True)
class Choice:
    """Which of the images examined so far are edited.

    Attributes:
        edited: indices into the sequence that was chosen from.
        settled: how many of them are final: no further image could replace them.
    """

    edited: tuple[int, ...]
    settled: int


@dataclass(frozen=True)
class Edited:
    """The candidates that are chosen to be edited.

    Attributes:
        candidates: in the order of preference.
        missing: how many more candidates should be examined before choosing again; 0 if this choice is final.
    """

    candidates: tuple[Candidate, ...]
    missing: int


def max_turns(options: PlanOptions) -> int:
    """The largest number of turns of an image, at most the number of generators: each edits an image once."""
    return min(MAX_TURNS, len(options.generators))


def choose_edited(candidates: Iterable[Candidate], options: PlanOptions, unseen: int = 0) -> Edited:
    """Chooses the images to edit. No other function decides this.

    Args:
        candidates: images whose regions are known, in any order.
        options: the plan's options.
        unseen: number of further images whose regions are not known yet.
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
    """Chooses among images in the order of preference, so that the ratio of turns can be kept.

    An image with few regions is skipped once as many of its kind are chosen as the ratio allows; skipped images
    are used only if no others remain.

    Args:
        capacities: largest possible number of turns of each image, in the order of preference.
        count: number of images to choose.
        max_turns: largest number of turns of an image.
        ratio: ratio of images with one, two and three turns.
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
    """Number of images to edit without a given count: all with regions, but for those needed unedited.

    Args:
        editable: number of images with regions.
        all_images: number of images with and without regions.
        unedited: number of images to keep unedited; None for one per six edited.
    """
    wanted = all_images // (EDITED_PER_UNEDITED + 1) if unedited is None else unedited
    kept_anyway = all_images - editable
    return max(editable - max(wanted - kept_anyway, 0), 0)


def unedited_wanted(options: PlanOptions, edited: int) -> int:
    """Number of photographs to keep unedited, for `edited` edited images."""
    return round(edited / EDITED_PER_UNEDITED) if options.unedited is None else options.unedited


def unedited_order(candidates: Iterable[tuple[str, str]], edited_bases: set[str], seed: int) -> list[str]:
    """The order in which images are kept unedited: first those of photographs with no edited image.

    A photograph that is both edited and kept unedited could be used on only one side of a held-out config.

    Args:
        candidates: name and photograph id of each unedited image.
        edited_bases: photograph ids of the edited images.
        seed: the plan's seed.
    """
    bases = dict(candidates)
    shuffled = in_order(bases, seed, "unedited")
    return sorted(shuffled, key=lambda image: bases[image] in edited_bases)
