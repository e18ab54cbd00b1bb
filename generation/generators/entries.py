"""The table of generators: one entry each, with checkpoint, sampling settings and the functions that load it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffseg30k import GENERATOR_NAMES
from generation.checkpoints.checkpoint import Checkpoint
from generation.checkpoints.published import PUBLISHED
from generation.generators.pipelines import kandinsky
from generation.generators.pipelines.blended import BlendedInpainter
from generation.generators.pipelines.inpaint import DiffusersInpainter
from generation.generators.pipelines.inpainter import Inpainter
from generation.generators.pipelines.load import load_pipeline

NO_SAFETY_CHECKER = {"safety_checker": None, "requires_safety_checker": False}
"""Leaves out the safety checker, which replaces pictures by black ones."""


@dataclass(frozen=True)
class Sampling:
    """Sampling settings of a checkpoint.

    Attributes:
        side: height and width of the input images, in pixels.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
        strength: share of the steps that are taken, 0 to 1, starting from the image noised to that level; 1 starts
            from pure noise.
    """

    side: int
    steps: int
    guidance: float
    strength: float = 1.0


@dataclass(frozen=True)
class GeneratorEntry:
    """One generator.

    Attributes:
        id: its short id.
        checkpoint: its published weights.
        sampling: their default sampling settings.
        dtype: dtype of the weights on a GPU; on a CPU it is float32.
        pipeline: loads a pipeline from a folder in a dtype.
        inpainter: makes an `Inpainter` of a pipeline and sampling settings.
        tiny_sampling: sampling settings of the tiny checkpoint.
    """

    id: str
    checkpoint: Checkpoint
    sampling: Sampling
    dtype: str
    pipeline: Callable[[Path, str], Any]
    inpainter: Callable[[Any, Sampling], Inpainter]
    tiny_sampling: Sampling

    @property
    def name(self) -> str:
        return GENERATOR_NAMES[self.id]


def _loads(pipeline_class: str, **components: Any) -> Callable[[Path, str], Any]:
    def load(folder: Path, dtype: str) -> Any:
        return load_pipeline(pipeline_class, folder, dtype, components)

    return load


def _inpaints(
    patch: int = 1, batches: bool = True, takes_strength: bool = False
) -> Callable[[Any, Sampling], Inpainter]:
    def wrap(pipeline: Any, sampling: Sampling) -> Inpainter:
        options = {"strength": sampling.strength} if takes_strength else {}
        return DiffusersInpainter(pipeline, sampling.side, options, patch, batches)

    return wrap


def _load_glide(folder: Path, dtype: str) -> Any:
    import torch

    from generation.generators.glide.pipeline import GlideInpaintPipeline

    return GlideInpaintPipeline.from_pretrained(folder, torch_dtype=getattr(torch, dtype))


def _blends(patch: int = 1, **options: Any) -> Callable[[Any, Sampling], Inpainter]:
    def wrap(pipeline: Any, sampling: Sampling) -> Inpainter:
        return BlendedInpainter(pipeline, sampling.side, options, sampling.strength, patch)

    return wrap


_TINY_BLENDED = Sampling(side=256, steps=10, guidance=1.0, strength=0.6)
"""A tiny network without mask channels sees the surroundings only through the noise; from pure noise its colours
drift to grey, so it starts from the noised image."""

_ENTRIES = (
    GeneratorEntry(
        id="sd2",
        checkpoint=PUBLISHED["sd2"],
        sampling=Sampling(side=512, steps=50, guidance=7.5),
        dtype="float16",
        pipeline=_loads("StableDiffusionInpaintPipeline", **NO_SAFETY_CHECKER),
        inpainter=_inpaints(takes_strength=True),
        tiny_sampling=Sampling(side=256, steps=2, guidance=1.0),
    ),
    GeneratorEntry(
        id="sd3.5",
        checkpoint=PUBLISHED["sd3.5"],
        sampling=Sampling(side=1024, steps=40, guidance=4.5),
        dtype="bfloat16",
        pipeline=_loads("StableDiffusion3InpaintPipeline"),
        inpainter=_inpaints(patch=2, takes_strength=True),
        tiny_sampling=_TINY_BLENDED,
    ),
    GeneratorEntry(
        id="sdxl",
        checkpoint=PUBLISHED["sdxl"],
        sampling=Sampling(side=1024, steps=50, guidance=7.5),
        dtype="float16",  # the autoencoder overflows in float16, so the pipeline runs it in float32
        # a detector could learn the pipeline's watermark instead of the model
        pipeline=_loads("StableDiffusionXLInpaintPipeline", add_watermarker=False),
        inpainter=_inpaints(takes_strength=True),
        tiny_sampling=_TINY_BLENDED,
    ),
    GeneratorEntry(
        id="flux.1",
        checkpoint=PUBLISHED["flux.1"],
        sampling=Sampling(side=1024, steps=50, guidance=3.5),
        dtype="bfloat16",
        pipeline=_loads("FluxInpaintPipeline"),
        inpainter=_inpaints(patch=2, takes_strength=True),
        tiny_sampling=_TINY_BLENDED,
    ),
    GeneratorEntry(
        id="glide",
        checkpoint=PUBLISHED["glide"],
        sampling=Sampling(side=256, steps=100, guidance=5.0),
        dtype="float16",
        pipeline=_load_glide,
        inpainter=_inpaints(),
        tiny_sampling=Sampling(side=128, steps=8, guidance=1.0),
    ),
    GeneratorEntry(
        id="kolors",
        checkpoint=PUBLISHED["kolors"],
        sampling=Sampling(side=1024, steps=50, guidance=5.0),
        dtype="float16",  # the pipeline runs its autoencoder, which is Stable Diffusion XL's, in float32
        pipeline=_loads("KolorsPipeline"),
        inpainter=_blends(),
        tiny_sampling=_TINY_BLENDED,
    ),
    GeneratorEntry(
        id="hunyuandit1.1",
        checkpoint=PUBLISHED["hunyuandit1.1"],
        sampling=Sampling(side=1024, steps=50, guidance=5.0),
        dtype="float16",
        pipeline=_loads("HunyuanDiTPipeline", **NO_SAFETY_CHECKER),
        inpainter=_blends(patch=2, use_resolution_binning=False),
        tiny_sampling=_TINY_BLENDED,
    ),
    GeneratorEntry(
        id="kandinsky2.2",
        checkpoint=PUBLISHED["kandinsky2.2"],
        sampling=Sampling(side=512, steps=100, guidance=4.0),
        dtype="float16",
        pipeline=kandinsky.load,
        # diffusers 0.42 pastes the first image's surroundings into the whole batch
        inpainter=_inpaints(batches=False),
        tiny_sampling=Sampling(side=256, steps=2, guidance=1.0),
    ),
)

GENERATORS: dict[str, GeneratorEntry] = {entry.id: entry for entry in _ENTRIES}
