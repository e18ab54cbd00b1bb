"""Looks up generators by id: their settings for a plan, and their loading."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from generation.checkpoints.cache import cache_folder
from generation.checkpoints.checkpoint import (
    FOLDER_PREFIX,
    TINY_PREFIX,
    CheckpointError,
    Place,
    place_of,
    replacement_name,
)
from generation.checkpoints.files import fetch_files, locate, locate_files
from generation.generators import lora as loras
from generation.generators.entries import GENERATORS, GeneratorEntry, Sampling
from generation.generators.pipelines import memory
from generation.generators.pipelines.inpainter import Inpainter
from generation.generators.pipelines.load import quiet
from generation.generators.settings import GeneratorSettings
from generation.generators.tiny.assembly import tiny_checkpoint

__all__ = ["GENERATORS", "GeneratorEntry", "Sampling", "load", "lora_settings", "sampling_of", "settings"]


def settings(
    generators: Sequence[str] | None, checkpoints: str, replacements: Mapping[str, str]
) -> tuple[GeneratorSettings, ...]:
    """The settings of a plan's generators: checkpoint, steps and guidance of each.

    Args:
        generators: short ids; None for all.
        checkpoints: `tiny` or `full`.
        replacements: generator or LoRA to the folder, file or Hub name that replaces its checkpoint.

    Raises:
        ValueError: a generator's id is unknown.
    """
    chosen = tuple(GENERATORS) if generators is None else tuple(generators)
    for name in (*chosen, *(name for name in replacements if name not in loras.LORAS)):
        if name not in GENERATORS:
            raise ValueError(f"{name!r} is not a generator; there are {', '.join(GENERATORS)}")
    return tuple(_settings(GENERATORS[name], checkpoints, replacements.get(name)) for name in chosen)


def _settings(entry: GeneratorEntry, checkpoints: str, replacement: str | None) -> GeneratorSettings:
    if replacement:
        name, sampling = replacement_name(replacement), entry.sampling
    elif checkpoints == "tiny":
        name, sampling = TINY_PREFIX + entry.id, entry.tiny_sampling
    else:
        name, sampling = entry.checkpoint.name, entry.sampling
    return GeneratorSettings(entry.id, name, None, sampling.steps, sampling.guidance)


def lora_settings(generator: str, checkpoint: str, replacements: Mapping[str, str]) -> GeneratorSettings:
    """The settings of a generator with its LoRA.

    Args:
        generator: its short id.
        checkpoint: the name of the weights that the LoRA is fused into; tiny weights take a tiny LoRA.
        replacements: generator or LoRA to the folder, file or Hub name that replaces its checkpoint.

    Raises:
        ValueError: the generator has no LoRA.
    """
    entry = loras.entry_for(generator)
    if replacement := replacements.get(entry.id):
        name = replacement_name(replacement)
    else:
        name = TINY_PREFIX + entry.id if checkpoint.startswith(TINY_PREFIX) else entry.name
    return GeneratorSettings(generator, checkpoint, name, entry.steps, entry.guidance)


def load(
    generator: str,
    checkpoint: str,
    *,
    lora: str | None = None,
    device: str = "cpu",
    replacements: Mapping[str, str] | None = None,
) -> Inpainter:
    """Loads a generator.

    Args:
        generator: its short id.
        checkpoint: the name of its weights in the plan.
        lora: the name of its LoRA in the plan, or None.
        device: `cpu` or `cuda:N`.
        replacements: generator or LoRA to the folder, file or Hub name that replaces its checkpoint.

    Raises:
        CheckpointError: the weights are missing, gated or damaged.
    """
    entry = GENERATORS[generator]
    pipeline = _pipeline(entry, checkpoint, lora, device, replacements or {})
    return entry.inpainter(pipeline, sampling_of(entry, checkpoint))


def sampling_of(entry: GeneratorEntry, checkpoint: str) -> Sampling:
    """How a checkpoint is sampled by default, and the side of the images that it takes."""
    return entry.tiny_sampling if checkpoint.startswith(TINY_PREFIX) else entry.sampling


def _pipeline(
    entry: GeneratorEntry, checkpoint: str, lora: str | None, device: str, replacements: Mapping[str, str]
) -> Any:
    try:
        folder = _folder(entry, checkpoint, replacements.get(entry.id))
        carried = loras.entry_for(entry.id) if lora else None
        file = loras.locate(carried, lora, replacements.get(carried.id)) if carried and lora else None
    except CheckpointError as error:
        raise CheckpointError(
            f"{entry.name}: {error}; another checkpoint can be given with --checkpoint {entry.id}=FOLDER"
        ) from error
    try:
        with quiet():
            pipeline = entry.pipeline(folder, "float32" if device == "cpu" else entry.dtype)
            if carried and file:
                loras.carry(pipeline, carried, file)
            return memory.place(pipeline, device)
    except CheckpointError:
        raise
    except (OSError, ValueError, RuntimeError, ImportError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{entry.name}: {folder} cannot be loaded: {reason}") from error


def _folder(entry: GeneratorEntry, checkpoint: str, replacement: str | None) -> Path:
    published = entry.checkpoint
    find = partial(locate_files, published) if published.files else locate
    if checkpoint.startswith(TINY_PREFIX):
        return find(Place(str(tiny_checkpoint(entry.id))))
    if checkpoint.startswith(FOLDER_PREFIX):
        if replacement is None:
            raise CheckpointError("it was planned with a checkpoint from a folder, and no folder is given")
        return find(Place(replacement))
    if checkpoint == published.name and published.files:
        return fetch_files(published, cache_folder() / published.folder_name)
    return find(published.place if checkpoint == published.name else place_of(checkpoint))
