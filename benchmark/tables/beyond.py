"""The tables beyond the paper's: one evaluation, scores by number of edits and with intervals, and costs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.evaluation.results import Result, read_result
from benchmark.tables.layout import OURS, Row, Table
from benchmark.tables.lookup import Results
from benchmark.tables.names import CLASSIFICATION, SEGMENTATION, columns_of, title_of


def results_table(files: Sequence[str]) -> Table:
    """The scores of one evaluation, a row a condition.

    Args:
        files: its result files.
    """
    found = [read_result(file) for file in files]
    first = found[0]
    names = CLASSIFICATION if first.task == "classification" else SEGMENTATION
    shown = [name for name in _ESTIMATES if any(name in each.estimates for each in found)]
    rows = [
        Row(OURS, (each.condition, f"{each.scores['images']:,}"),
            (*(each.scores[name] for name in names), *(_value(each, name) for name in shown)))
        for each in found
    ]  # fmt: skip
    return Table(
        "results", f"{title_of(first)} on {first.config}, {first.split}", ("Condition", "Images"), (),
        (*columns_of(names), *(_ESTIMATES[name] for name in shown)), tuple(rows),
    )  # fmt: skip


def _value(result: Result, name: str) -> float | None:
    return result.estimates[name].value if name in result.estimates else None


_ESTIMATES = {
    "pixel_f1": "Pixel F1 at 0.5",
    "pixel_iou": "Pixel IoU at 0.5",
    "pixel_best_f1": "Pixel F1, best threshold",
    "pixel_best_iou": "Pixel IoU, best threshold",
    "pixel_auc": "Pixel AUC",
    "image_auc": "Image AUC",
}


def costs(results: Results) -> Table:
    """An additional table: parameters and operations of the networks."""
    networks = {title_of(each): each.cost for each in results if each.cost}
    rows = [
        Row(OURS, (name, f"{cost.side}"), (cost.parameters / 1e6, cost.flops / 1e9))
        for name, cost in networks.items()
    ]
    return Table(
        "costs", "Beyond the paper: what the networks cost", ("Model", "Side"), (),
        ("Parameters, million", "Operations, billion"), tuple(rows),
        ("Operations for one image of that side; a multiplication and an addition are two.",),
    )  # fmt: skip


def with_intervals(results: Results) -> Table:
    """An additional table: the scores of probabilities with their 95 % intervals, without rows of the paper."""
    rows = [
        Row(
            OURS,
            (title_of(result), result.config, result.condition, _ESTIMATES[name], f"{estimate.images:,}"),
            (estimate.value, estimate.low, estimate.high),
        )
        for result in results
        for name, estimate in result.estimates.items()
    ]
    return Table(
        "with-intervals", "Beyond the paper: scores of probabilities",
        ("Model", "Config", "Condition", "Score", "Images"), (("", 1), ("95 % interval", 2)),
        ("Value", "from", "to"), tuple(rows),
        ("Pixel scores are means over the images with edited pixels. The intervals are a bootstrap over images.",)
        if rows else ("No detector gave probabilities.",),
    )  # fmt: skip


def by_number_of_edits(results: Results) -> Table:
    """An additional table: segmentation scores of images with one, two and three edits, without rows of the
    paper."""
    rows = [
        Row(OURS, (title_of(result), result.config, turns), tuple(scores[name] for name in SEGMENTATION))
        for result, _ in results.figures_of()
        for turns, scores in result.by_turns.items()
        if turns != "0"
    ]
    return Table(
        "by-number-of-edits", "Beyond the paper: segmentation by number of edits",
        ("Model", "Config", "Edits"), (),
        columns_of(SEGMENTATION), tuple(rows),
    )  # fmt: skip
