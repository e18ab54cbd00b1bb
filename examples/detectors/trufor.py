r"""TruFor, as a detector: copy this file, and set TRUFOR to `TruFor_train_test` in a clone of its repository.

    TRUFOR=TruFor/TruFor_train_test DETECTOR_MODEL=weights/trufor.pth.tar \
        diffseg30k evaluate trufor.py:detect --config binary --out results
    ... diffseg30k evaluate trufor.py:score --config classification --out results

Its code and weights are for nonprofit use. Images have any size; they are divided by 256, as its own test does.
"""

import contextlib
import functools
import os
import sys
from types import SimpleNamespace

import torch

TRUFOR = os.path.abspath(os.environ.get("TRUFOR", "TruFor_train_test"))
WEIGHTS = os.path.abspath(os.environ.get("DETECTOR_MODEL", "weights/trufor.pth.tar"))
EXPERIMENT = "trufor_ph3"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@functools.cache
def network():
    sys.path.insert(0, TRUFOR)
    with contextlib.chdir(TRUFOR):  # its paths are relative to it
        from lib.config import config, update_config
        from lib.utils import get_model

        update_config(config, SimpleNamespace(experiment=EXPERIMENT, gpu=[-1], opts=["TEST.MODEL_FILE", WEIGHTS]))
        model = get_model(config)
    # its checkpoint holds more than tensors: load only a file that you trust
    model.load_state_dict(torch.load(WEIGHTS, map_location="cpu", weights_only=False)["state_dict"])
    return model.to(DEVICE).eval()


@torch.no_grad()
def outputs(image):
    """The logits of the two classes, the confidence, and the logit of the whole image."""
    values = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float().to(DEVICE) / 256
    located, confidence, detected, _ = network()(values, save_np=False)
    return located, confidence, detected


def detect(images):
    """A list of (H, W, 3) uint8 RGB arrays to the probability of "edited", (H, W), for each."""
    return [outputs(image)[0][0].float().softmax(dim=0)[1] for image in images]


def score(images):
    """The same list to a score for each, 0 (real) to 1 (edited)."""
    return [float(outputs(image)[2].float().sigmoid()) for image in images]
