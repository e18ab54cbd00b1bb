"""Looks up results of evaluations by detector, config and condition."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from benchmark.data.distortions import TABLE_3
from benchmark.evaluation.results import Result, read_result


class Results:
    """Looks up results by detector, config and condition.

    Raises:
        ValueError: two files have results of the same detector, config and condition.
    """

    def __init__(self, files: Iterable[str]):
        self._by_key: dict[tuple[str, str, str], Result] = {}
        self.files: dict[tuple[str, str, str], str] = {}
        for file in files:
            result = read_result(file)
            key = result.detector, result.config, result.condition
            if key in self.files and os.path.realpath(self.files[key]) != os.path.realpath(file):
                raise ValueError(
                    f"{self.files[key]} and {file} are results of the same detector, config and condition"
                )
            self._by_key[key], self.files[key] = result, file

    def detectors(self, *configs: str) -> list[Result]:
        """One result for each detector that was evaluated on one of the configs, in the order of the files."""
        found: dict[str, Result] = {}
        for (detector, config, _), result in self._by_key.items():
            if config in configs:
                found.setdefault(detector, result)
        return list(found.values())

    def conditions(self, detector: str, *configs: str) -> list[str]:
        """The conditions that a detector was evaluated under: the paper's in its order, then the others."""
        found = dict.fromkeys(key[2] for key in self._by_key if key[0] == detector and key[1] in configs)
        return [name for name in TABLE_3 if name in found] + [name for name in found if name not in TABLE_3]

    def __iter__(self) -> Iterator[Result]:
        return iter(self._by_key.values())

    def get(self, detector: str, config: str, condition: str = "clean") -> Result | None:
        return self._by_key.get((detector, config, condition))

    def values(self, names: tuple[str, ...], *key: str) -> tuple[float | None, ...]:
        """The scores with the given names; None for each if there is no such result."""
        result = self.get(*key)
        return tuple(result.scores[name] if result else None for name in names)

    def figures_of(self, condition: str = "clean") -> list[tuple[Result, str]]:
        """The segmentation results under a condition, with their files."""
        return [
            (result, self.files[key])
            for key, result in self._by_key.items()
            if key[2] == condition and result.task != "classification"
        ]
