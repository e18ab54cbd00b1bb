"""Fills a region of a picture with one generator, at the side of its tiny checkpoint."""

import numpy as np

from generation.editing.edit import composite
from generation.generators.entries import GENERATORS
from generation.generators.masks import grown_to_grid
from generation.generators.pipelines.inpainter import Inpainter, InpaintRequest
from generation.generators.resize import resize_image

PROMPT = "background"


def fill(inpainter: Inpainter, generator: str, image: np.ndarray, mask: np.ndarray, seed: int) -> np.ndarray:
    """The picture with its region filled, and nothing else changed.

    Args:
        inpainter: of the generator, with its tiny checkpoint.
        generator: its id, for its tiny sampling.
        image: (S, S, 3) uint8.
        mask: (S, S) bool, true where it is filled.
        seed: of the noise.

    Returns:
        (S, S, 3) uint8.
    """
    sampling = GENERATORS[generator].tiny_sampling
    request = InpaintRequest(
        image=resize_image(np.ascontiguousarray(image), inpainter.side),
        mask=grown_to_grid(mask, inpainter.side, inpainter.cell),
        prompt=PROMPT,
        seed=seed,
        steps=sampling.steps,
        guidance=sampling.guidance,
    )
    return composite(image, resize_image(inpainter([request])[0], len(image)), mask, "spliced")
