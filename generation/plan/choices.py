"""The allowed values of a plan's options, as types that the command line uses too."""

from typing import Literal

RegionsFrom = Literal["annotations", "automatic", "grounded-sam"]
"""Source of regions: COCO annotations; everything that SAM segments, named by a detector; or objects that a VLM
names and that Grounding DINO and SAM locate."""

PromptsBy = Literal["templates", "vlm"]
"""Source of prompts: templates in the plan, or a VLM that is shown the image before each turn."""

CheckpointKind = Literal["tiny", "full"]
"""Which checkpoints the generators run with."""

REMOVAL_DILATION = 0.05
"""Default of `PlanOptions.removal_dilation`: 10 pixels for a region of 200 by 200."""
