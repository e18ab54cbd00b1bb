"""Generates whole pictures from prompts with any generator, by inpainting a grey image under a mask of the whole
image.

With such a mask five of the eight generators compute exactly what their text-to-image pipelines compute. The
weights of Stable Diffusion 2, GLIDE and Kandinsky 2.2 only inpaint; their input is a fully masked image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generation.generators.pipelines.inpainter import Inpainter, InpaintRequest
from generation.generators.resize import resize_image

GREY = 128


@dataclass(frozen=True)
class PictureRequest:
    """A request for one picture.

    Attributes:
        prompt: describes the picture.
        seed: seed of the noise.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
    """

    prompt: str
    seed: int
    steps: int
    guidance: float


def make_pictures(inpainter: Inpainter, requests: Sequence[PictureRequest], side: int) -> list[np.ndarray]:
    """Makes pictures with a loaded generator.

    Args:
        requests: all have the same steps and guidance.
        side: height and width of the results, in pixels; the generator works at its own side.

    Returns:
        (side, side, 3) uint8 each.

    Raises:
        FloatingPointError: a picture holds NaN, or is entirely black.
        MemoryError: the device has too little memory.
    """
    grey = np.full((inpainter.side, inpainter.side, 3), GREY, np.uint8)
    everywhere = np.ones(grey.shape[:2], bool)
    pictures = inpainter(
        [
            InpaintRequest(grey, everywhere, request.prompt, request.seed, request.steps, request.guidance)
            for request in requests
        ]
    )
    if not all(picture.any() for picture in pictures):
        raise FloatingPointError("the picture is black")
    return [resize_image(picture, side) for picture in pictures]
