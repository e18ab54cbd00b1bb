"""A generator that only sleeps, and edits for it, to measure the time that a run itself needs per edit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from builder.run.planned_edit import PlannedEdit
from diffseg30k import EDIT_TYPES
from generation.generators.pipelines.inpainter import InpaintRequest


@dataclass(frozen=True)
class Sleeper:
    """A generator that works elsewhere, as on a GPU, and gives the picture upside down.

    Attributes:
        side: of its images, in pixels.
        seconds: what it takes an image.
    """

    side: int
    seconds: float
    cell: int = 1

    def __call__(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        time.sleep(self.seconds * len(requests))
        return [request.image[::-1] for request in requests]

    def unload(self) -> None:
        pass


def planned_edit(image: str, mask: str, side: int) -> PlannedEdit:
    """An edit of the first turn, of a region as `encode_region` gives it."""
    return PlannedEdit(
        image=image,
        turn=1,
        generator="sd2",
        checkpoint="tiny/sd2",
        lora=None,
        edit_type=EDIT_TYPES[0],
        object="person",
        prompt="a person",
        removal_prompt=None,
        region=mask,
        side=side,
        seed=0,
        steps=1,
        guidance=1.0,
        compositing="spliced",
    )
