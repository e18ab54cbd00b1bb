"""Saves single predictions: label maps as palette PNGs, and the examples for Figure 6."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image

from benchmark.data.dataset import Sample
from benchmark.evaluation.results import Example, plain_name
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
