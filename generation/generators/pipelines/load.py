"""Loads a diffusers pipeline from a folder, and calls one with its output checked."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class LoadOptions:
    """How a pipeline's weights are loaded.

    Attributes:
        dtype: dtype of the weights, by torch's name.
        device: where they are loaded to, without a copy in the host's memory: `cpu` or `cuda:N`; None where the
            pipeline is placed afterwards.
        quantized: how the denoiser is quantised: `int8` (its weights, by torchao), or None.
    """

    dtype: str
    device: str | None = None
    quantized: str | None = None


def load_pipeline(
    pipeline_class: str, folder: Path, options: LoadOptions, components: Mapping[str, Any] | None = None
) -> Any:
    """Loads a pipeline from a folder.

    Args:
        pipeline_class: its name in diffusers.
        folder: a diffusers checkpoint.
        options: dtype, device and quantisation.
        components: parts and settings that replace those in the folder.

    Raises:
        ImportError: the checkpoint is to be quantised, and torchao is not installed.
    """
    import diffusers
    import torch

    given = dict(components or {})
    if options.quantized:
        given["quantization_config"] = _quantization(options.quantized)
    kind, _, index = (options.device or "").partition(":")
    if kind:
        given["device_map"] = kind
    with torch.cuda.device(int(index or 0)) if kind == "cuda" else nullcontext():
        pipeline = getattr(diffusers, pipeline_class).from_pretrained(
            str(folder),
            dtype=getattr(torch, options.dtype),
            variant=variant_in(folder),
            use_safetensors=True,
            local_files_only=True,
            **given,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _quantization(name: str) -> Any:
    """The configuration that quantises a pipeline's denoiser."""
    from diffusers import PipelineQuantizationConfig, TorchAoConfig

    if name != "int8":
        raise ValueError(f"{name!r} is no quantisation; there is int8")
    try:
        from torchao.quantization import Int8WeightOnlyConfig
    except ImportError as error:
        raise ImportError("int8 weights need torchao: pip install 'diffseg30k[quantized]'") from error
    config: Any = TorchAoConfig(Int8WeightOnlyConfig())
    return PipelineQuantizationConfig(quant_mapping={"transformer": config})


@contextmanager
def quiet() -> Iterator[None]:
    """Hides warnings and loading bars of diffusers and transformers, which do not concern users of this
    project."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries: tuple[Any, ...] = (diffusers_logging, transformers_logging)
    before = [library.get_verbosity() for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for library, verbosity in zip(libraries, before, strict=True):
            library.set_verbosity(verbosity)
            library.enable_progress_bar()


def variant_in(folder: Path) -> str | None:
    """`fp16` if a part's weights are in the folder in half precision only, else None."""
    parts = {path.parent for path in folder.glob("*/*.safetensors")}
    half_only = (all(".fp16" in path.name for path in part.glob("*.safetensors")) for part in parts)
    return "fp16" if any(half_only) else None


def call(pipeline: Any, **arguments: Any) -> list[np.ndarray]:
    """Calls a pipeline and returns its pictures, (H, W, 3) uint8 each.

    Raises:
        FloatingPointError: a picture holds NaN or infinity.
    """
    with quiet():
        pictures = pipeline(output_type="np", **arguments).images
    return [to_pixels(picture) for picture in pictures]


def to_pixels(picture: np.ndarray) -> np.ndarray:
    """Converts a (H, W, 3) float picture, 0 to 1, to uint8.

    Raises:
        FloatingPointError: the picture holds NaN or infinity.
    """
    if not np.isfinite(picture).all():
        raise FloatingPointError("the model gave NaN or infinity")
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
