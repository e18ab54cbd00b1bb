r"""Any segmentation model of `transformers`, as a detector: copy this file, and set MODEL.

    DETECTOR_MODEL=my-segformer \
        diffseg30k evaluate transformers_segmentation.py:detect --config semantic --out results

Its classes have to be the dataset's, in the dataset's order: 2 for `binary`, 9 for `semantic`.
"""

import functools
import os

import torch
from torch.nn import functional as F
from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

MODEL = os.environ.get("DETECTOR_MODEL", "my-segformer")  # a folder of `save_pretrained`, or a name on the Hub
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@functools.cache
def network():
    return AutoModelForSemanticSegmentation.from_pretrained(MODEL).to(DEVICE).eval()


@functools.cache
def processor():
    return AutoImageProcessor.from_pretrained(MODEL)


@torch.no_grad()
def detect(images):
    """A list of (H, W, 3) uint8 RGB arrays to the probability of each class, (C, H, W), for each."""
    inputs = processor()(images=list(images), return_tensors="pt").to(DEVICE)
    logits = network()(**inputs).logits.float()
    return [
        F.interpolate(each[None], image.shape[:2], mode="bilinear", align_corners=False)[0].softmax(dim=0)
        for each, image in zip(logits, images, strict=True)
    ]
