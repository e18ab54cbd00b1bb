"""The generators: one entry each. A further generator is a further entry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffseg30k import GENERATOR_NAMES
from generation.generators import diffusers_inpaint
from generation.generators.checkpoints import (
    Checkpoint,
    CheckpointError,
    Place,
    place_of,
    replacement_name,
    tiny_folder,
)
from generation.generators.inpainter import Inpainter
from generation.generators.tiny import kandinsky, transformers, unets
from generation.plan_options import GeneratorSettings

TINY = "tiny/"
FOLDER = "folder/"


@dataclass(frozen=True)
class Sampling:
    """How a checkpoint is sampled.

    Attributes:
        side: of the images that go in, in pixels.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
    """

    side: int
    steps: int
    guidance: float


@dataclass(frozen=True)
class GeneratorEntry:
    """One generator.

    Attributes:
        id: its short id.
        checkpoint: its published weights.
        sampling: how these are sampled by default.
        load: place, side, device and dtype to a loaded inpainter.
        dtype: of the weights on a GPU.
        build_tiny: makes the tiny pipeline.
        tiny_sampling: how the tiny checkpoint is sampled.
    """

    id: str
    checkpoint: Checkpoint
    sampling: Sampling
    load: Callable[[Place, int, str, str], Inpainter]
    dtype: str
    build_tiny: Callable[[], Any]
    tiny_sampling: Sampling

    @property
    def name(self) -> str:
        return GENERATOR_NAMES[self.id]


def _diffusers(pipeline_class: str, **options: Any) -> Callable[[Place, int, str, str], Inpainter]:
    def load(place: Place, side: int, device: str, dtype: str) -> Inpainter:
        return diffusers_inpaint.load(pipeline_class, place, side, device, dtype, **options)

    return load


_ENTRIES = (
    GeneratorEntry(
        id="sd2",
        checkpoint=Checkpoint(
            repository="stabilityai/stable-diffusion-2-inpainting",
            revision="main",
            license="CreativeML Open RAIL++-M",
            license_url="https://huggingface.co/stabilityai/stable-diffusion-2/blob/main/LICENSE-MODEL",
            gated=False,
            gigabytes=5.2,
        ),
        sampling=Sampling(side=512, steps=50, guidance=7.5),
        load=_diffusers("StableDiffusionInpaintPipeline", strength=1.0),
        dtype="float16",
        build_tiny=unets.sd2,
        tiny_sampling=Sampling(side=128, steps=4, guidance=7.5),
    ),
    GeneratorEntry(
        id="sd3.5",
        checkpoint=Checkpoint(
            repository="stabilityai/stable-diffusion-3.5-medium",
            revision="main",
            license="Stability AI Community License",
            license_url="https://huggingface.co/stabilityai/stable-diffusion-3.5-medium/blob/main/LICENSE.md",
            gated=True,
            gigabytes=16.0,
        ),
        sampling=Sampling(side=1024, steps=40, guidance=4.5),
        load=_diffusers("StableDiffusion3InpaintPipeline", strength=1.0),
        dtype="bfloat16",
        build_tiny=transformers.sd3_5,
        tiny_sampling=Sampling(side=128, steps=4, guidance=4.5),
    ),
    GeneratorEntry(
        id="sdxl",
        checkpoint=Checkpoint(
            repository="stabilityai/stable-diffusion-xl-base-1.0",
            revision="main",
            license="CreativeML Open RAIL++-M",
            license_url="https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
            gated=False,
            gigabytes=13.9,
        ),
        sampling=Sampling(side=1024, steps=50, guidance=7.5),
        load=_diffusers("StableDiffusionXLInpaintPipeline", strength=1.0),
        dtype="bfloat16",
        build_tiny=unets.sdxl,
        tiny_sampling=Sampling(side=128, steps=4, guidance=7.5),
    ),
    GeneratorEntry(
        id="flux.1",
        checkpoint=Checkpoint(
            repository="black-forest-labs/FLUX.1-dev",
            revision="main",
            license="FLUX.1 [dev] Non-Commercial License",
            license_url="https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md",
            gated=True,
            gigabytes=33.7,
        ),
        sampling=Sampling(side=1024, steps=50, guidance=3.5),
        load=_diffusers("FluxInpaintPipeline", strength=1.0),
        dtype="bfloat16",
        build_tiny=transformers.flux_1,
        tiny_sampling=Sampling(side=128, steps=4, guidance=3.5),
    ),
    GeneratorEntry(
        id="kandinsky2.2",
        checkpoint=Checkpoint(
            repository="kandinsky-community/kandinsky-2-2-decoder-inpaint",
            revision="main",
            license="Apache-2.0",
            license_url="https://huggingface.co/kandinsky-community/kandinsky-2-2-decoder-inpaint",
            gated=False,
            gigabytes=13.0,
        ),
        sampling=Sampling(side=512, steps=100, guidance=4.0),
        # in a batch diffusers 0.42 keeps the outside of the first image for all of them
        load=_diffusers("KandinskyV22InpaintCombinedPipeline", batches=False),
        dtype="float16",
        build_tiny=kandinsky.kandinsky2_2,
        tiny_sampling=Sampling(side=128, steps=4, guidance=4.0),
    ),
)

GENERATORS: dict[str, GeneratorEntry] = {entry.id: entry for entry in _ENTRIES}


def settings(
    generators: Sequence[str] | None, checkpoints: str, replacements: Mapping[str, str]
) -> tuple[GeneratorSettings, ...]:
    """What a plan needs to know of the generators that it uses.

    Args:
        generators: short ids; None for all.
        checkpoints: `tiny` or `full`.
        replacements: generator to the folder or Hub name that replaces its checkpoint.

    Raises:
        ValueError: a generator is not known.
    """
    chosen = tuple(GENERATORS) if generators is None else tuple(generators)
    for name in (*chosen, *replacements):
        if name not in GENERATORS:
            raise ValueError(f"{name!r} is not a generator; there are {', '.join(GENERATORS)}")
    return tuple(_settings(GENERATORS[name], checkpoints, replacements.get(name)) for name in chosen)


def _settings(entry: GeneratorEntry, checkpoints: str, replacement: str | None) -> GeneratorSettings:
    if replacement:
        name, sampling = replacement_name(replacement), entry.sampling
    elif checkpoints == "tiny":
        name, sampling = TINY + entry.id, entry.tiny_sampling
    else:
        name, sampling = entry.checkpoint.name, entry.sampling
    return GeneratorSettings(entry.id, name, None, sampling.steps, sampling.guidance)


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
        checkpoint: the name that the plan gives its weights.
        lora: the LoRA that it carries.
        device: `cpu` or `cuda:N`.
        replacements: generator to the folder or Hub name that replaces its checkpoint.

    Raises:
        CheckpointError: the weights are missing, gated or damaged.
    """
    entry = GENERATORS[generator]
    side = (entry.tiny_sampling if checkpoint.startswith(TINY) else entry.sampling).side
    place = _place(entry, checkpoint, (replacements or {}).get(generator))
    try:
        return entry.load(place, side, device, entry.dtype)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{entry.name}: {place.source} cannot be loaded: {reason}") from error


def _place(entry: GeneratorEntry, checkpoint: str, replacement: str | None) -> Place:
    if checkpoint.startswith(TINY):
        return Place(str(tiny_folder(entry.id, entry.build_tiny)))
    if checkpoint.startswith(FOLDER):
        if replacement is None:
            raise CheckpointError(
                f"{entry.name} was planned with a checkpoint from a folder; say where it is with "
                f"--checkpoint {entry.id}=FOLDER"
            )
        return Place(replacement)
    return place_of(checkpoint)
