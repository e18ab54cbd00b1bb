"""Looks up generators by id: their settings for a plan, and their loading."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from generation.checkpoints.weight_sizes import part_sizes
from generation.generators import lora as loras
from generation.generators.entries import ALTERNATIVE_ENTRIES, GENERATORS, GeneratorEntry, Sampling, entry_of
from generation.generators.pipelines import memory
from generation.generators.pipelines.inpainter import Inpainter
from generation.generators.pipelines.load import LoadOptions, quiet, variant_in
from generation.generators.pipelines.memory import Placement
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
        replacements: generator or LoRA to what replaces its checkpoint: the name of an alternative, a folder, a
            file or a Hub name.

    Raises:
        ValueError: a generator's id is unknown.
    """
    chosen = tuple(GENERATORS) if generators is None else tuple(generators)
    for name in (*chosen, *(name for name in replacements if name not in loras.LORAS)):
        if name not in GENERATORS:
            raise ValueError(f"{name!r} is not a generator; there are {', '.join(GENERATORS)}")
    return tuple(_settings(GENERATORS[name], checkpoints, replacements.get(name)) for name in chosen)


def _settings(entry: GeneratorEntry, checkpoints: str, replacement: str | None) -> GeneratorSettings:
    if alternative := ALTERNATIVE_ENTRIES.get(entry.id, {}).get(replacement or ""):
        name, sampling = alternative.checkpoint.name, alternative.sampling
    elif replacement:
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
    placement: Placement | None = None,
) -> Inpainter:
    """Loads a generator.

    Args:
        generator: its short id.
        checkpoint: the name of its weights in the plan.
        lora: the name of its LoRA in the plan, or None.
        device: `cpu` or `cuda:N`.
        replacements: generator or LoRA to the folder, file or Hub name that replaces its checkpoint.
        placement: how it uses the device's memory; None for `plan_placement` with one image a call.

    Raises:
        CheckpointError: the weights are missing, gated or damaged.
        MemoryError: they do not fit the device.
    """
    entry = entry_of(generator, checkpoint)
    placed = placement or plan_placement(generator, checkpoint, device=device, replacements=replacements)
    pipeline = _pipeline(entry, checkpoint, lora, device, replacements or {}, placed)
    return entry.inpainter(pipeline, sampling_of(entry, checkpoint))


def plan_placement(
    generator: str,
    checkpoint: str,
    *,
    device: str,
    batch_size: int = 1,
    replacements: Mapping[str, str] | None = None,
) -> Placement:
    """The fastest placement of a generator that fits the free memory of a device, and the batch that does.

    Only the headers of the weights' files are read.

    Args:
        generator: its short id.
        checkpoint: the name of its weights in the plan.
        device: `cpu` or `cuda:N`; on a CPU all weights are in its memory.
        batch_size: the largest number of images a call.
        replacements: as in `load`.

    Raises:
        CheckpointError: the weights are missing, gated or damaged.
    """
    if device == "cpu":
        return Placement("resident", tiled=False, batch=batch_size)
    entry = entry_of(generator, checkpoint)
    with _named(entry):
        folder = _folder(entry, checkpoint, (replacements or {}).get(entry.id))
        sizes = _part_sizes(entry, folder)
    decoder_bytes = _BYTES[entry.decoder_dtype or entry.dtype]
    work = memory.Workload(sampling_of(entry, checkpoint).side, batch_size, decoder_bytes)
    return memory.choose(sizes, memory.free_bytes(device), work)


def next_placement(generator: str, placement: Placement) -> Placement | None:
    """The placement of a generator that needs less memory than another; None where there is none."""
    return placement.next() if GENERATORS[generator].offloads else None


_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def _part_sizes(entry: GeneratorEntry, folder: Path) -> dict[str, int]:
    width = _BYTES[entry.dtype]
    if entry.checkpoint.files:  # OpenAI's files hold float32
        return {file.name: file.stat().st_size * width // 4 for file in folder.glob("*.pt")}
    sizes = {
        f"{number}/{name}": size
        for number, each in enumerate(entry.folders(folder))
        for name, size in part_sizes(each, width, variant_in(each)).items()
    }
    if entry.checkpoint.quantized:
        sizes["0/transformer"] //= width
    return sizes


def sampling_of(entry: GeneratorEntry, checkpoint: str) -> Sampling:
    """How a checkpoint is sampled by default, and the side of the images that it takes."""
    return entry.tiny_sampling if checkpoint.startswith(TINY_PREFIX) else entry.sampling


@contextmanager
def _named(entry: GeneratorEntry) -> Iterator[None]:
    """Names the generator in an error, and the option that helps."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(
            f"{entry.name}: {error}; another checkpoint can be given with --checkpoint {entry.id}=FOLDER"
        ) from error


def _pipeline(
    entry: GeneratorEntry,
    checkpoint: str,
    lora: str | None,
    device: str,
    replacements: Mapping[str, str],
    placement: Placement,
) -> Any:
    with _named(entry):
        folder = _folder(entry, checkpoint, replacements.get(entry.id))
        carried = loras.entry_for(entry.id) if lora else None
        file = loras.locate(carried, lora, replacements.get(carried.id)) if carried and lora else None
    options = LoadOptions(
        dtype="float32" if device == "cpu" else entry.dtype,
        device=device if device != "cpu" and placement.weights == "resident" else None,
        quantized=entry.checkpoint.quantized if checkpoint == entry.checkpoint.name else None,
    )

    def load_and_place() -> Any:
        pipeline = entry.pipeline(folder, options)
        if carried and file:
            loras.carry(pipeline, carried, file)
        return memory.place(pipeline, device, placement)

    try:
        with quiet():
            return memory.within_memory(None, load_and_place)
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
