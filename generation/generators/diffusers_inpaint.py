"""The generators that diffusers has an inpainting pipeline for."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from generation.generators.checkpoints import Place
from generation.generators.inpainter import InpaintRequest


class DiffusersInpainter:
    """A diffusers inpainting pipeline as an `Inpainter`.

    Args:
        pipeline: takes prompts, images and masks as lists, and a random generator for each.
        side: of the images that go in, in pixels.
        options: further arguments of each call.
        batches: whether the pipeline can take several images in one call.
    """

    def __init__(self, pipeline: Any, side: int, options: Mapping[str, Any], batches: bool = True):
        self.side = side
        self._pipeline = pipeline
        self._options = dict(options)
        self._batches = batches

    def __call__(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        if self._batches:
            return self._call(requests)
        return [result for request in requests for result in self._call([request])]

    def _call(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        import torch

        pictures = self._pipeline(
            prompt=[request.prompt for request in requests],
            image=[Image.fromarray(request.image) for request in requests],
            mask_image=[Image.fromarray(request.mask.astype(np.uint8) * 255) for request in requests],
            height=self.side,
            width=self.side,
            num_inference_steps=requests[0].steps,
            guidance_scale=requests[0].guidance,
            generator=[torch.Generator("cpu").manual_seed(request.seed) for request in requests],
            output_type="np",
            **self._options,
        ).images
        return [to_pixels(picture) for picture in pictures]

    def unload(self) -> None:
        self._pipeline = None
        free_memory()


def to_pixels(picture: np.ndarray) -> np.ndarray:
    """A (H, W, 3) float picture of 0 to 1 as uint8.

    Raises:
        FloatingPointError: the picture holds NaN or infinity.
    """
    if not np.isfinite(picture).all():
        raise FloatingPointError("the model gave NaN or infinity")
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


def free_memory() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def load(
    pipeline_class: str, place: Place, side: int, device: str, dtype: str, batches: bool = True, **options: Any
) -> DiffusersInpainter:
    """Loads a pipeline with `from_pretrained`.

    Args:
        pipeline_class: its name in diffusers.
        place: the weights.
        side: of the images that go in, in pixels.
        device: `cpu` or `cuda:N`.
        dtype: of the weights on a GPU; on a CPU they are float32.
        batches: whether the pipeline can take several images in one call.
        options: further arguments of each call of the pipeline.
    """
    import diffusers
    import torch

    pipeline = getattr(diffusers, pipeline_class).from_pretrained(
        place.source,
        revision=place.revision,
        dtype=torch.float32 if device == "cpu" else getattr(torch, dtype),
        use_safetensors=True,
    )
    pipeline.set_progress_bar_config(disable=True)
    return DiffusersInpainter(pipeline.to(device), side, options, batches)
