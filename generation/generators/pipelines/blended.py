"""Inpaints with a text-to-image pipeline by Blended Latent Diffusion (Avrahami et al. 2023).

After each denoising step the latents outside the mask are replaced by the input image's latents, noised to the
step's noise level; after the last step by its latents without noise.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from generation.generators.pipelines import memory
from generation.generators.pipelines.inpainter import InpaintRequest, autoencoder_factor
from generation.generators.pipelines.load import call


class BlendedInpainter:
    """A diffusers text-to-image pipeline with an autoencoder and a step callback as an `Inpainter`.

    Args:
        pipeline: takes prompts and starting latents.
        side: height and width of the input images, in pixels.
        options: further arguments of each call.
        negative_prompt: what the region is not to show, with guidance above 1; empty for none.
        strength: the last share of the steps, 0 to 1, in which the masked latents are painted; in earlier steps
            all latents are the input image's.
        patch: height and width of the denoiser's patches, in latents.
    """

    def __init__(
        self,
        pipeline: Any,
        side: int,
        options: Mapping[str, Any],
        negative_prompt: str = "",
        strength: float = 1.0,
        patch: int = 1,
    ):
        self.side = side
        self.cell = patch * autoencoder_factor(pipeline)
        self._pipeline = pipeline
        self._options = dict(options)
        self._negative_prompt = negative_prompt
        self._strength = strength

    def __call__(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        return memory.within_memory(self._pipeline, lambda: self._call(requests))

    def _call(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        import torch

        pipeline, options = self._pipeline, self._options
        if self._negative_prompt:
            options = options | {"negative_prompt": [self._negative_prompt] * len(requests)}
        original = encode(pipeline, [request.image for request in requests])
        generators = [torch.Generator("cpu").manual_seed(request.seed) for request in requests]
        noise = torch.stack([torch.randn(original.shape[1:], generator=generator) for generator in generators])
        return call(
            pipeline,
            prompt=[request.prompt for request in requests],
            height=self.side,
            width=self.side,
            num_inference_steps=requests[0].steps,
            guidance_scale=requests[0].guidance,
            generator=generators,
            latents=noise.to(original),
            callback_on_step_end=keep_outside(
                original,
                noise.to(original),
                latent_mask([request.mask for request in requests], original),
                self._strength,
            ),
            callback_on_step_end_tensor_inputs=["latents"],
            **options,
        )

    def unload(self) -> None:
        self._pipeline = None
        memory.free()


def encode(pipeline: Any, images: Sequence[np.ndarray]) -> Any:
    """Encodes images to latents, scaled as the pipeline's denoiser expects them.

    Args:
        images: (S, S, 3) uint8 each.

    Returns:
        (N, C, S / F, S / F) tensor; F is the autoencoder's downscaling factor.
    """
    import torch

    vae, dtype = pipeline.vae, pipeline.vae.dtype
    overflows = dtype == torch.float16 and vae.config.force_upcast
    pixels = pipeline.image_processor.preprocess([Image.fromarray(image) for image in images])
    try:
        if overflows:
            vae.to(torch.float32)
        with torch.no_grad():
            latents = vae.encode(pixels.to(pipeline._execution_device, vae.dtype)).latent_dist.mode()
    finally:
        if overflows:
            vae.to(dtype)
    shift = getattr(vae.config, "shift_factor", None) or 0.0
    return ((latents - shift) * vae.config.scaling_factor).to(dtype)


def latent_mask(masks: Sequence[np.ndarray], latents: Any) -> Any:
    """Masks at the latents' size: true for every latent cell that the region touches.

    Args:
        masks: (S, S) bool each.
        latents: (N, C, h, w) tensor.

    Returns:
        (N, 1, h, w) bool tensor on the latents' device.
    """
    import torch

    stacked = torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))
    pooled = torch.nn.functional.adaptive_max_pool2d(stacked, latents.shape[-2:])
    return (pooled > 0).to(latents.device)


def keep_outside(
    original: Any, noise: Any, inside: Any, strength: float = 1.0
) -> Callable[[Any, int, Any, dict[str, Any]], dict]:
    """A step callback that restores the original's latents wherever `inside` is false.

    Args:
        original: (N, C, h, w) tensor, the original's latents.
        noise: of the same shape, the pipeline's initial noise.
        inside: (N, 1, h, w) bool tensor.
        strength: the last share of the steps in which `inside` is painted; after earlier steps all latents are
            restored.
    """
    import torch

    def callback(pipeline: Any, step: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        timesteps = pipeline.scheduler.timesteps
        last = step + 1 == len(timesteps)
        level = original if last else add_noise(pipeline.scheduler, original, noise, timesteps[step + 1])
        latents = tensors["latents"]
        painted = inside & (step >= round((1 - strength) * len(timesteps)))
        return {"latents": torch.where(painted, latents, level.to(latents.dtype))}

    return callback


def add_noise(scheduler: Any, latents: Any, noise: Any, timestep: Any) -> Any:
    """Adds noise to latents, to the scheduler's noise level at the start of a timestep."""
    timesteps = timestep.expand(len(latents))
    if hasattr(scheduler, "scale_noise"):  # rectified flow
        return scheduler.scale_noise(latents, timesteps, noise)
    return scheduler.add_noise(latents, noise, timesteps)
