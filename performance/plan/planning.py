"""Measures the planning time per edit as the plan grows.

    python -m performance.plan.planning

Candidates are synthetic: five regions each, and as many photographs more as are kept unedited.
"""

from functools import partial

import numpy as np

from builder.run.planned_edit import encode_region
from diffseg30k import GENERATORS
from generation.plan.draw import make_plan
from generation.plan.options import GeneratorSettings, PlanOptions
from generation.plan.selection import Candidate
from generation.regions.annotations import Region
from performance.ratios import Result, in_turn, seconds

SIDE = 64
OBJECTS = (("person", "person"), ("cat", "animal"), ("car", "vehicle"), ("cup", "kitchen"), ("kite", "sports"))
EDITS_AN_IMAGE = 2.4
"""One, two and three turns as 1:4:5."""

EDITS = (10_000, 100_000)
LARGE = 300_000
"""Images of a plan that is to be made within `LARGE_SECONDS`."""

LARGE_SECONDS = 120.0
ROUNDS = 3
SETTINGS = tuple(GeneratorSettings(name, f"tiny/{name}", None, steps=2, guidance=4.5) for name in GENERATORS)


def results() -> list[Result]:
    return [growth(), large()]


def growth() -> Result:
    """Seconds of a large plan over those of as many small ones as hold the same edits."""
    small, big = (round(edits / EDITS_AN_IMAGE) for edits in EDITS)
    times = EDITS[1] // EDITS[0]
    plan_small = planner(small)
    ratio, many, few = in_turn(planner(big), lambda: [plan_small() for _ in range(times)] and None, ROUNDS)
    return Result(
        f"planning an edit of {EDITS[1]:,} / of {EDITS[0]:,}",
        ratio,
        1.2,
        True,
        f"{many:.2f} s and {few:.2f} s for {times} of the small ones",
    )


def large() -> Result:
    """A plan ten times the paper's, against what it may take on the machine at hand."""
    took = seconds(planner(LARGE))
    return Result(
        f"planning {LARGE:,} images / {LARGE_SECONDS:.0f} s", took / LARGE_SECONDS, 1.0, True, f"{took:.1f} s"
    )


def planner(images: int) -> partial:
    """Plans so many edited images when it is called."""
    return partial(make_plan, candidates(round(images * 7 / 6)), PlanOptions(SIDE, 0, SETTINGS, count=images))


def candidates(count: int) -> list[Candidate]:
    regions = tuple(_region(number) for number in range(len(OBJECTS)))
    return [Candidate(f"image-{number}", f"image-{number}", regions) for number in range(count)]


def _region(number: int) -> Region:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[number : number + 16, : 16 + number] = True
    return Region(*OBJECTS[number], encode_region(mask), float(mask.mean()))


if __name__ == "__main__":
    for result in results():
        print(result)
