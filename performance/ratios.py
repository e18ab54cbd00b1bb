"""Times two functions alternately and compares their ratio with a goal."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A ratio and its goal.

    Attributes:
        name: what is compared with what.
        ratio: the median over the rounds.
        goal: the bound.
        at_most: the bound is an upper one; else a lower one.
        detail: what was measured, with units.
    """

    name: str
    ratio: float
    goal: float
    at_most: bool
    detail: str

    @property
    def holds(self) -> bool:
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    def __str__(self) -> str:
        bound = f"{'at most' if self.at_most else 'at least'} {self.goal:g}"
        return f"{'ok  ' if self.holds else 'MISS'} {self.name}: {self.ratio:.3f} ({bound}); {self.detail}"


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turn(one: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Times two things one after the other, `rounds` times after a round that does not count.

    Returns:
        The median of the rounds' ratios one / other, and the median seconds of each.
    """
    one(), other()
    times = [(seconds(one), seconds(other)) for _ in range(rounds)]
    ratio = statistics.median(first / second for first, second in times)
    return ratio, statistics.median(first for first, _ in times), statistics.median(second for _, second in times)
