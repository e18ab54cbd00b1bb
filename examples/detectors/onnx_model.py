"""A network in an ONNX file, as a detector: copy this file, set MODEL, and normalise as its training did.

    pip install onnxruntime
    DETECTOR_MODEL=detector.onnx diffseg30k evaluate onnx_model.py:detect --config binary --out results

Its input is (N, 3, H, W) float32; its output (N, C, h, w) logits of C classes, or (N, 1, h, w) of "edited".
"""

import functools
import os

import numpy as np
import onnxruntime
from PIL import Image

MODEL = os.environ.get("DETECTOR_MODEL", "detector.onnx")
SIZE = 512  # where the file leaves it open
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])  # ImageNet's


@functools.cache
def session():
    return onnxruntime.InferenceSession(MODEL, providers=onnxruntime.get_available_providers())


def detect(images):
    """A list of (H, W, 3) uint8 RGB arrays to probabilities for each, (C, h, w), or (h, w) of "edited"."""
    return [probabilities(image) for image in images]


def probabilities(image):
    entry = session().get_inputs()[0]
    height, width = (side if isinstance(side, int) else SIZE for side in entry.shape[2:])
    picture = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR), np.float32)
    values = ((picture / 255 - MEAN) / STD).transpose(2, 0, 1)[None]
    logits = session().run(None, {entry.name: values})[0][0].astype(np.float64)
    if len(logits) == 1:
        return 1 / (1 + np.exp(-logits[0]))
    raised = np.exp(logits - logits.max(axis=0))
    return raised / raised.sum(axis=0)
