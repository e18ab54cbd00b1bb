"""White-box attack on a detector by projected gradient descent (Madry et al., "Towards Deep Learning Models
Resistant to Adversarial Attacks", ICLR 2018)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

STEPS = 10
STEP_SHARE = 0.25
"""Step size, as a share of the limit."""

Loss = Callable[[torch.Tensor], torch.Tensor]


def projected_gradient(
    image: np.ndarray, loss: Loss, limit: float, rng: np.random.Generator, device="cpu"
) -> np.ndarray:
    """Finds an image within `limit` of `image` in every channel of every pixel that increases a detector's loss.

    Args:
        image: (H, W, 3) uint8.
        loss: maps a (1, 3, H, W) float tensor, 0 to 1, to the detector's loss, a scalar with a gradient.
        limit: largest change of a channel, in 255ths.
        rng: draws the random start.
        device: the detector's device.

    Returns:
        (H, W, 3) uint8: rounded, so that the image can be saved.
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
