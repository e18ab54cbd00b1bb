"""Whether FCN-8s learns at its authors' rate of 1e-10, with and without Caffe's scale.

    python -m performance.benchmark.fcn8s_rate DATASET [WIDTH [STEPS]]

Trains on the binary train split, 512 pixels, from random weights, by the recipe as it is. Prints the mean loss of
a pixel over each tenth of the steps, in nats, and that of a network that only knows how many pixels are edited.
"""

import sys
from dataclasses import replace

import numpy as np
import torch

from benchmark.data.dataset import decode, load_rows
from benchmark.data.feed import FeedOptions, as_images, train_batches
from benchmark.models import fcn8s
from benchmark.models.recipes import RECIPES
from benchmark.models.registry import ModelSpec, build
from benchmark.training.optimisation import make_optimizer

SIDE = 512


def losses(dataset: str, width: float, steps: int) -> list[float]:
    """Mean loss of a pixel in each step, in nats."""
    recipe = replace(RECIPES["fcn8s"], steps=steps)
    torch.manual_seed(0)
    baseline = build(ModelSpec("fcn8s", "vgg16", "binary", SIDE, width), pretrained=False).train()
    optimizer = make_optimizer(baseline, recipe)
    rows = load_rows(dataset, "binary", "train")
    found = []
    for images, truths in train_batches(rows, FeedOptions("binary", recipe, SIDE, seed=0)):
        optimizer.zero_grad()
        loss = baseline.loss(as_images(images, "cpu"), truths)
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()) / SIDE**2)
    return found


def entropy(dataset: str) -> float:
    """Loss of a network that gives every pixel the share of edited ones, in nats."""
    shares = [(decode(row, "binary").truth > 0).mean() for row in load_rows(dataset, "binary", "train")]
    share = float(np.mean(shares))
    return -share * np.log(share) - (1 - share) * np.log(1 - share)


def main(dataset: str, width: float = 0.25, steps: int = 400) -> None:
    print(f"entropy of the share of edited pixels: {entropy(dataset):.4f}", flush=True)
    for name, scale, factors in (
        ("Caffe's scale", fcn8s.SCALE, (fcn8s.POOL4_FACTOR, fcn8s.POOL3_FACTOR)),
        ("torchvision's scale", 1.0, (1.0, 1.0)),
    ):
        fcn8s.SCALE, (fcn8s.POOL4_FACTOR, fcn8s.POOL3_FACTOR) = scale, factors
        tenths = np.array_split(np.array(losses(dataset, width, steps)), 10)
        print(f"{name}: " + " ".join(f"{tenth.mean():.4f}" for tenth in tenths), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *(float(text) for text in sys.argv[2:3]), *(int(text) for text in sys.argv[3:4]))
