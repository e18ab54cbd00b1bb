"""The names of models and scores in the tables."""

from __future__ import annotations

from benchmark.evaluation.results import Result
from benchmark.tables import paper

SEGMENTATION = ("acc", "miou", "bf1")
CLASSIFICATION = ("acc", "map")
_HEADS = {"acc": "Acc", "miou": "mIoU", "bf1": "bF1", "map": "mAP"}


def model_name(result: Result) -> str:
    return paper.NAMES.get(result.architecture or "", result.detector)


def title_of(result: Result) -> str:
    name = model_name(result)
    return name if name == result.detector else f"{name} ({result.detector})"


def columns_of(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_HEADS[name] for name in names)
