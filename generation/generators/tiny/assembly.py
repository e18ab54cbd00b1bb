"""The eight tiny pipelines: built from configs and a fixed seed, with the parts that are trained put in."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generation.checkpoints.cache import tiny_folder
from generation.generators.tiny import glide, hunyuan_dit, kandinsky, kolors, transformers, unets

if TYPE_CHECKING:
    from torch import Tensor

BUILDERS: dict[str, Callable[[Path], Any]] = {
    "sd2": lambda _: unets.sd2(),
    "sd3.5": lambda _: transformers.sd3_5(),
    "sdxl": lambda _: unets.sdxl(),
    "flux.1": lambda _: transformers.flux_1(),
    "glide": glide.pipeline,
    "kolors": kolors.kolors,
    "hunyuandit1.1": lambda _: hunyuan_dit.hunyuan_dit(),
    "kandinsky2.2": lambda _: kandinsky.combined(),
}

PARTS: dict[str, dict[str, str]] = {
    "sd2": {"autoencoder-4": "vae", "sd2-unet": "unet"},
    "sd3.5": {"autoencoder-16": "vae", "sd3.5-transformer": "transformer"},
    "sdxl": {"autoencoder-4": "vae", "sdxl-unet": "unet"},
    "flux.1": {"autoencoder-16": "vae", "flux.1-transformer": "transformer"},
    "glide": {"glide-base": "base", "glide-upsampler": "upsampler"},
    "kolors": {"autoencoder-4": "vae", "kolors-unet": "unet"},
    "hunyuandit1.1": {"autoencoder-16": "vae", "hunyuandit1.1-transformer": "transformer"},
    "kandinsky2.2": {"kandinsky2.2-movq": "movq", "kandinsky2.2-unet": "unet"},
}
"""The networks of each generator that are trained: their names, and where they are in its pipeline."""

TRAINED = Path(__file__).parent / "trained"
"""The trained tensors, NAME.safetensors for each network, and their digests."""

DIGESTS = "digests.json"


def tiny_checkpoint(generator: str) -> Path:
    """Returns the folder of a generator's tiny checkpoint, in the cache; writes it there at its first use."""
    return tiny_folder(generator, partial(write_checkpoint, generator))


def write_checkpoint(generator: str, folder: Path, trained: Path | None = TRAINED) -> None:
    """Writes a generator's tiny checkpoint.

    Args:
        generator: its short id.
        folder: where to.
        trained: folder of the trained tensors; None for random weights.

    Raises:
        ValueError: trained tensors are damaged.
    """
    with tempfile.TemporaryDirectory() as vocabulary:
        pipeline = random_pipeline(generator, Path(vocabulary))
        digests = read_digests(trained)
        for name in PARTS[generator]:
            if trained and name in digests:
                load_part(pipeline, generator, name, read_trained(trained, name))
        save(pipeline, folder)


def read_digests(trained: Path | None) -> dict[str, str]:
    """SHA-256 of each network's file; empty where nothing is trained."""
    if trained is None or not (trained / DIGESTS).is_file():
        return {}
    digests: dict[str, str] = json.loads((trained / DIGESTS).read_text(encoding="utf-8"))
    return digests


def read_trained(trained: Path, name: str) -> "dict[str, Tensor]":
    """The trained tensors of a network, float16.

    Raises:
        ValueError: their file is damaged.
    """
    from safetensors.torch import load

    content = (trained / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(content).hexdigest() != read_digests(trained)[name]:
        raise ValueError(f"{trained / name}.safetensors is damaged: its digest is another")
    return load(content)


def save(pipeline: Any, folder: Path) -> None:
    """Writes a pipeline as a checkpoint in half precision."""
    import torch

    if hasattr(pipeline, "upsampler"):
        glide.save(pipeline, folder)
    elif hasattr(pipeline, "movq"):
        kandinsky.save(pipeline.to(torch.float16), folder)
    else:
        pipeline.to(torch.float16).save_pretrained(folder)


def random_pipeline(generator: str, folder: Path | None = None) -> Any:
    """A tiny pipeline with the random weights that are drawn for its generator, always the same.

    Args:
        folder: where a vocabulary is written that the pipeline, when it is saved, takes along; a temporary one if
            left out, for a pipeline that is not saved.
    """
    import torch

    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return random_pipeline(generator, Path(temporary))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BUILDERS[generator](folder)


def part(pipeline: Any, generator: str, name: str) -> Any:
    """One of a generator's trained networks in its pipeline."""
    return getattr(pipeline, PARTS[generator][name])


def load_part(pipeline: Any, generator: str, name: str, tensors: Mapping[str, "Tensor"]) -> None:
    """Puts trained tensors into a pipeline.

    Raises:
        ValueError: they are of another network.
    """
    network = part(pipeline, generator, name)
    unknown = network.load_state_dict(tensors, strict=False).unexpected_keys
    if unknown:
        raise ValueError(f"{name} has {unknown[0]}, which the network has not")
