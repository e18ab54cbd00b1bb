"""Looks up results of evaluations by detector, config and condition."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from benchmark.data.distortions import CLEAN, TABLE_3
from benchmark.evaluation.results import Result, read_result
from benchmark.tables.layout import Value, over_seeds

Key = tuple[str, str, str]


class Results:
    """Looks up results by detector, config and condition; trainings of one detector may differ in their seeds.

    Raises:
        ValueError: two files have results of the same detector, seed, config and condition.
    """

    def __init__(self, files: Iterable[str]):
        self._by_key: dict[Key, dict[int | None, Result]] = {}
        self._files: dict[tuple[Key, int | None], str] = {}
        for file in files:
            result = read_result(file)
            key, seed = (result.detector, result.config, result.condition), result.training_seed
            before = self._files.get((key, seed))
            if before and os.path.realpath(before) != os.path.realpath(file):
                raise ValueError(f"{before} and {file} are results of the same detector, config and condition")
            self._by_key.setdefault(key, {})[seed] = result
            self._files[key, seed] = file

    def __iter__(self) -> Iterator[Result]:
        """The results; of several seeds the first one's."""
        return iter(next(iter(each.values())) for each in self._by_key.values())

    @property
    def most_seeds(self) -> int:
        """The largest number of trainings of one detector."""
        return max(map(len, self._by_key.values()), default=0)

    def detectors(self, *configs: str) -> list[Result]:
        """One result for each detector that was evaluated on one of the configs, in the order of the files."""
        found: dict[str, Result] = {}
        for result in self:
            if result.config in configs:
                found.setdefault(result.detector, result)
        return list(found.values())

    def conditions(self, detector: str, *configs: str) -> list[str]:
        """The conditions that a detector was evaluated under: the paper's in its order, then the others."""
        found = dict.fromkeys(key[2] for key in self._by_key if key[0] == detector and key[1] in configs)
        return [name for name in TABLE_3 if name in found] + [name for name in found if name not in TABLE_3]

    def get(self, detector: str, config: str, condition: str = CLEAN) -> dict[int | None, Result]:
        """Seed of the training to result; None for a detector whose training is not known."""
        return self._by_key.get((detector, config, condition), {})

    def values(self, names: tuple[str, ...], *key: str) -> tuple[Value, ...]:
        """The scores with the given names, over the seeds; None for each if there is no such result."""
        found = self.get(*key).values()
        return tuple(over_seeds([result.scores[name] for result in found]) for name in names)

    def figures_of(self, condition: str = CLEAN) -> list[tuple[Result, str]]:
        """The segmentation results under a condition, of several seeds the first one's, with their files."""
        return [
            (result, self._files[(result.detector, result.config, condition), result.training_seed])
            for result in self
            if result.condition == condition and result.task != "classification"
        ]
