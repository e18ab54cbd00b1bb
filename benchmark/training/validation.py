"""Computes a classifier's accuracy on the rows held out for validation, for the `plateau` schedule."""

from __future__ import annotations

import torch

from benchmark.data.dataset import decode
from benchmark.data.feed import as_images
from benchmark.data.preparation import LOAD_SIZE, shorten
from benchmark.models.baseline import Baseline, ClassificationBaseline


@torch.no_grad()
def validation_accuracy(baseline: Baseline, rows, device: torch.device | str, batch_size: int) -> float:
    """The share of rows on the right side of 0.5, resized as in training and cut to their centre.

    Raises:
        ValueError: there is no row: so few are in the train split that none was kept.
    """
    assert isinstance(baseline, ClassificationBaseline)
    baseline.eval()
    right = total = 0
    for batch in _batches(rows, batch_size):
        samples = [decode(row, "classification") for row in batch]
        pictures = [shorten(sample.image, round(baseline.side * LOAD_SIZE)) for sample in samples]
        for picture, sample in zip(pictures, samples, strict=True):
            called = bool(baseline(as_images(torch.tensor(picture)[None], device)) > 0)
            right += called == bool(sample.truth)
            total += 1
    if not total:
        raise ValueError("no row was kept for validation: the train split is too small for this recipe")
    return right / total


def _batches(rows, size: int):
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
