"""The steps of the training: one network each, in order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from generation.generators.tiny import assembly
from generation.generators.tiny.training import autoencoders, glide, predictions
from generation.generators.tiny.training.examples import (
    MakeExamples,
    Pool,
    masked_latents,
    masked_pixels,
    whole_pictures,
)
from generation.generators.tiny.training.loop import Loss, Schedule, averages
from generation.generators.tiny.training.losses import flow_loss, velocity_loss
from generation.generators.tiny.training.photographs import Photographs

AUTOENCODER_SIDES = (180, 256, 400, 640)
SIDES = (180, 256, 400)
LARGE_SIDES = (256, 300, 400)
THUMBNAIL_SIDES = (36, 48, 64)
"""Shorter sides of the photographs, in pixels: for autoencoders, U-Nets, transformers, and GLIDE's base."""

CROP, LARGE_CROP = 128, 256
"""Sides of the crops for U-Nets and for transformers, in pixels."""

BATCH = 16

LAST = 0.8
"""Share of the noise schedule that text-to-image models are trained on: their sampling begins below that."""

PIPELINE_SIDE = 256
"""Side of the images that the pipelines are called with, in pixels."""


@dataclass(frozen=True)
class Context:
    """What a step works with.

    Attributes:
        files: the photographs to train on.
        state: folder of the networks' states.
        published: folder of the trained tensors that training goes on from where a network has no state; None to
            begin anew.
    """

    files: tuple[Path, ...]
    state: Path
    published: Path | None = None
    _loaded: dict[tuple[int, ...], Photographs] = field(default_factory=dict)

    def photographs(self, shorter_sides: tuple[int, ...]) -> Photographs:
        if shorter_sides not in self._loaded:
            self._loaded[shorter_sides] = Photographs(self.files, shorter_sides)
        return self._loaded[shorter_sides]

    def trained(self, name: str) -> dict[str, Tensor]:
        file = self.state / f"{name}.pt"
        earlier = None if file.is_file() else self.earlier(name)
        return averages(file) if earlier is None else earlier

    def earlier(self, name: str) -> dict[str, Tensor] | None:
        """The published tensors of a network, in float32; None if there are none to go on from."""
        if self.published is None or name not in assembly.read_digests(self.published):
            return None
        tensors = assembly.read_trained(self.published, name)
        return {key: value.float() for key, value in tensors.items()}

    def pipeline(self, generator: str, *parts: str) -> Any:
        """A generator with random weights but for the named parts, which have been trained."""
        pipeline = assembly.random_pipeline(generator)
        for name in parts:
            assembly.load_part(pipeline, generator, name, self.trained(name))
        return pipeline


@dataclass(frozen=True)
class Step:
    """The training of one network.

    Attributes:
        name: of the network, and of its files.
        schedule: how long and how fast.
        prepare: makes the network as it is at first, and its loss.
        from_trunk: it begins from the trunk's weights, also where it has been published before.
    """

    name: str
    schedule: Schedule
    prepare: Callable[[Context], tuple[nn.Module, Loss]]
    from_trunk: bool = False

    @property
    def seed(self) -> int:
        return sum(self.name.encode())


Prepare = Callable[[Context], tuple[nn.Module, Loss]]


def _autoencoder(generator: str, name: str, crop: int) -> Prepare:
    def prepare(context: Context) -> tuple[nn.Module, Loss]:
        network = assembly.part(context.pipeline(generator), generator, name)
        autoencoders.initialise(network)
        photographs = context.photographs(AUTOENCODER_SIDES)
        return network, autoencoders.reconstruction_loss(network, photographs, crop)

    return prepare


def _autoencoder_schedule(minutes: float) -> Schedule:
    return Schedule(minutes, rate=2e-3, warm_up=100, weight_decay=0.0)


