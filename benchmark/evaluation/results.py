"""Reads and writes result files: one JSON per detector, split and condition, with its scores and counts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from benchmark.evaluation.detector import Cost
from benchmark.metrics.classification import ClassificationScores
from benchmark.metrics.localization import Estimate
from benchmark.metrics.segmentation import SegmentationScores
from builder.encoding.json_document import JsonDocument
from builder.encoding.whole_file import write_whole

FORMAT = 1


@dataclass(frozen=True)
class Example:
    """A row with its prediction, for Figure 6.

    Attributes:
        id: the row's id.
        image, truth, prediction: file names, relative to the result file's folder.
    """

    id: str
    image: str
    truth: str
    prediction: str


@dataclass(frozen=True)
class Result:
    """The result of evaluating one detector under one condition.

    Attributes:
        detector, architecture, trained_on: the detector; see `detector.Detector`.
        dataset, config, split, task: the data that it was evaluated on.
        condition: name of the condition.
        size: side in pixels that images were resized to before the distortion; None if they were not.
        seed: seed of the distortions.
        scores: the metrics by name, with `confusion` as nested lists and undefined averages as None.
        by_turns: the same by number of edits, if the dataset records it.
        class_names: names of the rows and columns of `confusion`.
        examples: rows with their predictions.
        seconds: duration of the evaluation.
        versions: versions of the libraries.
        cost: what its network costs; None for other detectors.
        crop_misses: of classifications, from `centre_crop.centre_crop_misses`: edited images whose centre has no
            edited pixel, and all edited images.
        training_seed: of the detector's training; None where it is not known.
        revision: of the dataset; see `revision.dataset_revision`.
        estimates: name of a score of probabilities to its value and interval; empty where there are labels only.
        sdxl_by_pair: of `semantic` and `semantic-lora` when clean: key of `pairing.pair_key` to `pairing.Counts`.
        predictions: folder of each row's predicted label map as ID.png, relative to the result file's folder;
            None where they were not saved.
    """

    detector: str
    architecture: str | None
    trained_on: str | None
    dataset: str
    config: str
    split: str
    task: str
    condition: str
    size: int | None
    seed: int
    scores: dict
    by_turns: dict[str, dict]
    class_names: tuple[str, ...]
    examples: tuple[Example, ...]
    seconds: float
    versions: dict[str, str]
    cost: Cost | None = None
    crop_misses: tuple[int, int] | None = None
    training_seed: int | None = None
    revision: str | None = None
    estimates: dict[str, Estimate] = field(default_factory=dict)
    sdxl_by_pair: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    predictions: str | None = None

    @property
    def file_name(self) -> str:
        return (
            f"{plain_name(self.detector)}{seed_suffix(self.training_seed)}--{self.config}--{self.condition}.json"
        )


def seed_suffix(training_seed: int | None) -> str:
    """What tells the files of trainings with several seeds apart; empty for seed 0 and where it is not known."""
    return f"--seed-{training_seed}" if training_seed else ""


def plain_name(name: str) -> str:
    """A name that can be part of a file name."""
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in name)


def scores_as_dict(scores: SegmentationScores | ClassificationScores) -> dict:
    """Converts scores to values that JSON can hold."""
    return {name: _as_json(value) for name, value in asdict(scores).items()}


def _as_json(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def write_result(result: Result, out: str) -> str:
    """Writes a result into a folder; returns the file."""
    file = os.path.join(out, result.file_name)
    write_whole(file, _RESULT.dump(asdict(result)))
    return file


def read_result(file: str) -> Result:
    """A result from its file.

    Raises:
        FileNotFoundError, ValueError: the file does not exist, or is not a result file.
    """
    if not os.path.isfile(file):
        raise FileNotFoundError(f"{file}: there is no such result file")
    with open(file, "rb") as opened:
        return _RESULT.load(opened.read(), file)


def _result(fields: dict[str, Any]) -> Result:
    examples = tuple(Example(**example) for example in fields["examples"])
    cost = Cost(**fields["cost"]) if fields.get("cost") else None
    estimates = {name: Estimate(**estimate) for name, estimate in fields.get("estimates", {}).items()}
    parsed = {
        "examples": examples,
        "class_names": tuple(fields["class_names"]),
        "estimates": estimates,
        "cost": cost,
    }
    return Result(**fields | parsed)


_RESULT = JsonDocument("a result of diffseg30k evaluate", FORMAT, _result, "evaluate again")


def result_files(paths: Iterable[str]) -> list[str]:
    """The result files among files and folders; of a folder, those directly in it.

    Raises:
        FileNotFoundError: a path is not there, or a folder holds none.
    """
    files: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            inside = sorted(name for name in os.listdir(path) if name.endswith(".json") and "--" in name)
            if not inside:
                raise FileNotFoundError(f"{path} holds no result files: run diffseg30k evaluate --out {path}")
            files += [os.path.join(path, name) for name in inside]
        elif os.path.isfile(path):
            files.append(path)
        else:
            raise FileNotFoundError(f"{path}: there is no such file or folder of results")
    return files
