"""Batches of latents with what an inpainting pipeline passes on beside them, made once and used a few times."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from generation.generators.tiny.training.autoencoders import encode
from generation.generators.tiny.training.photographs import Photographs, masks

OUTSIDE = 0.15
"""Weight of what lies outside a mask, which an inpainting pipeline throws away."""

ALL_MASKED = 0.08
"""Share of the examples that are masked everywhere."""

CELL = 4
"""Pixels a side of the cells that masks are made of."""


@dataclass(frozen=True)
class Examples:
    """A batch.

    Attributes:
        latents: (N, C, h, w), what is to be painted.
        context: (N, K, h, w), further input channels: the mask and the surroundings; K is 0 where there are none.
        weight: (N, 1, h, w), of the errors.
    """

    latents: Tensor
    context: Tensor
    weight: Tensor

    def __getitem__(self, places: Tensor) -> "Examples":
        return Examples(self.latents[places], self.context[places], self.weight[places])


MakeExamples = Callable[[int, np.random.Generator], Examples]


class Pool:
    """Examples of which each step replaces a few and draws a batch: encoding costs as much as learning.

    Args:
        make: makes new examples.
        size: examples in the pool.
        fresh: examples replaced for each batch.
    """

    def __init__(self, make: MakeExamples, size: int = 192, fresh: int = 4):
        self._make, self._size, self._fresh = make, size, fresh
        self._examples: Examples | None = None
        self._oldest = 0

    def batch(self, count: int, draw: np.random.Generator) -> Examples:
        if self._examples is None:
            self._examples = _joined([self._make(self._fresh, draw) for _ in range(self._size // self._fresh)])
        else:
            made = self._make(self._fresh, draw)
            places = (torch.arange(self._fresh) + self._oldest) % len(self._examples.latents)
            for name in ("latents", "context", "weight"):
                getattr(self._examples, name)[places] = getattr(made, name)
            self._oldest += self._fresh
        return self._examples[torch.from_numpy(draw.permutation(len(self._examples.latents))[:count])]


def _joined(parts: list[Examples]) -> Examples:
    fields = ("latents", "context", "weight")
    return replace(parts[0], **{name: torch.cat([getattr(part, name) for part in parts]) for name in fields})


def whole_pictures(autoencoder: Any, photographs: Photographs, side: int) -> MakeExamples:
    """For a text-to-image model.

    Args:
        side: of the crops, in pixels.
    """

    @torch.no_grad()
    def make(count: int, draw: np.random.Generator) -> Examples:
        latents = encode(autoencoder, photographs.crops(count, side, draw))
        return Examples(latents, latents[:, :0], torch.ones_like(latents[:, :1]))

    return make


def masked_pixels(autoencoder: Any, photographs: Photographs, side: int) -> MakeExamples:
    """As Stable Diffusion's inpainting pipeline makes them: the mask, and the latents of the masked picture."""

    @torch.no_grad()
    def make(count: int, draw: np.random.Generator) -> Examples:
        pixels, mask = photographs.crops(count, side, draw), _masks(count, side, draw)
        masked = pixels * (1 - F.interpolate(mask, pixels.shape[-2:]))
        latents, surroundings = encode(autoencoder, torch.cat([pixels, masked])).chunk(2)
        return Examples(latents, torch.cat([mask, surroundings], dim=1), OUTSIDE + (1 - OUTSIDE) * mask)

    return make


def masked_latents(autoencoder: Any, photographs: Photographs, side: int) -> MakeExamples:
    """As Kandinsky's inpainting pipeline makes them: masked latents, and 1 where they are kept.

    The mask is one cell larger all around.
    """

    @torch.no_grad()
    def make(count: int, draw: np.random.Generator) -> Examples:
        latents = encode(autoencoder, photographs.crops(count, side, draw))
        mask = F.max_pool2d(_masks(count, side, draw), 3, 1, 1)
        context = torch.cat([latents * (1 - mask), 1 - mask], dim=1)
        return Examples(latents, context, OUTSIDE + (1 - OUTSIDE) * mask)

    return make


def _masks(count: int, side: int, draw: np.random.Generator) -> Tensor:
    mask = masks(count, side // CELL, draw)
    mask[torch.from_numpy(draw.random(count) < ALL_MASKED)] = 1
    return mask
