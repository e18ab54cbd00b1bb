"""Places a pipeline's weights while it runs: all on the GPU, one part at a time, or one layer at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RESERVE = 4 * 2**30
"""Bytes kept free for the activations of a 1024-pixel image."""

SMALL = 24 * 2**30
"""Bytes. With less free memory, images are decoded one at a time and in tiles."""


@dataclass(frozen=True)
class Placement:
    """How a pipeline uses a device's memory.

    Attributes:
        weights: `resident`: all on the device; `offloaded`: on the device while their part runs; `streamed`: on
            the device while their layer runs.
        tiled: the autoencoder decodes one image at a time, and large images in tiles.
    """

    weights: str
    tiled: bool


def choose(part_bytes: Mapping[str, int], free_bytes: int) -> Placement:
    """The fastest placement that fits.

    Args:
        part_bytes: size of each part's weights.
        free_bytes: free memory of the device.
    """
    room = free_bytes - RESERVE
    if sum(part_bytes.values()) <= room:
        weights = "resident"
    elif max(part_bytes.values()) <= room:
        weights = "offloaded"
    else:
        weights = "streamed"
    return Placement(weights, tiled=free_bytes < SMALL)


def place(pipeline: Any, device: str) -> Any:
    """Places a loaded pipeline on its device; one that is not a diffusers pipeline is always resident."""
    if device == "cpu":
        return pipeline
    import torch

    if not hasattr(pipeline, "enable_model_cpu_offload"):
        return pipeline.to(device)

    placement = choose(part_sizes(pipeline), torch.cuda.mem_get_info(device)[0])
    if placement.tiled and hasattr(getattr(pipeline, "vae", None), "enable_tiling"):
        pipeline.vae.enable_tiling()
        pipeline.vae.enable_slicing()
    if placement.weights == "resident":
        return pipeline.to(device)
    if placement.weights == "offloaded":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)
    return pipeline


def part_sizes(pipeline: Any) -> dict[str, int]:
    """The size in bytes of the weights of each of a pipeline's models."""
    import torch

    return {
        name: sum(weights.nbytes for weights in (*part.parameters(), *part.buffers()))
        for name, part in pipeline.components.items()
        if isinstance(part, torch.nn.Module)
    }


def free() -> None:
    """Collects garbage and empties the GPU's memory cache."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
