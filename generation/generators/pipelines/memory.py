"""Where a pipeline's weights are while it runs, by the memory that weights, batch and side need.

The sizes of activations are for 1024-pixel images. Those of decoding were measured on a GPU, that of denoising is
an estimate; if memory runs out in spite of them, the batch is halved and then the next placement tried
(`generation.editing.model_slot`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")

GIB = 2**30
PLACEMENTS = ("resident", "model_offload", "group_offload", "sequential_offload")
"""From the fastest to the one that needs least memory."""

_MEGAPIXEL = 1024 * 1024
_DECODING = {2: 2.25 * GIB, 4: 3.0 * GIB}
"""Bytes to decode a 1024-pixel image, by the bytes of the autoencoder's numbers: a quarter of what four images
took: 8.9 GiB for FLUX.1 and Stable Diffusion 3.5 in bfloat16, 12.0 for Stable Diffusion XL and Kolors in
float32."""
_DENOISING = 1.0 * GIB
"""Bytes to denoise one 1024-pixel image with guidance: an estimate."""
_WORKSPACE = 1.0 * GIB
"""Bytes for the libraries' own needs and for fragmentation."""
_STREAMED = 1.0 * GIB
"""Bytes of weights on the device at a time where single layers are moved."""
_TILE = 0.5
"""Side of a tile, as a share of the image's."""


@dataclass(frozen=True)
class Workload:
    """What a pipeline is to do at a time.

    Attributes:
        side: height and width of the images, in pixels.
        batch: images a call.
        decoder_bytes: bytes of each number in the autoencoder, 2 or 4.
    """

    side: int
    batch: int
    decoder_bytes: int = 2


@dataclass(frozen=True)
class Placement:
    """How a pipeline uses a device's memory.

    Attributes:
        weights: one of PLACEMENTS. `resident`: all on the device; `model_offload`: each part while it runs;
            `group_offload`: each layer while it runs, the next one moved meanwhile; `sequential_offload`: each
            layer while it runs, one after the other.
        tiled: the autoencoder encodes and decodes in tiles, with blended borders.
        batch: images a call, at most.
    """

    weights: str
    tiled: bool
    batch: int

    def next(self) -> "Placement | None":
        """The placement that needs less memory; None for the last, which is `sequential_offload` in tiles."""
        number = PLACEMENTS.index(self.weights) + 1
        if number < len(PLACEMENTS):
            return Placement(PLACEMENTS[number], tiled=False, batch=1)
        return None if self.tiled else Placement(self.weights, tiled=True, batch=1)


def choose(part_bytes: Mapping[str, int], free_bytes: int, work: Workload) -> Placement:
    """The fastest placement that fits, with the largest batch that does.

    Images are always decoded one at a time: that costs nothing. Tiles are the last resort, since they change the
    picture: their borders are blended.

    Args:
        part_bytes: size of each part's weights.
        free_bytes: free memory of the device.
        work: the images of a call.
    """
    largest, total = max(part_bytes.values(), default=0), sum(part_bytes.values())
    held = {"resident": total, "model_offload": largest, "group_offload": _STREAMED, "sequential_offload": 0}
    for weights in PLACEMENTS:
        room = free_bytes - held[weights] - _WORKSPACE
        for batch in range(work.batch, 0, -1):
            if activations(work, batch) <= room:
                return Placement(weights, tiled=False, batch=batch)
    return Placement(PLACEMENTS[-1], tiled=True, batch=1)


def activations(work: Workload, batch: int) -> float:
    """The bytes that a call needs besides the weights: the larger of denoising and of decoding one image."""
    megapixels = work.side**2 / _MEGAPIXEL
    return max(batch * _DENOISING, _DECODING[work.decoder_bytes]) * megapixels


def free_bytes(device: str) -> int:
    """Free memory of a GPU."""
    import torch

    return torch.cuda.mem_get_info(device)[0]


def device_name(device: str) -> str:
    """The kind of a device: `cpu`, or a GPU's name and memory."""
    if device == "cpu":
        return device
    import torch

    return f"{torch.cuda.get_device_name(device)}, {torch.cuda.mem_get_info(device)[1] // GIB} GiB"


def place(pipeline: Any, device: str, placement: Placement) -> Any:
    """Places a loaded pipeline; one that is not a diffusers pipeline is always resident."""
    if not hasattr(pipeline, "enable_model_cpu_offload"):
        return pipeline.to(device)
    import torch

    _save_decoding(pipeline, placement.tiled)
    if placement.weights == "resident":
        return pipeline.to(device)
    if placement.weights == "model_offload":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        _move_layers(pipeline, torch.device(device), ahead=placement.weights == "group_offload")
    return pipeline


def _move_layers(pipeline: Any, device: Any, ahead: bool) -> None:
    """Moves each layer to the device while it runs.

    Args:
        device: a torch.device.
        ahead: on a GPU the next layer is moved meanwhile, in another stream.
    """
    streams = ahead and device.type == "cuda"
    models = {name: part for name, part in pipeline.components.items() if hasattr(part, "parameters")}
    whole = [name for name, part in models.items() if not getattr(part, "_supports_group_offloading", True)]
    pipeline.enable_group_offload(
        onload_device=device,
        offload_type="leaf_level",
        use_stream=streams,
        low_cpu_mem_usage=streams,  # else all weights are pinned in the host's memory
        exclude_modules=whole,
    )
    for name in whole:
        models[name].to(device)


def _save_decoding(pipeline: Any, tiled: bool) -> None:
    vae: Any = getattr(pipeline, "vae", None)
    if not hasattr(vae, "enable_slicing"):
        return
    vae.enable_slicing()
    if tiled:
        vae.enable_tiling()
        # the default tile is as large as the images of most checkpoints, so that none would be tiled
        vae.tile_sample_min_size = int(vae.config.sample_size * _TILE)
        vae.tile_latent_min_size = vae.tile_sample_min_size // 2 ** (len(vae.config.block_out_channels) - 1)


def within_memory(pipeline: Any | None, action: Callable[[], Result]) -> Result:
    """Calls a function that runs a pipeline, and leaves the pipeline as it was if memory runs out.

    The autoencoder's dtype is restored, parts that were moved to the device are moved back, and nothing of the
    failed call is kept in memory.

    Args:
        pipeline: what the function runs; None where it loads one.
        action: takes nothing.

    Raises:
        MemoryError: the device has too little memory.
    """
    import torch

    autoencoder: Any = getattr(pipeline, "vae", None)
    dtype = autoencoder.dtype if autoencoder is not None else None
    try:
        return action()
    except torch.OutOfMemoryError as error:
        message = str(error).splitlines()[0]
    finally:
        # pipelines decode in float32 and convert back only if that succeeds
        if autoencoder is not None and autoencoder.dtype != dtype:
            autoencoder.to(dtype=dtype)
    # outside of the handler: an exception keeps all tensors of the failed call alive
    if pipeline is not None and hasattr(pipeline, "maybe_free_model_hooks"):
        pipeline.maybe_free_model_hooks()
    free()
    raise MemoryError(message)


def free() -> None:
    """Collects garbage and empties the GPU's memory cache."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
