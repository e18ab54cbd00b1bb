"""Inpainting by the eight from their tiny checkpoints, by the same with random weights, and by OpenCV."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from generation.generators.entries import GENERATORS
from generation.generators.pipelines.load import LoadOptions, quiet
from generation.generators.tiny.assembly import TRAINED, write_checkpoint
from generation.generators.tiny.training.fill import fill
from performance.tiny_checkpoints.masked import Masked, demo_regions

Paint = Callable[[Masked, int], np.ndarray]
"""An edit and a seed to the (S, S, 3) uint8 photograph with the region inpainted, and nothing else changed."""


def trained(generator: str) -> Paint:
    return _from(generator, TRAINED)


def untrained(generator: str) -> Paint:
    return _from(generator, None)


def _from(generator: str, tensors: Path | None) -> Paint:
    entry = GENERATORS[generator]
    with tempfile.TemporaryDirectory() as folder, quiet():
        write_checkpoint(generator, Path(folder), tensors)
        pipeline = entry.pipeline(Path(folder), LoadOptions("float32"))
    inpainter = entry.inpainter(pipeline, entry.tiny_sampling)
    return lambda masked, seed: fill(inpainter, generator, masked.image, masked.mask, seed)


def opencv(method: str) -> Paint:
    """`TELEA` (Telea 2004) or `NS` (Bertalmio et al. 2001)."""
    try:
        import cv2
    except ImportError as error:
        raise SystemExit("OpenCV's methods need it: pip install opencv-python-headless") from error

    def paint(masked: Masked, _: int) -> np.ndarray:
        image, mask = np.ascontiguousarray(masked.image), masked.mask.astype(np.uint8)
        return cv2.inpaint(image, mask, 5, getattr(cv2, f"INPAINT_{method}"))

    return paint


def paint_all(painter: Callable[[str], Paint], side: int, count: int, generator: str) -> list[np.ndarray]:
    """The regions of the demo's photographs, each painted by a generator; in a process of its own."""
    import torch

    torch.set_num_threads(1)
    paint = painter(generator)
    return [paint(region, seed) for seed, region in enumerate(demo_regions(side, count))]
