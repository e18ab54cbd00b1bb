"""The table of generators: one entry each, with checkpoint, sampling settings and the functions that load it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diffseg30k import GENERATOR_NAMES
from generation.checkpoints.checkpoint import Checkpoint
from generation.checkpoints.published import ALTERNATIVES, PUBLISHED
from generation.generators.pipelines import kandinsky
from generation.generators.pipelines.blended import BlendedInpainter
from generation.generators.pipelines.inpaint import DiffusersInpainter
from generation.generators.pipelines.inpainter import Inpainter
from generation.generators.pipelines.load import LoadOptions, load_pipeline

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
        pipeline: loads a pipeline from a folder.
        inpainter: makes an `Inpainter` of a pipeline and sampling settings.
        tiny_sampling: sampling settings of the tiny checkpoint.
        decoder_dtype: dtype in which the autoencoder decodes on a GPU, where it differs from `dtype`.
        folders: the folders with the pipeline's parts, given the checkpoint's.
        offloads: whether its parts can be moved between the host and a GPU while it runs.
    """

    id: str
    checkpoint: Checkpoint
    sampling: Sampling
    dtype: str
    pipeline: Callable[[Path, LoadOptions], Any]
    inpainter: Callable[[Any, Sampling], Inpainter]
    tiny_sampling: Sampling
    decoder_dtype: str | None = None
    folders: Callable[[Path], list[Path]] = lambda folder: [folder]
    offloads: bool = True

    @property
    def name(self) -> str:
        return GENERATOR_NAMES[self.id]


def _loads(pipeline_class: str, **components: Any) -> Callable[[Path, LoadOptions], Any]:
    def load(folder: Path, options: LoadOptions) -> Any:
        return load_pipeline(pipeline_class, folder, options, components)

    return load


def _inpaints(
    negative_prompt: str = "", patch: int = 1, batches: bool = True, takes_strength: bool = False
) -> Callable[[Any, Sampling], Inpainter]:
    def wrap(pipeline: Any, sampling: Sampling) -> Inpainter:
        options = {"strength": sampling.strength} if takes_strength else {}
        return DiffusersInpainter(pipeline, sampling.side, options, negative_prompt, patch, batches)

    return wrap


def _load_glide(folder: Path, options: LoadOptions) -> Any:
    import torch

    from generation.generators.glide.pipeline import GlideInpaintPipeline

    return GlideInpaintPipeline.from_pretrained(folder, torch_dtype=getattr(torch, options.dtype))


def _blends(negative_prompt: str, patch: int = 1, **options: Any) -> Callable[[Any, Sampling], Inpainter]:
    def wrap(pipeline: Any, sampling: Sampling) -> Inpainter:
        return BlendedInpainter(pipeline, sampling.side, options, negative_prompt, sampling.strength, patch)

    return wrap


SD2_NEGATIVE = (
    "cropped, lowres, poorly drawn face, out of frame, poorly drawn hands, blurry, bad art, blurred, text, "
    "watermark, disfigured, deformed, closed eyes"
)
"""Of the examples in Stability AI's announcement of version 2.1 (7 December 2022), which has the same text
encoder, without the word there that steers away from rendered pictures."""

SDXL_NEGATIVE = "blurry, bad"
"""Of the examples in Stability AI's documentation of its API for this model (platform.stability.ai)."""

KOLORS_NEGATIVE = "残缺的手指，畸形的手指，畸形的手，残肢，模糊，低质量"
"""Of Kwai's inpainting example (Kwai-Kolors/Kolors, inpainting/sample_inpainting.py): "incomplete fingers,
deformed fingers, deformed hands, missing limbs, blurry, low quality"."""

