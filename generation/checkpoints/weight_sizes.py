"""Reads how large a checkpoint's parts are from the headers of its files, without loading them."""

import json
import math
from pathlib import Path


def part_sizes(folder: Path, bytes_per_weight: int, variant: str | None) -> dict[str, int]:
    """The bytes that each part's weights take once loaded.

    Args:
        folder: a diffusers checkpoint.
        bytes_per_weight: of the dtype that floating-point weights are loaded in.
        variant: which files are loaded, such as `fp16`; None for those without a variant. A part that has none of
            the variant is loaded without it.
    """
    sizes = {}
    for part in sorted({file.parent for file in folder.glob("*/*.safetensors")}):
        files = [file for file in part.glob("*.safetensors") if _variant(file) == variant]
        files = files or [file for file in part.glob("*.safetensors") if _variant(file) is None]
        sizes[part.name] = sum(_loaded_bytes(file, bytes_per_weight) for file in files)
    return sizes


def _variant(file: Path) -> str | None:
    """`fp16` for `model.fp16.safetensors` and for `model.fp16-00001-of-00002.safetensors`."""
    middle = file.name.removesuffix(".safetensors").split(".")[1:]
    return middle[0].partition("-")[0] if middle else None


def _loaded_bytes(file: Path, bytes_per_weight: int) -> int:
    with file.open("rb") as opened:
        header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
    weights = [entry for name, entry in header.items() if name != "__metadata__"]
    return sum(
        math.prod(entry["shape"]) * bytes_per_weight
        if entry["dtype"].startswith(("F", "BF"))
        else entry["data_offsets"][1] - entry["data_offsets"][0]
        for entry in weights
    )
