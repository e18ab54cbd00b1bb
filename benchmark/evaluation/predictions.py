"""Saves predicted label maps as palette PNGs, all or the examples for Figure 6, and finds them again."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmark.data.dataset import Sample
from benchmark.data.distortions import CLEAN
from benchmark.evaluation.results import Example, Result, plain_name, read_result, result_files
from diffseg30k import PALETTE

_PALETTE = [channel for colour in PALETTE for channel in colour]


def save_prediction(labels: np.ndarray, file: str) -> None:
    """Saves a label map as palette PNG: viewers show colours, `numpy.asarray` gives the label values."""
    os.makedirs(os.path.dirname(file), exist_ok=True)
    picture = Image.fromarray(labels.astype(np.uint8)).convert("L")
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette(_PALETTE)
    picture.save(file)


def save_example(out: str, stem: str, sample: Sample, prediction: np.ndarray) -> Example:
    """Saves a row's image, truth and prediction to `out`/examples."""
    assert isinstance(sample.truth, np.ndarray)
    names = {
        part: f"examples/{plain_name(stem)}--{plain_name(sample.id)}.{part}.png"
        for part in ("image", "truth", "prediction")
    }
    os.makedirs(os.path.join(out, "examples"), exist_ok=True)
    Image.fromarray(sample.image).save(os.path.join(out, names["image"]))
    save_prediction(sample.truth, os.path.join(out, names["truth"]))
    save_prediction(prediction, os.path.join(out, names["prediction"]))
    return Example(id=sample.id, **names)


# ── Finding them ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class SavedPredictions:
    """The label maps of one detector under one condition.

    Attributes:
        detector: its name.
        condition: name of the distortion, `clean` for none.
        binary: whether they say only "edited", and not by which generator.
        files: row id to a PNG of label values.
    """

    detector: str
    condition: str
    binary: bool
    files: dict[str, str]


def saved_predictions(results: str) -> SavedPredictions:
    """The saved label maps of a result file, or of the clean condition where `results` is a folder of them.

    An evaluation with `save_predictions` saved one for each row; any other saved those of a few example rows.

    Raises:
        FileNotFoundError, ValueError: there is no such file, it is no result, there are several detectors, or the
            detector gave scores of whole images only.
    """
    found = [(file, read_result(file)) for file in result_files([results])]
    if os.path.isdir(results):
        found = [(file, result) for file, result in found if result.condition == CLEAN] or found
    if len(found) > 1:
        names = ", ".join(os.path.basename(file) for file, _ in found)
        raise ValueError(f"{results} holds several results ({names}): give one of these files")
    file, result = found[0]
    if result.task == "classification":
        raise ValueError(
            f"{file} scores whole images: only detectors that give masks can be laid beside the truth"
        )
    files = _saved_files(file, result) or _example_files(file, result)
    return SavedPredictions(result.detector, result.condition, result.task == "binary", files)


def _saved_files(file: str, result: Result) -> dict[str, str]:
    if result.predictions is None:
        return {}
    folder = os.path.join(os.path.dirname(file), result.predictions)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{file} names predictions in {folder}, which is not there: evaluate again")
    return {
        name.removesuffix(".png"): os.path.join(folder, name)
        for name in sorted(os.listdir(folder))
        if name.endswith(".png")
    }


def _example_files(file: str, result: Result) -> dict[str, str]:
    folder = os.path.dirname(file)
    return {example.id: os.path.join(folder, example.prediction) for example in result.examples}