def initialise_from(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Takes the weights whose names and shapes fit; the others stay random."""
    own = network.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(fitting, strict=False)


@torch.no_grad()
def cut_mask_channels(unet: Any, weights: dict[str, Tensor], grey: Tensor) -> None:
    """The first convolution of a text-to-image U-Net: the trunk's, as if all of the picture were masked.

    Args:
        unet: with four input channels.
        weights: of the trunk, whose inputs are the noisy latents, the mask and the masked picture's latents.
        grey: (4,) latents of a grey picture, which is what the trunk has under a mask.
    """
    first, bias = weights["conv_in.weight"], weights["conv_in.bias"]
    unet.conv_in.weight.copy_(first[:, :4])
    unet.conv_in.bias.copy_(bias + torch.einsum("ockl,c->o", first[:, 4:], torch.cat([torch.ones(1), grey])))


@torch.no_grad()
def reorder_mask_channels(unet: Any, weights: dict[str, Tensor]) -> None:
    """Kandinsky's first convolution: its mask comes last, and is 1 where the picture is kept."""
    first = weights["conv_in.weight"]
    unet.conv_in.weight.copy_(torch.cat([first[:, :4], first[:, 5:], -first[:, 4:5]], dim=1))
    unet.conv_in.bias.copy_(weights["conv_in.bias"] + first[:, 4].sum(dim=(1, 2)))


def _sd2(context: Context) -> tuple[nn.Module, Loss]:
    pipeline = context.pipeline("sd2", "autoencoder-4")
    pool = Pool(masked_pixels(pipeline.vae, context.photographs(SIDES), CROP))
    predict = predictions.unet(pipeline)
    return pipeline.unet, velocity_loss(pool, predict, pipeline.scheduler, BATCH)


def _relative(generator: str) -> Prepare:
    """Stable Diffusion XL and Kolors: the trunk without its mask channels, on another noise schedule."""

    def prepare(context: Context) -> tuple[nn.Module, Loss]:
        pipeline, trunk = context.pipeline(generator, "autoencoder-4"), context.trained("sd2-unet")
        initialise_from(pipeline.unet, trunk)
        with torch.no_grad():
            grey = autoencoders.encode(pipeline.vae, torch.zeros(1, 3, 64, 64))[0, :, 8, 8]
        cut_mask_channels(pipeline.unet, trunk, grey)
        pool = Pool(whole_pictures(pipeline.vae, context.photographs(SIDES), CROP))
        predict = predictions.sized_unet(pipeline, PIPELINE_SIDE)
        return pipeline.unet, velocity_loss(pool, predict, pipeline.scheduler, BATCH, LAST)

    return prepare


def _kandinsky(context: Context) -> tuple[nn.Module, Loss]:
    pipeline, trunk = context.pipeline("kandinsky2.2", "kandinsky2.2-movq"), context.trained("sd2-unet")
    initialise_from(pipeline.unet, trunk)
    reorder_mask_channels(pipeline.unet, trunk)
    with torch.no_grad():
        made = [
            pipeline.prior_pipe(each, num_inference_steps=4, guidance_scale=1.0)[0] for each in predictions.PROMPTS
        ]
    pool = Pool(masked_latents(pipeline.movq, context.photographs(SIDES), CROP))
    predict = predictions.image_conditioned_unet(pipeline, torch.cat(made))
    return pipeline.unet, velocity_loss(pool, predict, pipeline.scheduler, BATCH)


def _transformer_pool(pipeline: Any, context: Context) -> Pool:
    make: MakeExamples = whole_pictures(pipeline.vae, context.photographs(LARGE_SIDES), LARGE_CROP)
    return Pool(make, fresh=2)


def _sd3_5(context: Context) -> tuple[nn.Module, Loss]:
    pipeline = context.pipeline("sd3.5", "autoencoder-16")
    pool = _transformer_pool(pipeline, context)
    return pipeline.transformer, flow_loss(pool, predictions.sd3(pipeline), BATCH, LAST)


def _flux_1(context: Context) -> tuple[nn.Module, Loss]:
    pipeline = context.pipeline("flux.1", "autoencoder-16")
    pool = _transformer_pool(pipeline, context)
    return pipeline.transformer, flow_loss(pool, predictions.flux(pipeline, guidance=1.0), BATCH, LAST)


def _hunyuan_dit(context: Context) -> tuple[nn.Module, Loss]:
    pipeline = context.pipeline("hunyuandit1.1", "autoencoder-16")
    pool = _transformer_pool(pipeline, context)
    predict = predictions.hunyuan(pipeline, PIPELINE_SIDE)
    return pipeline.transformer, velocity_loss(pool, predict, pipeline.scheduler, BATCH, LAST)


def _glide_base(context: Context) -> tuple[nn.Module, Loss]:
    pipeline = context.pipeline("glide")
    glide.initialise(pipeline.base)
    return pipeline.base, glide.base_loss(pipeline.base, pipeline.tokenizer, context.photographs(THUMBNAIL_SIDES))


def _glide_upsampler(context: Context) -> tuple[nn.Module, Loss]:
    pipeline = context.pipeline("glide")
    glide.initialise(pipeline.upsampler)
    factor = pipeline.upsampler.options.side // pipeline.base.options.side
    loss = glide.upsampler_loss(pipeline.upsampler, pipeline.tokenizer, context.photographs(SIDES), 64, factor)
    return pipeline.upsampler, loss


STEPS: tuple[Step, ...] = (
    Step("autoencoder-4", _autoencoder_schedule(15), _autoencoder("sd2", "autoencoder-4", 64)),
    Step("sd2-unet", Schedule(35), _sd2),
    Step("autoencoder-16", _autoencoder_schedule(10), _autoencoder("sd3.5", "autoencoder-16", 64)),
    Step("sdxl-unet", Schedule(8, rate=8e-4), _relative("sdxl"), from_trunk=True),
    Step("sd3.5-transformer", Schedule(11, rate=1.5e-3), _sd3_5),
    Step("kandinsky2.2-movq", _autoencoder_schedule(6), _autoencoder("kandinsky2.2", "kandinsky2.2-movq", 64)),
    Step("kandinsky2.2-unet", Schedule(10), _kandinsky, from_trunk=True),
    Step("glide-base", Schedule(8), _glide_base),
    Step("kolors-unet", Schedule(8, rate=8e-4), _relative("kolors"), from_trunk=True),
    Step("flux.1-transformer", Schedule(11, rate=1.5e-3), _flux_1),
    Step("hunyuandit1.1-transformer", Schedule(11, rate=1.5e-3), _hunyuan_dit),
    Step("glide-upsampler", Schedule(6), _glide_upsampler),
)
"""In an order in which every generator's needs come before it."""
