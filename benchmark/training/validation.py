"""Scores a baseline in training on the rows kept for validation: the mean loss, and mIoU or accuracy.

Each process scores a part of the rows. The counts of all are added, so that every process has the same scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import datasets
import numpy as np
import torch

from benchmark.data.dataset import Sample, decode
from benchmark.data.feed import as_images
from benchmark.data.preparation import LOAD_SIZE, resize_image, resize_mask, shorten
from benchmark.metrics.confusion import confusion_matrix
from benchmark.metrics.segmentation import mean_iou
from benchmark.models.baseline import Baseline, ClassificationBaseline, SegmentationBaseline, pixel_loss
from benchmark.models.registry import ModelSpec


@dataclass(frozen=True)
class Validation:
    """The scores of a validation.

    Attributes:
        loss: the mean over the images.
        measure: `mIoU`: of the classes in the truth, without background; `accuracy`: share of images on the right
            side of 0.5.
        score: the measure, 0 to 1.
        images: how many were scored, by all processes together.
    """

    loss: float
    measure: str
    score: float
    images: int


@dataclass(frozen=True)
class Share:
    """Which part of the rows a process scores, and how the parts are added.

    Attributes:
        rank, processes: number of this process, and of all.
        add: the sum of a tensor over all processes.
    """

    rank: int = 0
    processes: int = 1
    add: Callable[[torch.Tensor], torch.Tensor] = lambda counts: counts


@torch.no_grad()
def validate(
    baseline: Baseline,
    rows,
    spec: ModelSpec,
    device: torch.device | str,
    batch_size: int,
    share: Share | None = None,
) -> Validation:
    """Scores a baseline on rows that are prepared as in training but for its chance: no crop, blur or mirroring.

    Segmentation is scored at the side of the training images; classifiers see the centre.

    Args:
        rows: all rows that are kept for validation, as `dataset.load_rows` gives them.
        batch_size: images at a time, of segmentation.

    Raises:
        ValueError: there is no row.
    """
    share = share or Share()
    baseline.eval()
    samples = (decode(row, spec.task) for row in _part(rows, share))
    if isinstance(baseline, ClassificationBaseline):
        counts = share.add(_classified(baseline, samples, device))
    else:
        assert isinstance(baseline, SegmentationBaseline)
        counts = share.add(_segmented(baseline, samples, spec, device, batch_size))
    images = int(counts[0])
    if not images:
        raise ValueError("no row was kept for validation: the train split is too small, or --validation-share is")
    loss, rest = float(counts[1]) / images, counts[2:].cpu().numpy()
    if spec.task == "classification":
        return Validation(loss, "accuracy", float(rest[0]) / images, images)
    classes = round(len(rest) ** 0.5)
    return Validation(loss, "mIoU", mean_iou(rest.reshape(classes, classes)) or 0.0, images)


def _part(rows, share: Share) -> Iterable[dict]:
    if isinstance(rows, datasets.Dataset):
        return rows.select(range(share.rank, len(rows), share.processes))
    return islice(rows, share.rank, None, share.processes)


def _classified(
    baseline: ClassificationBaseline, samples: Iterable[Sample], device: torch.device | str
) -> torch.Tensor:
    """(3,) float64: images, the sum of their losses, and how many are right."""
    counts = torch.zeros(3, dtype=torch.float64, device=device)
    for sample in samples:
        picture = shorten(sample.image, round(baseline.side * LOAD_SIZE))
        truth = torch.tensor([int(sample.truth)], dtype=torch.float32, device=device)
        logit = baseline(as_images(torch.tensor(picture)[None], device)).float()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, truth)
        counts += torch.stack([torch.ones_like(loss), loss, ((logit > 0) == (truth > 0)).float()[0]])
    return counts


def _segmented(
    baseline: SegmentationBaseline,
    samples: Iterable[Sample],
    spec: ModelSpec,
    device: torch.device | str,
    batch_size: int,
) -> torch.Tensor:
    """(2 + C * C,) float64: images, the sum of their losses, and the confusion matrix in pixels."""
    counts = torch.zeros(2 + spec.classes**2, dtype=torch.float64, device=device)
    for batch in _batches(samples, batch_size):
        images = [resize_image(sample.image, spec.size, spec.size) for sample in batch]
        masks = [resize_mask(np.asarray(sample.truth), spec.size, spec.size) for sample in batch]
        truths = torch.from_numpy(np.stack(masks)).to(device)
        logits = baseline(as_images(torch.from_numpy(np.stack(images)), device))
        counts[0] += len(batch)
        counts[1] += pixel_loss(logits, truths, baseline.summed_loss) * len(batch)
        found = confusion_matrix(truths, logits.argmax(1), spec.classes)
        counts[2:] += torch.from_numpy(found.ravel()).to(counts)
    return counts


def _batches(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    iterator = iter(samples)
    while batch := list(islice(iterator, size)):
        yield batch
