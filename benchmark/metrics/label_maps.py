"""Checks the label maps that are passed to metrics, as NumPy arrays or torch tensors, and resizes them."""

from typing import Any, TypeAlias

import numpy as np

from diffseg30k import IGNORE

LabelMap: TypeAlias = Any
"""A NumPy array or a torch tensor; untyped, so that torch is not imported for arrays."""


def is_tensor(values: Any) -> bool:
    """Whether `values` is a torch tensor, determined without importing torch."""
    return type(values).__module__.partition(".")[0] == "torch"


def checked_pair(truth: LabelMap, prediction: LabelMap, classes: int) -> tuple[LabelMap, LabelMap]:
    """Checks a pair of label maps, and returns it with integer dtypes.

    Args:
        truth: (H, W) or (N, H, W), integers 0 to `classes` - 1 or IGNORE, or bool.
        prediction: of the same shape; integers 0 to `classes` - 1, or bool.
        classes: number of classes, background included.

    Raises:
        TypeError: one is an array and the other a tensor, or they hold no integers.
        ValueError: the shapes differ or are not those of label maps, or a value is out of range.
    """
    if is_tensor(truth) != is_tensor(prediction):
        raise TypeError(
            f"truth is a {type(truth).__name__} and prediction a {type(prediction).__name__}: give two of one kind"
        )
    truth, prediction = _integers("truth", truth), _integers("prediction", prediction)
    if tuple(truth.shape) != tuple(prediction.shape):
        raise ValueError(f"truth is {_shape(truth)} and prediction {_shape(prediction)}: label maps of one shape")
    if truth.ndim not in (2, 3):
        raise ValueError(f"a label map is (H, W), a batch of them (N, H, W), not {_shape(truth)}")
    if 0 in truth.shape:
        raise ValueError(f"label maps of shape {_shape(truth)} hold no pixel")
    _check_range("prediction", prediction, classes)
    if int(truth.max()) >= classes:
        counted = truth[truth != IGNORE]
        if len(counted):
            _check_range("truth", counted, classes, f", or {IGNORE} for ignore")
    elif "uint" not in str(truth.dtype) and int(truth.min()) < 0:
        _check_range("truth", truth, classes, f", or {IGNORE} for ignore")
    return truth, prediction


def _shape(values: LabelMap) -> str:
    return str(tuple(values.shape))


def _integers(name: str, values: LabelMap) -> LabelMap:
    if is_tensor(values):
        import torch

        if values.is_floating_point() or values.is_complex():
            raise TypeError(f"{name} holds {values.dtype}, a label map holds integers: take the argmax first")
        return values.to(torch.uint8) if values.dtype == torch.bool else values
    if not isinstance(values, np.ndarray):
        raise TypeError(f"{name} is a {type(values).__name__}, not a NumPy array or a torch tensor")
    if values.dtype == np.bool_:
        return values.view(np.uint8)
    if not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"{name} holds {values.dtype}, a label map holds integers: take the argmax first")
    return values


def _check_range(name: str, values: LabelMap, classes: int, also: str = "") -> None:
    unsigned = "uint" in str(values.dtype)
    least, most = 0 if unsigned else int(values.min()), int(values.max())
    if least < 0 or most >= classes:
        raise ValueError(
            f"{name} holds class {most if most >= classes else least}; with {classes} classes the values are "
            f"0 to {classes - 1}{also}"
        )


def resize_labels(labels: LabelMap, size: tuple[int, ...]) -> LabelMap:
    """Resizes a label map to (height, width) by nearest neighbour, with aligned pixel centres."""
    if labels.ndim != 2 or len(size) != 2:
        raise ValueError(f"a label map is (H, W), not {tuple(labels.shape)} to be brought to {size}")
    if tuple(labels.shape) == tuple(size):
        return labels
    if 0 in labels.shape:
        raise ValueError(f"a label map of shape {tuple(labels.shape)} holds no pixel")
    rows, columns = (
        (np.arange(new) * 2 + 1) * old // (2 * new) for old, new in zip(labels.shape, size, strict=True)
    )
    if is_tensor(labels):
        import torch

        rows, columns = (torch.from_numpy(index).to(labels.device) for index in (rows, columns))
    return labels[rows][:, columns]
