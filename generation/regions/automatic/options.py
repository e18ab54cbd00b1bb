"""The options of automatic regions: checkpoints, device and limits."""

from dataclasses import dataclass

from generation.regions.grounding.options import SEGMENTER

NAMING_DETECTOR = "PekingU/rtdetr_r18vd_coco_o365"
"""RT-DETR with a ResNet-18 (Zhao et al. 2024), for COCO's 80 classes: Apache-2.0, 0.08 GB."""


@dataclass(frozen=True)
class AutomaticOptions:
    """The options of automatic regions.

    Attributes:
        segmenter: checkpoint of SAM: a folder, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION`.
        detector: checkpoint of a detector that names objects, named the same way.
        device: `cpu`, `cuda` or `cuda:N`.
        min_score: least score of a detected object, 0 to 1.
        min_iou: least IoU of a detected box and a mask's box for the mask to get the object's name, 0 to 1.
    """

    segmenter: str = SEGMENTER
    detector: str = NAMING_DETECTOR
    device: str = "cpu"
    min_score: float = 0.5
    min_iou: float = 0.5
