"""Hyper-parameters of the two models of a GLIDE checkpoint, and the JSON file that holds them."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

OPTIONS = "options.json"


@dataclass(frozen=True)
class ModelOptions:
    """Hyper-parameters of the base model or of the upsampler.

    Attributes:
        side: height and width of its images, in pixels.
        channels: channels of the U-Net's first level.
        multiples: for each level its channels as a multiple of `channels`; every level halves the side.
        blocks: residual blocks per level.
        attention_sides: sides in pixels of the levels that have self-attention and attention to the text.
        head_channels: channels per attention head.
        context: number of text tokens.
        text_width: width of the text transformer.
        text_layers: layers of the text transformer.
        text_heads: attention heads of the text transformer.
        schedule: noise schedule, by diffusers' name.
        upsamples: whether it is the upsampler, which also takes the smaller picture.
        groups: groups of the group normalisation.
    """

    side: int = 64
    channels: int = 192
    multiples: tuple[int, ...] = (1, 2, 3, 4)
    blocks: int = 3
    attention_sides: tuple[int, ...] = (32, 16, 8)
    head_channels: int = 64
    context: int = 128
    text_width: int = 512
    text_layers: int = 16
    text_heads: int = 8
    schedule: str = "squaredcos_cap_v2"
    upsamples: bool = False
    groups: int = 32

    @property
    def in_channels(self) -> int:
        """Input channels: noisy image, known pixels and mask; for the upsampler also the smaller picture."""
        return 10 if self.upsamples else 7


BASE = ModelOptions()
"""OpenAI's `base-inpaint`."""

UPSAMPLER = replace(BASE, side=256, multiples=(1, 1, 2, 2, 4, 4), blocks=2, schedule="linear", upsamples=True)
"""OpenAI's `upsample-inpaint`."""


@dataclass(frozen=True)
class GlideOptions:
    """The hyper-parameters of a checkpoint's two models."""

    base: ModelOptions = field(default=BASE)
    upsampler: ModelOptions = field(default=UPSAMPLER)


def read_options(folder: Path) -> GlideOptions:
    """Reads a checkpoint's `options.json`; without that file, as with OpenAI's own, returns OpenAI's values.

    Raises:
        ValueError: the file is not what `write_options` writes.
    """
    file = folder / OPTIONS
    if not file.is_file():
        return GlideOptions()
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return GlideOptions(*(_model(content[each.name]) for each in fields(GlideOptions)))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} does not hold the options of two GLIDE models: {error!r}") from error


def _model(content: dict[str, Any]) -> ModelOptions:
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return ModelOptions(**(content | lists))


def write_options(folder: Path, options: GlideOptions) -> None:
    (folder / OPTIONS).write_text(json.dumps(asdict(options), indent=1), encoding="utf-8")
