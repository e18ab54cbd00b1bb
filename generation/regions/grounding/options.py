"""The options of Grounding DINO and SAM: checkpoints, device and least score."""

from dataclasses import dataclass

DETECTOR = "IDEA-Research/grounding-dino-tiny@a2bb814dd30d776dcf7e30523b00659f4f141c71"
"""Apache-2.0, 0.7 GB."""

SEGMENTER = "facebook/sam-vit-huge@87aecf0df4ce6b30cd7de76e87673c49644bdf67"
"""Apache-2.0, 2.6 GB."""


@dataclass(frozen=True)
class GroundingOptions:
    """The options of finding named objects.

    Attributes:
        detector: checkpoint of Grounding DINO: a folder, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION`.
        segmenter: checkpoint of SAM, named the same way.
        device: `cpu`, `cuda` or `cuda:N`.
        min_score: least score of a box, 0 to 1. Grounded SAM's authors use 0.3 (Ren et al. 2024).
    """

    detector: str = DETECTOR
    segmenter: str = SEGMENTER
    device: str = "cpu"
    min_score: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"the least score of a box is from 0 to 1, not {self.min_score}")
