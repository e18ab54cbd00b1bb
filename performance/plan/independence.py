"""How even plans are, and how independent of each other edit types, generators and turns.

    python -m performance.plan.independence [IMAGES ...]

Prints the worst of ten seeds for each number of images.
"""

import itertools
import math
import sys
from collections import Counter
from collections.abc import Hashable, Iterable

from builder.run.planned_edit import PlannedEdit
from diffseg30k import EDIT_TYPES, GENERATORS
from generation.plan.draw import make_plan
from generation.plan.options import PlanOptions
from performance.plan.planning import SETTINGS, SIDE, candidates

SIZES = (800, 2_400, 10_000, 30_000, 60_000)
SEEDS = range(10)
HEADINGS = (
    "images",
    "generators of a turn apart",
    "edit types apart",
    "pairs of types off",
    "triples of types off",
    "type and generator, bits",
    "type and turn, bits",
    "generator and turn, bits",
    "pairs of generators off",
)


def main() -> None:
    print("| " + " | ".join(HEADINGS) + " |\n| " + " | ".join(["---:"] * len(HEADINGS)) + " |")
    for size in map(int, sys.argv[1:] or SIZES):
        worst = [max(column) for column in zip(*(measure(size, seed) for seed in SEEDS), strict=True)]
        print(
            f"| {size:,} | {worst[0]} | {worst[1]} | {worst[2]:.1%} | {worst[3]:.1%} | "
            + " | ".join(f"{bits:.5f}" for bits in worst[4:7])
            + f" | {worst[7]:.1%} |",
            flush=True,
        )


def measure(size: int, seed: int) -> tuple[float, ...]:
    plan = make_plan(candidates(round(size * 7 / 6)), PlanOptions(SIDE, seed, SETTINGS, count=size))
    edits = sorted(plan.edits, key=lambda edit: (edit.image, edit.turn))
    images = [tuple(group) for _, group in itertools.groupby(edits, key=lambda edit: edit.image)]
    two = [edit_types(image)[:2] for image in images if len(image) > 1]
    three = [edit_types(image) for image in images if len(image) > 2]
    return (
        max(apart((edit.generator for edit in edits if edit.turn == turn), GENERATORS) for turn in (1, 2, 3)),
        apart((edit.edit_type for edit in edits), EDIT_TYPES),
        furthest(two, 2),
        furthest(three, 3),
        information((edit.edit_type, edit.generator) for edit in edits),
        information((edit.edit_type, edit.turn) for edit in edits),
        information((edit.generator, edit.turn) for edit in edits),
        furthest_pair(images),
    )


def edit_types(image: tuple[PlannedEdit, ...]) -> tuple[str, ...]:
    return tuple(edit.edit_type for edit in image)


def apart(found: Iterable[str], possible: Iterable[str]) -> int:
    """The largest count less the smallest."""
    counts = Counter(found)
    numbers = [counts[each] for each in possible]
    return max(numbers) - min(numbers)


def furthest(found: list[tuple[str, ...]], length: int) -> float:
    """How far a combination lies from an even share at most, relative to that share."""
    counts = Counter(found)
    even = len(found) / len(EDIT_TYPES) ** length
    return max(abs(counts[each] / even - 1) for each in itertools.product(EDIT_TYPES, repeat=length))


def furthest_pair(images: list[tuple[PlannedEdit, ...]]) -> float:
    """The same for a generator and the next in its image, which is always another one."""
    counts = Counter(
        (one.generator, after.generator) for image in images for one, after in itertools.pairwise(image)
    )
    pairs = list(itertools.permutations(GENERATORS, 2))
    even = counts.total() / len(pairs)
    return max(abs(counts[each] / even - 1) for each in pairs)


def information(pairs: Iterable[tuple[Hashable, Hashable]]) -> float:
    """Mutual information of two values, in bits."""
    joint = Counter(pairs)
    left, right = Counter[Hashable](), Counter[Hashable]()
    for (one, other), count in joint.items():
        left[one] += count
        right[other] += count
    total = joint.total()
    terms = ((count, count * total / (left[one] * right[other])) for (one, other), count in joint.items())
    return sum(count / total * math.log2(ratio) for count, ratio in terms)


if __name__ == "__main__":
    main()
