"""Tiny GLIDE: both models in pixels, as in life, and a vocabulary of bytes."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from generation.generators.glide.options import BASE, UPSAMPLER, GlideOptions, write_options

SMALL: dict[str, Any] = {
    "blocks": 1,
    "head_channels": 16,
    "context": 16,
    "text_width": 32,
    "text_layers": 2,
    "text_heads": 4,
    "groups": 8,
}

OPTIONS = GlideOptions(
    base=replace(BASE, side=32, channels=32, multiples=(1, 1, 2), attention_sides=(16, 8), **SMALL),
    upsampler=replace(UPSAMPLER, side=128, channels=16, multiples=(1, 1, 2), attention_sides=(), **SMALL),
)


def pipeline(folder: Path, options: GlideOptions = OPTIONS) -> Any:
    """GlideInpaintPipeline with random weights.

    Args:
        folder: where its vocabulary is written.
        options: of the two models.
    """
    from generation.generators.glide.pipeline import GlideInpaintPipeline
    from generation.generators.glide.tokenizer import GlideTokenizer
    from generation.generators.glide.unet import GlideUNet

    write_vocabulary(folder)
    tokenizer = GlideTokenizer.from_folder(folder)
    base, upsampler = (GlideUNet(each, tokenizer.size) for each in (options.base, options.upsampler))
    return GlideInpaintPipeline(base, upsampler, tokenizer)


def save(made: Any, folder: Path) -> None:
    """Writes a pipeline as a checkpoint of OpenAI's files, its weights as safetensors in half precision."""
    from safetensors.torch import save_file

    from generation.generators.glide.pipeline import BASE_FILE, UPSAMPLER_FILE

    write_vocabulary(folder)
    write_options(folder, OPTIONS)
    for model, name in ((made.base, BASE_FILE), (made.upsampler, UPSAMPLER_FILE)):
        state = {key: value.half().contiguous() for key, value in model.state_dict().items()}
        save_file(state, (folder / name).with_suffix(".safetensors"))


def write_vocabulary(folder: Path) -> None:
    """The 256 bytes, a few merged pairs, and the padding's token at the end."""
    from tokenizers.pre_tokenizers import ByteLevel

    from generation.generators.glide.tokenizer import MERGES, VOCABULARY

    merges = [("a", "n"), ("t", "h"), ("th", "e"), ("Ġ", "a")]
    tokens = [*sorted(ByteLevel.alphabet()), *("".join(pair) for pair in merges), "<|endoftext|>"]
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    vocabulary = json.dumps({token: index for index, token in enumerate(tokens)})
    # without the time of writing, so that the same file comes out every time
    (folder / VOCABULARY).write_bytes(gzip.compress(vocabulary.encode(), mtime=0))
    (folder / MERGES).write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
