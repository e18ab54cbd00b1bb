"""Projected gradient descent (Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks")."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

STEPS = 10
STEP_SHARE = 0.25
"""A step's length, as a share of the limit."""

Loss = Callable[[torch.Tensor], torch.Tensor]


def projected_gradient(
    image: np.ndarray, loss: Loss, limit: float, rng: np.random.Generator, device="cpu"
) -> np.ndarray:
    """A picture within `limit` of `image` in every channel of every pixel, on which a detector's loss is high.

    Args:
        image: (H, W, 3) uint8.
        loss: (1, 3, H, W) float, 0 to 1, to the detector's loss, a scalar with a gradient.
        limit: the largest change, in 255ths.
        rng: where the random start comes from.
        device: where the detector is.

    Returns:
        (H, W, 3) uint8: a picture that can be saved, so rounding is part of the attack.
    """
    clean = torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None].to(device)
    radius = limit / 255
    start = rng.uniform(-radius, radius, clean.shape).astype(np.float32)
    attacked = (clean + torch.from_numpy(start).to(device)).clamp(0, 1)
    for _ in range(STEPS):
        attacked = attacked.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(attacked), attacked)
        with torch.no_grad():
            attacked = attacked + STEP_SHARE * radius * gradient.sign()
            attacked = torch.clamp(attacked, clean - radius, clean + radius).clamp(0, 1)
    return _as_bytes(attacked, image, limit)


def _as_bytes(attacked: torch.Tensor, image: np.ndarray, limit: float) -> np.ndarray:
    values = np.rint(attacked[0].detach().permute(1, 2, 0).cpu().numpy() * 255)
    whole = int(limit)
    return np.clip(
        values, np.maximum(image.astype(int) - whole, 0), np.minimum(image.astype(int) + whole, 255)
    ).astype(np.uint8)
