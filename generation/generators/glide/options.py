"""What the two models of a GLIDE checkpoint look like."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

OPTIONS = "options.json"


@dataclass(frozen=True)
class ModelOptions:
    """One of the two models.

    Attributes:
        side: of its images, in pixels.
        channels: of the U-Net's first level.
        multiples: of `channels`, at each level; every level halves the side.
        blocks: residual blocks a level.
        attention_sides: sides at which the U-Net looks at all of the image and at the text.
        head_channels: channels of an attention head.
        context: text tokens.
        text_width: of the text transformer.
        text_layers: of the text transformer.
        text_heads: of the text transformer.
        schedule: of the noise, by diffusers' name.
        upsamples: it is given a smaller picture.
        groups: of the group normalisation.
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
        """The noisy image, the known pixels and the mask; and the smaller picture."""
        return 10 if self.upsamples else 7


BASE = ModelOptions()
"""OpenAI's `base-inpaint`."""

UPSAMPLER = replace(BASE, side=256, multiples=(1, 1, 2, 2, 4, 4), blocks=2, schedule="linear", upsamples=True)
"""OpenAI's `upsample-inpaint`."""


@dataclass(frozen=True)
class GlideOptions:
    """A checkpoint's two models."""

    base: ModelOptions = field(default=BASE)
    upsampler: ModelOptions = field(default=UPSAMPLER)


def read_options(folder: Path) -> GlideOptions:
    """Those in a checkpoint's `options.json`; OpenAI's where there is none, as with their own files.

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
        raise ValueError(f"{file} does not say what the models look like: {error!r}") from error


def _model(content: dict[str, Any]) -> ModelOptions:
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return ModelOptions(**(content | lists))


def write_options(folder: Path, options: GlideOptions) -> None:
    (folder / OPTIONS).write_text(json.dumps(asdict(options), indent=1), encoding="utf-8")
