"""The interface of a loaded generator: takes images, masks, prompts and seeds, returns images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class InpaintRequest:
    """One region of one image to be filled.

    Attributes:
        image: (S, S, 3) uint8 RGB, S the inpainter's side.
        mask: (S, S) bool, true where the generator paints.
        prompt: describes what the region is to show.
        seed: seed of the noise.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
    """

    image: np.ndarray
    mask: np.ndarray
    prompt: str
    seed: int
    steps: int
    guidance: float


class Inpainter(Protocol):
    """A loaded generator.

    Attributes:
        side: height and width of its input and output images, in pixels.
    """

    side: int

    def __call__(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        """Inpaints: one (S, S, 3) uint8 result per request, the model's whole output without compositing.

        All requests of a call have the same steps and guidance. On a CPU a call with one request is repeatable bit
        for bit; a call with several gives the same results up to rounding.
        """

    def unload(self) -> None:
        """Frees the model's memory; the inpainter cannot be called afterwards."""
