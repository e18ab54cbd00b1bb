"""A model of IMDL-BenCo, as a detector: copy this file, and set the constants as in your `run.sh`.

    pip install imdlbenco
    DETECTOR_MODEL=checkpoint-100.pth diffseg30k evaluate imdlbenco_model.py:detect --config binary --out results

IMDL-BenCo's models take `image`, `mask` and `label`, and return a dict whose `pred_mask` is (N, 1, H, W). Images
are resized (`--if_resizing`) and normalised by ImageNet's statistics, as its data sets do.
"""

import functools
import os

import numpy as np
import torch
from IMDLBenCo.registry import MODELS
from PIL import Image

MODEL = os.environ.get("DETECTOR_NAME", "IML_ViT")  # `--model`
CHECKPOINT = os.environ.get("DETECTOR_MODEL", "checkpoint.pth")
ARGUMENTS: dict = {}  # the model's own arguments
SIZE = 512  # `--image_size`
LOGITS = False  # whether `pred_mask` is without the sigmoid
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


@functools.cache
def network():
    model = MODELS.get(MODEL)(**ARGUMENTS)
    # its checkpoints hold more than tensors: load only files that you trust
    model.load_state_dict(torch.load(CHECKPOINT, map_location="cpu", weights_only=False)["model"])
    return model.to(DEVICE).eval()


@torch.no_grad()
def detect(images):
    """A list of (H, W, 3) uint8 RGB arrays to the probability of "edited", (SIZE, SIZE), for each."""
    batch = torch.stack([prepared(image) for image in images]).to(DEVICE)
    empty = torch.zeros(len(images), 1, SIZE, SIZE, device=DEVICE)  # used by the loss alone
    returned = network()(
        image=batch,
        mask=empty,
        edge_mask=empty,
        label=torch.zeros(len(images), device=DEVICE),
        shape=torch.tensor([[SIZE, SIZE]] * len(images), device=DEVICE),
    )
    found = returned["pred_mask"].float()
    return list((found.sigmoid() if LOGITS else found)[:, 0])


def prepared(image):
    picture = np.asarray(Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    return (torch.from_numpy(picture.copy()).permute(2, 0, 1) / 255 - MEAN) / STD
