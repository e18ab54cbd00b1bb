"""Trains and evaluates detectors by the paper's protocol, and writes the paper's tables and figures.

The input is a packed dataset. Public functions: `train`, `evaluate`, `write_tables`; and the classes of metrics.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "ClassificationMetrics": "benchmark.metrics.classification",
    "SegmentationMetrics": "benchmark.metrics.segmentation",
    "evaluate": "benchmark.evaluation.evaluate",
    "train": "benchmark.training.train",
    "write_tables": "benchmark.tables.tables",
}

__all__ = ["ClassificationMetrics", "SegmentationMetrics", "evaluate", "train", "write_tables"]


def __getattr__(name: str) -> Any:
    """Imports what is offered when it is first used, so that importing the package stays quick.

    Raises:
        ModuleNotFoundError: what it needs is not installed; the message names the extra.
    """
    if name in _PLACES:
        try:
            return getattr(import_module(_PLACES[name]), name)
        except ModuleNotFoundError as error:
            message = f"{error.name} is not installed: pip install 'diffseg30k[benchmark]'"
            raise ModuleNotFoundError(message, name=error.name) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
