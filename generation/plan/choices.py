"""The values that a plan's options may have, as types that the command line shares."""

from typing import Literal

RegionsFrom = Literal["annotations", "grounded-sam"]
"""Where regions come from: COCO's annotations, or a VLM's names found by Grounding DINO and SAM."""

PromptsBy = Literal["templates", "vlm"]
"""Who writes prompts: the plan itself, or a VLM that sees the picture before each turn."""

CheckpointKind = Literal["tiny", "full"]
"""Which weights the generators run with."""
