"""Segments the objects inside boxes with SAM (Kirillov et al. 2023)."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from generation.regions.grounding.detector import Box
from generation.regions.weights import load


class Segmenter:
    """A loaded SAM model.

    Args:
        checkpoint: a folder, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION`.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        CheckpointError: the checkpoint is unavailable, or of another model.
    """

    def __init__(self, checkpoint: str, device: str = "cpu"):
        from transformers import SamModel

        self._processor, self._model = load(checkpoint, "SAM", "--segmenter", SamModel, device)

    def masks(self, image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
        """The mask of the object in each box.

        Args:
            image: (H, W, 3) uint8.
            boxes: at least one box.

        Returns:
            (boxes, H, W) bool.
        """
        import torch

        inputs = self._processor(
            images=Image.fromarray(image),
            input_boxes=[[list(box.corners) for box in boxes]],
            return_tensors="pt",
        )
        sizes = inputs["original_sizes"], inputs["reshaped_input_sizes"]
        inputs["input_boxes"] = inputs["input_boxes"].float()
        with torch.inference_mode():
            outputs = self._model(
                pixel_values=inputs["pixel_values"].to(self._model.device),
                input_boxes=inputs["input_boxes"].to(self._model.device),
                multimask_output=False,
            )
        (found,) = self._processor.post_process_masks(outputs.pred_masks.float().cpu(), *sizes)
        return found[:, 0].numpy().astype(bool)
