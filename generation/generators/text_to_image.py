"""Whole pictures from prompts, by any generator: a grey image is inpainted with a mask that covers all of it.

With nothing to keep, five of the eight then do exactly what their text-to-image pipeline does. Stable Diffusion 2,
GLIDE and Kandinsky 2.2 have weights that only inpaint, and they see an image that is masked everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generation.generators.pipelines.inpainter import Inpainter, InpaintRequest
from generation.generators.resize import resize_image

GREY = 128


@dataclass(frozen=True)
class PictureRequest:
    """One picture to be made.

    Attributes:
        prompt: what it is to show.
        seed: of the noise.
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
        requests: all share their steps and guidance.
        side: height and width of the pictures, in pixels; the generator makes them at its own size.

    Returns:
        (side, side, 3) uint8 each.

    Raises:
        FloatingPointError: a picture is NaN, or black all over.
        MemoryError: the device's memory is too small.
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
