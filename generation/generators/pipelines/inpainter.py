"""The interface of a loaded generator: takes images, masks, prompts and seeds, returns images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class InpaintRequest:
    """One region of one image to be filled.

    Attributes:
        image: (S, S, 3) uint8 RGB, S the inpainter's side.
        mask: (S, S) bool, true where the generator paints; whole cells of its grid.
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
        cell: height and width of the cells that it paints as a whole, in pixels; divides `side`.
    """

    side: int
    cell: int

    def __call__(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        """Inpaints: one (S, S, 3) uint8 result per request, the model's whole output without compositing.

        All requests of a call have the same steps and guidance. On a CPU a call with one request is repeatable bit
        for bit; a call with several gives the same results up to rounding.
        """

    def unload(self) -> None:
        """Frees the model's memory; the inpainter cannot be called afterwards."""


def autoencoder_factor(pipeline: Any) -> int:
    """Height and width in pixels of a pipeline's latents; of GLIDE, which has none, its base model's pixels."""
    if hasattr(pipeline, "vae_scale_factor"):
        return int(pipeline.vae_scale_factor)
    if hasattr(pipeline, "decoder_pipe"):  # Kandinsky 2.2, prior and decoder combined
        return int(pipeline.decoder_pipe.movq_scale_factor)
    return int(pipeline.scale_factor)
