"""Orders the regions of an image so that no edit lies on what an earlier edit took away.

A removal and an addition take the whole object away, with all that it wore or held: a tie is no region any more
after its wearer was removed.
"""

from collections.abc import Sequence
from itertools import permutations

from generation.regions.annotations import Region

PART = 0.5
"""Share of a region inside a larger one from which on it counts as a part of that."""

TAKING_AWAY = frozenset({"removal", "addition"})
"""The edit types after which the object is not there any more."""


def parts_first(regions: Sequence[Region], edit_types: Sequence[str], side: int) -> list[Region]:
    """The regions in an order in which none follows a removal or addition of an object that it is a part of.

    The edit types stay where they are. The given order is kept if it is one of these; there always is one, since
    a part is smaller than its whole.

    Args:
        regions: in the order of their turns.
        edit_types: the edit type of each turn.
        side: height and width of the masks, in pixels.
    """
    if not TAKING_AWAY.intersection(edit_types[:-1]):
        return list(regions)
    parts = _parts(regions, side)
    if not parts:
        return list(regions)
    gone = [edit_type in TAKING_AWAY for edit_type in edit_types]
    for order in permutations(range(len(regions))):
        pairs = ((first, later) for first in range(len(order)) for later in range(first + 1, len(order)))
        if not any(gone[first] and (order[later], order[first]) in parts for first, later in pairs):
            return [regions[place] for place in order]
    raise AssertionError("unreachable: the smallest first is such an order")


def _parts(regions: Sequence[Region], side: int) -> set[tuple[int, int]]:
    """Pairs of places: the first region is a part of the second."""
    from pycocotools import mask as coco_mask

    runs = [{"size": [side, side], "counts": region.mask.encode("ascii")} for region in regions]
    # with `iscrowd` it is the share of each first region that lies inside the second
    inside = coco_mask.iou(runs, runs, [1] * len(runs))
    return {
        (part, whole)
        for part in range(len(regions))
        for whole in range(len(regions))
        if regions[part].area < regions[whole].area and inside[part][whole] >= PART
    }
