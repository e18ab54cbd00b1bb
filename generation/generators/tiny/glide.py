"""Tiny GLIDE: base model and upsampler, both in pixel space as in the published ones, and a vocabulary of
bytes."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

from generation.generators.glide.options import BASE, UPSAMPLER, GlideOptions, ModelOptions, write_options


def _small(options: ModelOptions) -> ModelOptions:
    return replace(
        options,
        channels=16,
        blocks=1,
        head_channels=16,
        context=16,
        text_width=32,
        text_layers=2,
        text_heads=4,
        groups=8,
    )


OPTIONS = GlideOptions(
    base=replace(_small(BASE), side=32, multiples=(1, 2), attention_sides=(16,)),
    upsampler=replace(_small(UPSAMPLER), side=64, multiples=(1, 1, 2), attention_sides=(16,)),
)


def write(folder: Path) -> None:
    """Writes a checkpoint with the file names of OpenAI's."""
    import torch

    from generation.generators.glide.pipeline import BASE_FILE, UPSAMPLER_FILE
    from generation.generators.glide.tokenizer import GlideTokenizer
    from generation.generators.glide.unet import GlideUNet

    write_vocabulary(folder)
    write_options(folder, OPTIONS)
    size = GlideTokenizer.from_folder(folder).size
    for options, name in ((OPTIONS.base, BASE_FILE), (OPTIONS.upsampler, UPSAMPLER_FILE)):
        torch.save(GlideUNet(options, size).state_dict(), folder / name)


def write_vocabulary(folder: Path) -> None:
    """Writes a vocabulary of the 256 bytes, a few merged pairs and the padding token."""
    from tokenizers.pre_tokenizers import ByteLevel

    from generation.generators.glide.tokenizer import MERGES, VOCABULARY

    merges = [("a", "n"), ("t", "h"), ("th", "e"), ("Ġ", "a")]
    tokens = [*sorted(ByteLevel.alphabet()), *("".join(pair) for pair in merges), "<|endoftext|>"]
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    vocabulary = json.dumps({token: index for index, token in enumerate(tokens)})
    # without a timestamp, so that the file is the same every time
    (folder / VOCABULARY).write_bytes(gzip.compress(vocabulary.encode(), mtime=0))
    (folder / MERGES).write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
