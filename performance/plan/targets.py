"""Simulates `build --target`: how often the target is reached, and how far what is kept is off the plan.

    python -m performance.plan.targets [SEEDS]

Plans are real, of candidates with three to five regions; in place of edits chance decides what is accepted.
"""

import dataclasses
import random
import statistics
import sys
import time

import numpy as np

from builder.run.planned_edit import encode_region
from generation.generators.settings import GeneratorSettings
from generation.plan.draw import plan_edits
from generation.plan.options import PlanOptions
from generation.plan.selection import Candidate, choose_edited
from generation.plan.shares import apportion
from generation.prepare.acceptance import PlannedImage, Wanted, is_reached, next_round, tally, wanted_images
from generation.prepare.rounds import given_up
from generation.prepare.surplus import kept_images
from generation.regions.annotations import Region

RATES = (0.15, 0.5, 0.9)
TARGETS = (10, 100, 1500)
GENERATORS = ("sd2", "sd3.5", "sdxl", "flux.1", "glide", "kolors", "hunyuandit1.1", "kandinsky2.2")
OBJECTS = ("dog", "cup", "car", "bench", "kite")
SIDE = 64
GENERATED_SHARE = 0.5
OPTIONS = PlanOptions(64, 0, tuple(GeneratorSettings(name, f"tiny/{name}", None, 4, 1.0) for name in GENERATORS))


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print("| accepted | wanted | reached | rounds | planned × rate / wanted | turns off | bases off | seconds |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for rate in RATES:
        for target in TARGETS:
            started = time.monotonic()
            found = [simulate(target, rate, seed) for seed in range(seeds)]
            reached = sum(one.reached for one in found)
            effort = statistics.mean(one.planned * rate / target for one in found)
            rounds = statistics.mean(one.rounds for one in found)
            turns, bases = (max(getattr(one, name) for one in found) for name in ("turns_off", "bases_off"))
            print(
                f"| {rate:.0%} | {target} | {reached} of {seeds} | {rounds:.1f} | {effort:.2f} | {turns} | "
                f"{bases} | {time.monotonic() - started:.0f} |",
                flush=True,
            )


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One simulated call: whether it got all, its rounds and images, and its largest distances to the plan."""

    reached: bool
    rounds: int
    planned: int
    turns_off: int
    bases_off: int


def simulate(target: int, rate: float, seed: int) -> Outcome:
    rng = random.Random(f"{target} {rate} {seed}")
    options = dataclasses.replace(OPTIONS, seed=seed)
    wanted = wanted_images(options, target, GENERATED_SHARE)
    images = plan(dataclasses.replace(options, count=target), GENERATED_SHARE, "round 1", rate, rng)
    rounds = 1
    while given_up(images, wanted) is None and not is_reached([one for one in images if one.accepted], wanted):
        again, share = next_round(options, images, wanted)
        rounds += 1
        images += plan(again, share, f"round {rounds}", rate, rng)
    return outcome(images, wanted, seed, rounds)


def plan(options: PlanOptions, share: float, run: str, rate: float, rng: random.Random) -> list[PlannedImage]:
    """The images of a round, each accepted by chance."""
    count, regions = options.count or 0, [_region(number) for number in range(len(OBJECTS))]
    candidates = [Candidate(f"{run}-{n:05d}", f"{n}", regions[: 3 + n % 3]) for n in range(count)]
    generated = {one.image for one in rng.sample(candidates, apportion(count, (share, 1 - share))[0])}
    by_image: dict[str, list] = {}
    for edit in plan_edits(choose_edited(candidates, options).candidates, options):
        by_image.setdefault(edit.image, []).append(edit)
    return [
        PlannedImage(
            run,
            image,
            tuple(edit.generator for edit in edits),
            tuple(edit.edit_type for edit in edits),
            image in generated,
            rng.random() < rate,
        )
        for image, edits in by_image.items()
    ]


def _region(number: int) -> Region:
    """A band of the image."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[12 * number : 12 * number + 8] = True
    return Region(OBJECTS[number], "", encode_region(mask), float(mask.mean()))


def outcome(images: list[PlannedImage], wanted: Wanted, seed: int, rounds: int) -> Outcome:
    kept = tally(kept_images([one for one in images if one.accepted], wanted, seed))
    off = [abs(kept.turns[turns] - number) for turns, number in enumerate(wanted.turns, start=1)]
    return Outcome(
        kept.images == wanted.images, rounds, len(images), max(off), abs(kept.generated - wanted.generated)
    )


if __name__ == "__main__":
    main()