HUNYUANDIT_NEGATIVE = (
    "错误的眼睛，糟糕的人脸，毁容，糟糕的艺术，变形，多余的肢体，模糊的颜色，模糊，重复，病态，残缺，"
)
"""Tencent's default (Tencent/HunyuanDiT, hydit/constants.py): "wrong eyes, bad faces, disfigured, bad art,
deformed, extra limbs, blurred colours, blurry, repeated, morbid, incomplete,"."""

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
        inpainter=_inpaints(SD2_NEGATIVE, takes_strength=True),
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
        dtype="float16",
        decoder_dtype="float32",  # it overflows in float16, so the pipeline converts it
        # a detector could learn the pipeline's watermark instead of the model
        pipeline=_loads("StableDiffusionXLInpaintPipeline", add_watermarker=False),
        inpainter=_inpaints(SDXL_NEGATIVE, takes_strength=True),
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
        offloads=False,
        inpainter=_inpaints(),
        tiny_sampling=Sampling(side=128, steps=8, guidance=1.0),
    ),
    GeneratorEntry(
        id="kolors",
        checkpoint=PUBLISHED["kolors"],
        sampling=Sampling(side=1024, steps=50, guidance=5.0),
        dtype="float16",
        decoder_dtype="float32",  # it is Stable Diffusion XL's
        pipeline=_loads("KolorsPipeline"),
        inpainter=_blends(KOLORS_NEGATIVE),
        tiny_sampling=_TINY_BLENDED,
    ),
    GeneratorEntry(
        id="hunyuandit1.1",
        checkpoint=PUBLISHED["hunyuandit1.1"],
        sampling=Sampling(side=1024, steps=50, guidance=5.0),
        dtype="float16",
        pipeline=_loads("HunyuanDiTPipeline", **NO_SAFETY_CHECKER),
        inpainter=_blends(HUNYUANDIT_NEGATIVE, patch=2, use_resolution_binning=False),
        tiny_sampling=_TINY_BLENDED,
    ),
    GeneratorEntry(
        id="kandinsky2.2",
        checkpoint=PUBLISHED["kandinsky2.2"],
        sampling=Sampling(side=512, steps=100, guidance=4.0),
        dtype="float16",
        pipeline=kandinsky.load,
        folders=lambda folder: [folder, kandinsky.prior_folder(folder)],
        # diffusers 0.42 pastes the first image's surroundings into the whole batch
        inpainter=_inpaints(batches=False),
        tiny_sampling=Sampling(side=256, steps=2, guidance=1.0),
    ),
)

GENERATORS: dict[str, GeneratorEntry] = {entry.id: entry for entry in _ENTRIES}

_FLUX, _SDXL = GENERATORS["flux.1"], GENERATORS["sdxl"]

ALTERNATIVE_ENTRIES: dict[str, dict[str, GeneratorEntry]] = {
    "sdxl": {
        # as on its card, which asks for a strength below 1
        "inpainting": replace(
            _SDXL,
            checkpoint=ALTERNATIVES["sdxl"]["inpainting"],
            sampling=Sampling(side=1024, steps=20, guidance=8.0, strength=0.99),
        ),
    },
    "flux.1": {
        # as on its card; it has mask channels and starts from pure noise
        "fill": replace(
            _FLUX,
            checkpoint=ALTERNATIVES["flux.1"]["fill"],
            sampling=Sampling(side=1024, steps=50, guidance=30.0),
            pipeline=_loads("FluxFillPipeline"),
            inpainter=_inpaints(patch=2),
        ),
        "int8": replace(_FLUX, checkpoint=ALTERNATIVES["flux.1"]["int8"]),
    },
}
"""Other checkpoints of a generator, by the name that `--checkpoint GENERATOR=NAME` takes."""


def entry_of(generator: str, checkpoint: str) -> GeneratorEntry:
    """The entry of the weights that have a name in a plan: an alternative's, or the generator's own.

    Raises:
        KeyError: there is no such generator.
    """
    others = ALTERNATIVE_ENTRIES.get(generator, {}).values()
    return next((entry for entry in others if entry.checkpoint.name == checkpoint), GENERATORS[generator])
