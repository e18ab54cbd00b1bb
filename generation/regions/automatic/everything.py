"""Segments everything on an image with SAM, by a grid of points (Kirillov et al. 2023)."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from generation.regions.weights import load

POINTS_AT_A_TIME = 64
"""Of the grid's 1,024 points; more take more memory."""


@dataclass(frozen=True)
class Masks:
    """What was segmented.

    Attributes:
        masks: (masks, H, W) bool, without duplicates.
        scores: of each mask, its IoU with the object as SAM predicts it, 0 to 1.
    """

    masks: np.ndarray
    scores: tuple[float, ...]


class EverythingSegmenter:
    """A loaded SAM in the mask generation pipeline of `transformers`, with its limits: predicted IoU 0.88,
    stability 0.95, and no two masks whose boxes have an IoU above 0.7.

    Args:
        checkpoint: a folder, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION`.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        CheckpointError: the checkpoint is unavailable, or of another model.
    """

    def __init__(self, checkpoint: str, device: str = "cpu"):
        from transformers import MaskGenerationPipeline, SamModel

        processor, model = load(checkpoint, "SAM", "--segmenter", SamModel, device)
        self._generate = MaskGenerationPipeline(
            model=model, image_processor=processor.image_processor, device=device
        )

    def masks(self, image: np.ndarray) -> Masks:
        """The masks of everything on an image, (H, W, 3) uint8."""
        found = self._generate(Image.fromarray(image), points_per_batch=POINTS_AT_A_TIME)
        masks = [np.asarray(mask, bool) for mask in found["masks"]]
        shape = (len(masks), *image.shape[:2])
        return Masks(np.stack(masks) if masks else np.zeros(shape, bool), tuple(map(float, found["scores"])))
