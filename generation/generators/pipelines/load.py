"""Loads a diffusers pipeline from a folder, and calls one with its output checked."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from generation.generators.pipelines import memory


def load_pipeline(pipeline_class: str, folder: Path, dtype: str, components: Mapping[str, Any]) -> Any:
    """Loads a pipeline from a folder into the CPU's memory.

    Args:
        pipeline_class: its name in diffusers.
        dtype: dtype of the weights, by torch's name.
        components: parts and settings that replace those in the folder.
    """
    import diffusers
    import torch

    pipeline = getattr(diffusers, pipeline_class).from_pretrained(
        str(folder),
        dtype=getattr(torch, dtype),
        variant=variant_in(folder),
        use_safetensors=True,
        local_files_only=True,
        **components,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


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
        MemoryError: the device has too little memory for the call.
        FloatingPointError: a picture holds NaN or infinity.
    """
    import torch

    try:
        with quiet():
            pictures = pipeline(output_type="np", **arguments).images
    except torch.OutOfMemoryError as error:
        memory.free()
        raise MemoryError(str(error).splitlines()[0]) from error
    return [to_pixels(picture) for picture in pictures]


def to_pixels(picture: np.ndarray) -> np.ndarray:
    """Converts a (H, W, 3) float picture, 0 to 1, to uint8.

    Raises:
        FloatingPointError: the picture holds NaN or infinity.
    """
    if not np.isfinite(picture).all():
        raise FloatingPointError("the model gave NaN or infinity")
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
