"""A small segmentation network that finds which generator painted each pixel, trained in minutes on two cores."""

import numpy as np
import torch
from torch import Tensor, nn

from diffseg30k import CLASS_NAMES

CROP, BATCH = 128, 8
RATE, LEAST_RATE = 3e-3, 1e-5
WIDTHS = (16, 32, 48)


class SmallUNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) that keeps the full resolution at first, where a generator's traces are.

    (N, 3, H, W) float32 of 0 to 1 to (N, 9, H, W) logits; H and W are multiples of 4.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.at_full = _block(3, first)
        self.at_half = _block(first, second)
        self.at_quarter = nn.Sequential(_block(second, third), _block(third, third))
        self.up_half = _block(third + second, second)
        self.up_full = _block(second + first, first)
        self.head = nn.Conv2d(first, len(CLASS_NAMES), 1)

    def forward(self, images: Tensor) -> Tensor:
        full = self.at_full(images - 0.5)
        half = self.at_half(nn.functional.max_pool2d(full, 2))
        quarter = self.at_quarter(nn.functional.max_pool2d(half, 2))
        half = self.up_half(torch.cat([_doubled(quarter), half], dim=1))
        return self.head(self.up_full(torch.cat([_doubled(half), full], dim=1)))


def _block(channels: int, width: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before in (channels, width):
        layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers)


def _doubled(features: Tensor) -> Tensor:
    return nn.functional.interpolate(features, scale_factor=2, mode="nearest")


def train(images: list[np.ndarray], truths: list[np.ndarray], steps: int, seed: int) -> SmallUNet:
    """Trains a network with Adam and a cosine schedule.

    Args:
        images: (H, W, 3) uint8 each.
        truths: (H, W) uint8 class ids.
        steps: number of updates.
        seed: of the weights and of the crops.
    """
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    network = SmallUNet().train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    weights = class_weights(truths)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = LEAST_RATE + (RATE - LEAST_RATE) * (1 + np.cos(np.pi * step / steps)) / 2
        pixels, labels = _crops(images, truths, draw)
        loss = nn.functional.cross_entropy(network(pixels), labels, weights)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step % 50 == 0:
            print(f"seed {seed}: step {step}, loss {loss.item():.3f}", flush=True)
    return network.eval()


def class_weights(truths: list[np.ndarray]) -> Tensor:
    """(9,) weights of the classes: one over the square root of their share of the pixels, with mean 1."""
    counts = np.bincount(np.concatenate([truth.ravel() for truth in truths]), minlength=len(CLASS_NAMES))
    weights = 1 / np.sqrt(counts.clip(1) / counts.sum())
    return torch.tensor(weights / weights.mean(), dtype=torch.float32)


def _crops(images: list[np.ndarray], truths: list[np.ndarray], draw: np.random.Generator) -> tuple[Tensor, Tensor]:
    pixels, labels = [], []
    for index in draw.integers(len(images), size=BATCH):
        image, truth = images[index], truths[index]
        top, left = (int(draw.integers(length - CROP + 1)) for length in truth.shape)
        window = slice(top, top + CROP), slice(left, left + CROP)
        mirrored = slice(None, None, -1 if draw.random() < 0.5 else 1)
        pixels.append(image[window][:, mirrored].transpose(2, 0, 1).astype(np.float32) / 255)
        labels.append(truth[window][:, mirrored].astype(np.int64))
    return torch.from_numpy(np.stack(pixels)), torch.from_numpy(np.stack(labels))


@torch.no_grad()
def predict(network: SmallUNet, image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 to (H, W) uint8 class ids."""
    pixels = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255)[None]
    return network(pixels)[0].argmax(dim=0).numpy().astype(np.uint8)
