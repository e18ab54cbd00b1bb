"""The metrics against libraries used directly for the same numbers, on 512x512 maps of nine classes.

    python -m performance.benchmark.metrics

Every contender gets the same uint8 maps and has to return the same numbers. One thread each.
"""

import math
from collections.abc import Callable

import numpy as np
import scipy.ndimage as ndimage
import scipy.sparse
import skimage.metrics
import skimage.morphology
import sklearn.metrics
import torch
from scipy.spatial import cKDTree
from sklearn.neighbors import KDTree
from torchmetrics.functional.classification import multiclass_confusion_matrix
from torchmetrics.functional.segmentation.utils import mask_edges

from benchmark.metrics import boundary_f1, confusion_matrix
from benchmark.metrics.boundary import TOLERANCE
from performance.ratios import Result, in_turn

SIDE, CLASSES, ROUNDS = 512, 9, 11
CROSS = ndimage.generate_binary_structure(2, 1)
Contender = Callable[[np.ndarray, np.ndarray], np.ndarray]


def label_map(seed: int) -> np.ndarray:
    """(512, 512) uint8: one ellipse of each of the eight classes."""
    rng = np.random.default_rng(seed)
    y, x = np.ogrid[:SIDE, :SIDE]
    labels = np.zeros((SIDE, SIDE), np.uint8)
    for label in range(1, CLASSES):
        (cy, cx), (ry, rx) = rng.integers(0, SIDE, 2), rng.integers(30, 120, 2)
        labels[((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1] = label
    return labels


def shifted(labels: np.ndarray) -> np.ndarray:
    """A fair prediction: most of it right, some boundaries off by more than the tolerance."""
    return np.where(np.arange(SIDE)[:, None] < SIDE // 2, np.roll(labels, 4, axis=1), np.roll(labels, 9, axis=0))


# ── Confusion matrices ────────────────────────────────────────────────────────────────────────────


def by_scipy_sparse(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    ones = np.ones(truth.size, np.int64)
    return scipy.sparse.coo_matrix((ones, (truth.ravel(), prediction.ravel())), (CLASSES, CLASSES)).toarray()


def by_torchmetrics(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    maps = torch.from_numpy(prediction), torch.from_numpy(truth)
    return multiclass_confusion_matrix(*maps, CLASSES, validate_args=False).numpy()


def by_torchmetrics_long(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    maps = torch.from_numpy(prediction).long(), torch.from_numpy(truth).long()
    return multiclass_confusion_matrix(*maps, CLASSES, validate_args=False).numpy()


def by_sklearn(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return sklearn.metrics.confusion_matrix(truth.ravel(), prediction.ravel(), labels=np.arange(CLASSES))


def by_skimage(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    table = np.zeros((CLASSES, CLASSES))
    counts = skimage.metrics.contingency_table(truth, prediction).toarray()
    table[: counts.shape[0], : counts.shape[1]] = counts
    return table


# ── Boundary F1 ───────────────────────────────────────────────────────────────────────────────────


def _f1(edges: tuple[np.ndarray, np.ndarray], near: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    true, predicted = edges
    if not true.any() or not predicted.any():
        return 0.0
    recall, precision = near(true, predicted).mean(), near(predicted, true).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _each_class(truth, prediction, edges, near) -> np.ndarray:
    scores = []
    for label in range(1, CLASSES):
        masks = truth == label, prediction == label
        if masks[0].any() or masks[1].any():
            scores.append(_f1((edges(masks[0]), edges(masks[1])), near))
    return np.array(scores)


def _radius() -> float:
    return TOLERANCE * math.hypot(SIDE, SIDE)


def _disk() -> np.ndarray:
    reach = int(_radius())
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return y * y + x * x <= _radius() ** 2


def _edges_by_scipy(mask: np.ndarray) -> np.ndarray:
    return mask & ~ndimage.binary_erosion(mask, CROSS)


def _edges_by_skimage(mask: np.ndarray) -> np.ndarray:
    return mask & ~skimage.morphology.erosion(np.pad(mask, 1), CROSS)[1:-1, 1:-1]


def _edges_by_torchmetrics(mask: np.ndarray) -> np.ndarray:
    blank = torch.zeros(mask.shape, dtype=torch.bool)
    return mask_edges(torch.from_numpy(mask), blank, crop=False)[0].numpy()


def scipy_distances(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    def near(points, others):
        return ndimage.distance_transform_edt(~others)[points] <= _radius()

    return _each_class(truth, prediction, _edges_by_scipy, near)


def scipy_dilation(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    disk = _disk()

    def near(points, others):
        return ndimage.binary_dilation(others, disk)[points]

    return _each_class(truth, prediction, _edges_by_scipy, near)


def scipy_tree(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    def near(points, others):
        tree = cKDTree(np.argwhere(others))
        return np.isfinite(tree.query(np.argwhere(points), distance_upper_bound=_radius() + 1e-9)[0])

    return _each_class(truth, prediction, _edges_by_scipy, near)


def sklearn_tree(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    def near(points, others):
        return KDTree(np.argwhere(others)).query(np.argwhere(points))[0][:, 0] <= _radius()

    return _each_class(truth, prediction, _edges_by_scipy, near)


def skimage_dilation(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    def near(points, others):
        return skimage.morphology.isotropic_dilation(others, _radius())[points]

    return _each_class(truth, prediction, _edges_by_skimage, near)


def torchmetrics_edges(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    def near(points, others):
        tree = cKDTree(np.argwhere(others))
        return np.isfinite(tree.query(np.argwhere(points), distance_upper_bound=_radius() + 1e-9)[0])

    return _each_class(truth, prediction, _edges_by_torchmetrics, near)


def our_confusion(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return confusion_matrix(truth, prediction, CLASSES)


def our_boundaries(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return np.array(list(boundary_f1(truth, prediction, CLASSES).f1.values()))


CONFUSION = (by_scipy_sparse, by_torchmetrics, by_torchmetrics_long, by_sklearn, by_skimage)
BOUNDARY = (scipy_distances, scipy_dilation, scipy_tree, sklearn_tree, skimage_dilation, torchmetrics_edges)


def compare(name: str, goal: float, ours: Contender, others: tuple[Contender, ...], maps) -> Result:
    """How many times as fast as the fastest of `others` ours is, each timed in turn with ours."""
    expected = ours(*maps)
    found = []
    for other in others:
        np.testing.assert_allclose(other(*maps), expected, atol=1e-9, err_msg=other.__name__)
        ratio, theirs_s, ours_s = in_turn(lambda other=other: other(*maps), lambda: ours(*maps), ROUNDS)
        found.append((ratio, other.__name__, theirs_s, ours_s))
    ratio, _, _, ours_s = min(found)
    listed = ", ".join(f"{name} {theirs_s * 1e3:.2f} ms" for _, name, theirs_s, _ in sorted(found))
    return Result(
        f"{name}, the fastest library's time / ours", ratio, goal, False, f"{ours_s * 1e3:.2f} ms; {listed}"
    )


def results() -> list[Result]:
    torch.set_num_threads(1)
    truth = label_map(0)
    maps = truth, shifted(truth)
    noise = tuple(np.random.default_rng(0).integers(0, CLASSES, (2, SIDE, SIDE), dtype=np.uint8))
    return [
        compare("confusion matrix of label maps", 2, our_confusion, CONFUSION, maps),
        compare("confusion matrix of noise", 2, our_confusion, CONFUSION, noise),
        compare("boundary F1", 5, our_boundaries, BOUNDARY, maps),
    ]


if __name__ == "__main__":
    for result in results():
        print(result)
