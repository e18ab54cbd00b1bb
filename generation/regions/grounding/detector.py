"""Finds the boxes of named objects with Grounding DINO (Liu et al. 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from generation.regions.weights import load

MAX_BOXES = 24
"""Largest number of boxes of an image; those with the highest scores are kept."""


@dataclass(frozen=True)
class Box:
    """The bounding box of an object.

    Attributes:
        name: name of the object, one of those searched for.
        score: confidence, 0 to 1.
        corners: left, top, right and bottom, in pixels.
    """

    name: str
    score: float
    corners: tuple[float, float, float, float]


class Detector:
    """A loaded Grounding DINO model.

    Args:
        checkpoint: a folder, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION`.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        CheckpointError: the checkpoint is unavailable, or of another model.
    """

    def __init__(self, checkpoint: str, device: str = "cpu"):
        from transformers import GroundingDinoForObjectDetection

        self._processor, self._model = load(
            checkpoint, "Grounding DINO", "--detector", GroundingDinoForObjectDetection, device
        )

    def boxes(self, image: np.ndarray, names: Sequence[str], min_score: float) -> list[Box]:
        """The boxes of the named objects, at most MAX_BOXES, highest scores first.

        Args:
            image: (H, W, 3) uint8.
            names: lower-case noun phrases without a full stop.
            min_score: boxes with a lower score are dropped, 0 to 1.
        """
        import torch

        picture = Image.fromarray(image)
        inputs = self._processor(images=picture, text=[list(names)], return_tensors="pt").to(self._model.device)
        with torch.inference_mode():
            outputs = self._model(**inputs)
        spans = _spans(inputs["input_ids"][0].tolist(), self._full_stop, self._special)
        by_name = _scores(outputs.logits[0], spans)
        corners = self._processor.post_process_grounded_object_detection(
            outputs, inputs["input_ids"], threshold=-1.0, text_threshold=1.0, target_sizes=[image.shape[:2]]
        )[0]["boxes"]
        scores, which = by_name.max(dim=1)
        order = scores.argsort(descending=True, stable=True)[:MAX_BOXES]
        return [
            Box(names[int(which[place])], float(scores[place]), _inside(corners[place].tolist(), image.shape))
            for place in order
            if scores[place] >= min_score
        ]

    @property
    def _full_stop(self) -> int:
        return self._processor.tokenizer.convert_tokens_to_ids(".")

    @property
    def _special(self) -> set[int]:
        return set(self._processor.tokenizer.all_special_ids)


def _spans(tokens: Sequence[int], full_stop: int, special: set[int]) -> list[list[int]]:
    """The index ranges of each name's tokens; the processor joins the names with full stops."""
    spans: list[list[int]] = [[]]
    for place, token in enumerate(tokens):
        if token == full_stop:
            spans.append([])
        elif token not in special:
            spans[-1].append(place)
    return spans[:-1]


def _scores(logits: Any, spans: Sequence[Sequence[int]]) -> Any:
    """(boxes, names) float, 0 to 1: for each box and name the highest score over the name's tokens.

    `transformers` joins all words above a threshold to a phrase instead, which merges neighbouring names.
    """
    import torch

    probabilities = logits.float().sigmoid().cpu()
    return torch.stack([probabilities[:, span].amax(dim=1) for span in spans], dim=1)


def _inside(corners: Sequence[float], shape: Sequence[int]) -> tuple[float, float, float, float]:
    """Clips corners to the image."""
    height, width = shape[:2]
    left, right = (min(max(corner, 0.0), float(width)) for corner in corners[::2])
    top, bottom = (min(max(corner, 0.0), float(height)) for corner in corners[1::2])
    return left, top, right, bottom
