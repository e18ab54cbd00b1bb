"""What the denoisers learn: the velocity of a diffusion, or of a rectified flow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from generation.generators.tiny.training.examples import Examples, Pool
from generation.generators.tiny.training.loop import Loss

Predict = Callable[[Tensor, Tensor], Tensor]
"""The denoiser's input (N, C + K, h, w) and (N,) times of 0 to 1,000 to (N, C, h, w)."""

BEYOND = 0.1
"""Share of the examples whose times lie anywhere, where the others' stop before pure noise."""


def velocity_loss(pool: Pool, predict: Predict, scheduler: Any, batch: int, last: float = 1.0) -> Loss:
    """Mean squared error of the velocity (Salimans and Ho 2022, arXiv 2202.00512).

    Args:
        batch: examples a step.
        last: share of the noise schedule that sampling begins at; most examples are not noisier.
    """
    shares = scheduler.alphas_cumprod.float().cpu()

    def loss(_: float, draw: np.random.Generator) -> Tensor:
        examples = pool.batch(batch, draw)
        times = (spread(batch, last, draw) * (len(shares) - 1)).round().long()
        share = shares[times][:, None, None, None]
        noise = torch.randn_like(examples.latents)
        noisy = share.sqrt() * examples.latents + (1 - share).sqrt() * noise
        target = share.sqrt() * noise - (1 - share).sqrt() * examples.latents
        return _error(predict(torch.cat([noisy, examples.context], dim=1), times), target, examples)

    return loss


def flow_loss(pool: Pool, predict: Predict, batch: int, last: float = 1.0) -> Loss:
    """Mean squared error of a rectified flow's velocity (Esser et al. 2024, arXiv 2403.03206).

    Args:
        batch: examples a step.
        last: share of noise that sampling begins at; most examples are not noisier.
    """

    def loss(_: float, draw: np.random.Generator) -> Tensor:
        examples = pool.batch(batch, draw)
        times = spread(batch, last, draw)
        share = times[:, None, None, None]
        noise = torch.randn_like(examples.latents)
        noisy = (1 - share) * examples.latents + share * noise
        prediction = predict(torch.cat([noisy, examples.context], dim=1), times * 1000)
        return _error(prediction, noise - examples.latents, examples)

    return loss


def spread(batch: int, last: float, draw: np.random.Generator) -> Tensor:
    """(batch,) times of 0 to 1, one in each of as many equal parts of 0 to `last`, a few of them anywhere."""
    times = (draw.permutation(batch) + draw.random(batch)) / batch
    times = np.where(draw.random(batch) < BEYOND, times, times * last)
    return torch.from_numpy(times.astype(np.float32))


def _error(prediction: Tensor, target: Tensor, examples: Examples) -> Tensor:
    weighted = (prediction - target) ** 2 * examples.weight
    return weighted.sum() / (examples.weight.sum() * target.shape[1])
