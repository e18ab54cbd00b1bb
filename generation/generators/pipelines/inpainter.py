"""The one interface of all generators: images, masks, prompts and seeds in, images out."""

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
        prompt: what the region is to show.
        seed: of the noise.
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
        side: height and width of the images that it takes and gives, in pixels.
    """

    side: int

    def __call__(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        """The (S, S, 3) uint8 results, one per request, whole pictures as the model gives them.

        All requests of a call share their steps and guidance. On a CPU a call of one request repeats bit for bit;
        a call of several gives the same up to rounding.
        """

    def unload(self) -> None:
        """Frees the model's memory; the inpainter cannot be called afterwards."""
