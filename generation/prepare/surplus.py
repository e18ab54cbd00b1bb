"""Chooses, where more images were accepted than wanted, those that are kept: the ones that balance the whole."""

import random
from collections import Counter
from collections.abc import Hashable, Sequence

from diffseg30k import derived_seed
from generation.prepare.acceptance import PlannedImage, Wanted, generated_range

LOOKED_AT = 400
"""Images compared for each one that is left out: the time grows with the images, not with their square."""


def kept_images(accepted: Sequence[PlannedImage], wanted: Wanted, seed: int) -> list[PlannedImage]:
    """The images that are kept: at most `wanted.images`, with the wanted numbers of turns as far as there are any.

    Within a number of turns and a kind of base image those are left out whose generators and edit types are the
    most frequent.

    Args:
        accepted: accepted images, in any order.
        wanted: the wanted numbers.
        seed: of the draws among equals.
    """
    if len(accepted) <= wanted.images:
        return list(accepted)
    rng = random.Random(derived_seed(seed, "surplus"))
    ordered = sorted(accepted, key=lambda image: (image.run, image.image))
    cells: dict[tuple[int, bool], list[PlannedImage]] = {}
    for image in ordered:
        cells.setdefault((image.turns, image.generated), []).append(image)
    sizes = _cell_sizes(ordered, wanted)
    counts = Counter(key for image in ordered for key in _keys(image))
    shares = _shares(ordered, wanted)
    for cell, images in sorted(cells.items()):
        for _ in range(len(images) - sizes[cell]):
            places = range(len(images))
            looked_at = places if len(images) <= LOOKED_AT else rng.sample(places, LOOKED_AT)
            place = max(looked_at, key=lambda place: (_excess(images[place], counts, shares), rng.random()))
            counts.subtract(_keys(images.pop(place)))
    return [image for images in cells.values() for image in images]


def _keys(image: PlannedImage) -> list[Hashable]:
    return [*enumerate(image.generators, start=1), *image.edit_types]


def _shares(images: Sequence[PlannedImage], wanted: Wanted) -> dict[Hashable, float]:
    """The number of edits that each generator at each turn, and each edit type, has in a balanced whole."""
    names = {name for image in images for name in image.generators}
    types = {name for image in images for name in image.edit_types}
    shares: dict[Hashable, float] = {
        (turn, name): sum(wanted.turns[turn - 1 :]) / len(names)
        for turn in range(1, len(wanted.turns) + 1)
        for name in names
    }
    edits = sum(turns * number for turns, number in enumerate(wanted.turns, start=1))
    return shares | {name: edits / len(types) for name in types}


def _excess(image: PlannedImage, counts: Counter[Hashable], shares: dict[Hashable, float]) -> float:
    """How much the squared distance to the shares falls if the image is left out."""
    return sum(2 * (counts[key] - shares[key]) - 1 for key in _keys(image))


def _cell_sizes(accepted: Sequence[PlannedImage], wanted: Wanted) -> Counter[tuple[int, bool]]:
    """The number of images that are kept, by number of turns and whether the base image is generated."""
    there = Counter((image.turns, image.generated) for image in accepted)
    least, most = generated_range(accepted, wanted)
    sizes: Counter[tuple[int, bool]] = Counter()
    more = min(max(wanted.generated, least), most) - least
    for turns, number in enumerate(wanted.turns, start=1):
        photographs, generated = there[turns, False], there[turns, True]
        first = max(0, min(number - photographs, generated))
        extra = min(more, min(number, generated) - first)
        more -= extra
        sizes[turns, True] = first + extra
        sizes[turns, False] = min(photographs, number - first - extra)
    # where one number of turns is short, images with more turns take the place
    for cell in sorted(there, key=lambda cell: (-cell[0], cell[1])):
        sizes[cell] += min(there[cell] - sizes[cell], wanted.images - sizes.total())
    return sizes
