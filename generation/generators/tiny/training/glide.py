"""What GLIDE's two models learn: the noise in an image, given its surroundings."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from generation.generators.glide.diffusion import betas
from generation.generators.glide.unet import GlideUNet
from generation.generators.tiny.training.examples import OUTSIDE
from generation.generators.tiny.training.loop import Loss
from generation.generators.tiny.training.losses import spread
from generation.generators.tiny.training.photographs import Photographs, masks
from generation.generators.tiny.training.predictions import PROMPTS

BATCH = 16

COARSE_NOISE = 0.06
"""At most, on the smaller picture: the base's pictures are not as clean as a photograph made small."""

LARGEST_WEIGHT = 25.0
"""An error in the noise weighs as in the velocity, up to this factor: the noisiest steps set the colours."""


def initialise(model: GlideUNet) -> None:
    """Trains all but the text encoder; the variance is its lower bound: in a few steps all above that is grain."""
    model.requires_grad_(True)
    for part in (model.transformer, model.token_embedding, model.final_ln):
        part.requires_grad_(False)
    model.positional_embedding.requires_grad_(False)
    model.padding_embedding.requires_grad_(False)
    last: Any = model.out[2]
    with torch.no_grad():
        last.weight[3:] = 0
        last.bias[3:] = -1.0


def base_loss(model: GlideUNet, tokenizer: Any, photographs: Photographs) -> Loss:
    """For the model that paints a small picture."""
    side = model.options.side

    def loss(_: float, draw: np.random.Generator) -> Tensor:
        pixels, keep = photographs.crops(BATCH, side, draw), 1 - masks(BATCH, side, draw)
        return _noise_error(model, tokenizer, pixels, keep, torch.cat([pixels * keep, keep], dim=1), draw)

    return loss


def upsampler_loss(model: GlideUNet, tokenizer: Any, photographs: Photographs, side: int, factor: int) -> Loss:
    """For the model that enlarges it, on crops that are smaller than its images.

    Args:
        side: of the crops, in pixels.
        factor: how many times larger its images are than the base's.
    """

    def loss(_: float, draw: np.random.Generator) -> Tensor:
        pixels, keep = photographs.crops(BATCH, side, draw), 1 - masks(BATCH, side, draw)
        small = F.avg_pool2d(pixels, factor)
        small = small + COARSE_NOISE * torch.rand(BATCH, 1, 1, 1) * torch.randn_like(small)
        coarse = F.interpolate(small.clamp(-1, 1), (side, side), mode="bilinear", align_corners=False)
        context = torch.cat([pixels * keep, keep, coarse], dim=1)
        return _noise_error(model, tokenizer, pixels, keep, context, draw)

    return loss


def _noise_error(
    model: GlideUNet, tokenizer: Any, pixels: Tensor, keep: Tensor, context: Tensor, draw: np.random.Generator
) -> Tensor:
    shares = torch.cumprod(1 - betas(model.options.schedule), dim=0).float()
    times = (spread(len(pixels), 1.0, draw) * (len(shares) - 1)).round().long()
    share = shares[times][:, None, None, None]
    noise = torch.randn_like(pixels)
    noisy = share.sqrt() * pixels + (1 - share).sqrt() * noise
    tokens, mask = tokenizer.encode(PROMPTS[draw.integers(len(PROMPTS))], model.options.context)
    with torch.no_grad():
        text = model.read(torch.tensor([tokens]), torch.tensor([mask]))[1]
    projected = model.transformer_proj(text[:, :, -1])
    prompt = (projected.expand(len(pixels), -1), text.expand(len(pixels), -1, -1))
    predicted = model(torch.cat([noisy, context], dim=1), times, prompt)[:, :3]
    weight = (OUTSIDE + (1 - OUTSIDE) * (1 - keep)) * (1 / share).clamp(max=LARGEST_WEIGHT)
    return ((predicted - noise) ** 2 * weight).mean() / 3
