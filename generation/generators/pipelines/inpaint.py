"""Inpaints with diffusers' inpainting pipelines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from generation.generators.pipelines import memory
from generation.generators.pipelines.inpainter import InpaintRequest, autoencoder_factor
from generation.generators.pipelines.load import call


class DiffusersInpainter:
    """A diffusers inpainting pipeline as an `Inpainter`.

    Args:
        pipeline: takes prompts, images, masks and random generators as lists.
        side: height and width of the input images, in pixels.
        options: further arguments of each call; a `strength` that would leave no step is raised to 1.
        negative_prompt: what the region is not to show, with guidance above 1; empty for none.
        patch: height and width of the denoiser's patches, in latents.
        batches: whether the pipeline can take several images in one call.
    """

    def __init__(
        self,
        pipeline: Any,
        side: int,
        options: Mapping[str, Any],
        negative_prompt: str = "",
        patch: int = 1,
        batches: bool = True,
    ):
        self.side = side
        self.cell = patch * autoencoder_factor(pipeline)
        self._pipeline = pipeline
        self._options = dict(options)
        self._negative_prompt = negative_prompt
        self._batches = batches

    def __call__(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        calls = [list(requests)] if self._batches else [[request] for request in requests]
        return memory.within_memory(
            self._pipeline, lambda: [result for each in calls for result in self._call(each)]
        )

    def _call(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        import torch

        options = self._options
        if int(requests[0].steps * options.get("strength", 1.0)) < 1:
            options = options | {"strength": 1.0}
        if self._negative_prompt:
            options = options | {"negative_prompt": [self._negative_prompt] * len(requests)}
        return call(
            self._pipeline,
            prompt=[request.prompt for request in requests],
            image=[Image.fromarray(request.image) for request in requests],
            mask_image=[Image.fromarray(request.mask.astype(np.uint8) * 255) for request in requests],
            height=self.side,
            width=self.side,
            num_inference_steps=requests[0].steps,
            guidance_scale=requests[0].guidance,
            generator=[torch.Generator("cpu").manual_seed(request.seed) for request in requests],
            **options,
        )

    def unload(self) -> None:
        self._pipeline = None
        memory.free()
