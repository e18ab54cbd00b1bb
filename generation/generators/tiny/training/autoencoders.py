"""Training of the autoencoders.

Group normalisation takes the mean colour away, and an encoder is slow to find another way to pass it on. So the
encoder is at first drawn to the principal components of the photographs' patches, which hold the colours.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.generators.tiny.training.loop import Loss
from generation.generators.tiny.training.photographs import Photographs

COARSE = 4
"""Pixels a side, over which averages are compared beside single pixels."""

LATENT_NOISE = 0.03
BATCH = 16

GUIDED = 0.25
"""Share of the training over which the weight of the components falls from 1 to LEAST_WEIGHT."""

LEAST_WEIGHT = 0.02


class PatchComponents:
    """The first principal components of patches, half whitened, their variances 1 on average.

    Args:
        pixels: (N, 3, H, W) of -1 to 1.
        side: of a patch, in pixels.
        count: of components.
    """

    def __init__(self, pixels: Tensor, side: int, count: int):
        self._side = side
        patches = F.unfold(pixels, side, stride=side).transpose(1, 2).reshape(-1, 3 * side * side)
        self._mean = patches.mean(dim=0)
        _, directions = torch.linalg.eigh(torch.cov((patches - self._mean).T))
        directions = directions[:, -count:].flip(1)
        deviations = ((patches - self._mean) @ directions).std(dim=0)
        self._weights = directions / (deviations * deviations.mean()).sqrt()

    def __call__(self, pixels: Tensor) -> Tensor:
        """(N, 3, H, W) pixels to (N, count, H / side, W / side)."""
        components = (F.unfold(pixels, self._side, stride=self._side).transpose(1, 2) - self._mean) @ self._weights
        height, width = (length // self._side for length in pixels.shape[-2:])
        return components.transpose(1, 2).reshape(len(pixels), -1, height, width)


def encode(autoencoder: Any, pixels: Tensor) -> Tensor:
    """(N, C, h, w) latents of (N, 3, H, W) pixels of -1 to 1."""
    encoded = autoencoder.encode(pixels)
    return encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()


def decode(autoencoder: Any, latents: Tensor) -> Tensor:
    """(N, 3, H, W) pixels of (N, C, h, w) latents, which are not quantised, as in Kandinsky's pipeline."""
    if hasattr(autoencoder, "quantize"):
        return autoencoder.decode(latents, force_not_quantize=True).sample
    return autoencoder.decode(latents).sample


@torch.no_grad()
def initialise(autoencoder: Any) -> None:
    """Residual branches that end in zeros, and latents whose distribution is a point."""
    for module in autoencoder.modules():
        if type(module).__name__ == "ResnetBlock2D":
            nn.init.zeros_(module.conv2.weight)
            nn.init.zeros_(module.conv2.bias)
    if not hasattr(autoencoder, "quantize"):
        channels = autoencoder.config.latent_channels
        autoencoder.quant_conv.weight[channels:] = 0
        autoencoder.quant_conv.bias[channels:] = -20.0


def reconstruction_loss(autoencoder: Any, photographs: Photographs, side: int) -> Loss:
    """Mean absolute error of pixels and of averages, and the distance of the latents to the components.

    Args:
        side: of the crops, in pixels.
    """
    factor = 2 ** (len(autoencoder.config.block_out_channels) - 1)
    pixels = photographs.crops(400, 128, np.random.default_rng(0))
    components = PatchComponents(pixels, factor, autoencoder.config.latent_channels)

    def loss(progress: float, draw: np.random.Generator) -> Tensor:
        crops = photographs.crops(BATCH, side, draw).contiguous(memory_format=torch.channels_last)
        latents = encode(autoencoder, crops)
        error = decode(autoencoder, latents + LATENT_NOISE * torch.randn_like(latents)) - crops
        weight = max(0.0, 1 - progress / GUIDED) + LEAST_WEIGHT
        coarse = F.avg_pool2d(error, COARSE).abs().mean()
        return error.abs().mean() + coarse + weight * ((latents - components(crops)) ** 2).mean()

    return loss
