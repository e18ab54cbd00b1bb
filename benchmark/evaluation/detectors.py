"""Loads detectors by name: trained ones, published weights, saved predictions, or a user's function.

A user's detector is a function in a file or a module, named by `FILE.py:detect`:

    def detect(images: list[numpy.ndarray]) -> list[numpy.ndarray] | list[float]:
        ...

It gets a batch of images, each (H, W, 3) uint8 RGB, of different sizes. For `binary` it returns a label map per
image with 1 for edited pixels, for `semantic` one with the label values 0 to 8, of any size and integer dtype; for
`classification` a score per image, 0 (real) to 1 (edited), or probabilities of its pixels with `as_classifier`.

In place of label maps it may return probabilities: of "edited", float (H, W), for `binary`, or of all classes,
float (C, H, W). A function with a parameter `ids` gets the rows' ids too.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import traceback
from pathlib import Path

import numpy as np

from benchmark.evaluation.detector import Answers, Detector
from benchmark.models.registry import Task

PREDICTIONS = "predictions:"


def load_detector(which: str, task: Task, device: str = "auto", as_classifier: bool = False) -> Detector:
    """Loads a detector by its name.

    Args:
        which: the folder of a trained detector; `cnnspot:FILE` or `universalfakedet:FILE`, the authors' published
            weights; `predictions:FOLDER` with one CONDITION/ID.png per row, or with ID.npy for probabilities; or
            `FILE.py:FUNCTION` or `MODULE:FUNCTION`.
        task: the task to evaluate.
        device: `auto`, `cpu` or `cuda`.
        as_classifier: whether a detector that segments scores whole images, by the probabilities of the pixels.

    Raises:
        FileNotFoundError, ValueError: there is no such detector, or it is for another task.
    """
    if which.startswith(PREDICTIONS):
        return _saved_predictions(which.removeprefix(PREDICTIONS), task, as_classifier)
    kind, _, rest = which.partition(":")
    if kind in ("cnnspot", "universalfakedet") and rest:
        from benchmark.evaluation.torch_detectors import published

        return published(kind, rest, task, device)
    if os.path.isdir(which):
        from benchmark.evaluation.torch_detectors import trained

        return trained(which, task, device, as_classifier)
    if rest:
        return _own_function(which)
    raise FileNotFoundError(
        f"{which}: there is no such folder of a trained detector, and it is neither predictions:FOLDER, "
        "FILE.py:FUNCTION, cnnspot:FILE nor universalfakedet:FILE"
    )


def _saved_predictions(folder: str, task: Task, as_classifier: bool) -> Detector:
    """A detector that reads label maps from `FOLDER/CONDITION/ID.png`."""
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder of predictions")
    if task == "classification" and not as_classifier:
        raise ValueError(
            "saved predictions are of pixels: for classification save probabilities, as CONDITION/ID.npy, and add "
            "--as-classifier, or write a function that returns scores"
        )

    def for_condition(condition: str) -> Detector:
        if not (root / condition).is_dir():
            raise FileNotFoundError(
                f"{folder} holds no predictions under {condition}: save those on the images that "
                f"`diffseg30k distort` writes as {root / condition}/ID.png, or name the conditions that are there "
                "with --conditions"
            )
        return Detector(name=root.name, detect=lambda _, ids: [_label_map(root / condition, id) for id in ids])

    return Detector(name=root.name, detect=_asked_without_condition, for_condition=for_condition)


def _asked_without_condition(images: list[np.ndarray], ids: list[str]) -> Answers:
    raise ValueError("saved predictions belong to a condition: call the detector that `Detector.under` returns")


def _label_map(folder: Path, id: str) -> np.ndarray:
    from PIL import Image

    file = folder / f"{id}.png"
    if (probabilities := folder / f"{id}.npy").is_file():
        try:
            return np.load(probabilities)
        except ValueError as error:
            raise ValueError(f"{probabilities} holds no array of numbers: {error}") from error
    if not file.is_file():
        raise FileNotFoundError(f"{file}: there is no prediction for this row")
    with Image.open(file) as picture:
        if picture.mode not in ("P", "L", "1", "I;16", "I"):
            raise ValueError(f"{file} holds colours (mode {picture.mode}); a prediction holds label values")
        return np.asarray(picture)


def _own_function(which: str) -> Detector:
    place, _, name = which.rpartition(":")
    module = _import_file(place) if place.endswith(".py") else _import_module(place)
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"{place} has no function {name!r}")
    takes_ids = "ids" in inspect.signature(function).parameters

    def detect(images: list[np.ndarray], ids: list[str]) -> Answers:
        try:
            return function(images, ids=ids) if takes_ids else function(images)
        except Exception as error:
            raise _in_users_code(error, module.__file__ or place) from error

    return Detector(name=f"{Path(place).stem}:{name}", detect=detect)


def _in_users_code(error: Exception, file: str) -> ValueError:
    """The error with the innermost line of the user's file that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame for frame in frames if os.path.realpath(frame.filename) == os.path.realpath(file)]
    where = f"{file}, line {lines[-1].lineno}, in {lines[-1].name}" if lines else file
    if isinstance(error, SyntaxError):
        where = f"{error.filename}, line {error.lineno}"
    return ValueError(f"{where}: {type(error).__name__}: {' '.join(str(error).split())}")


def _import_file(file: str):
    if not os.path.isfile(file):
        raise FileNotFoundError(f"{file}: there is no such file")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _in_users_code(error, file) from error
    return module


def _import_module(name: str):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise ValueError(f"there is no module {name!r} to take a detector from") from error
        raise
