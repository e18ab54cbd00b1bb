"""The table of LoRAs that can be fused into a generator: one entry each, and how they are found and fused."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.checkpoints.cache import tiny_folder
from generation.checkpoints.checkpoint import FOLDER_PREFIX, TINY_PREFIX, CheckpointError
from generation.checkpoints.files import check_safetensors, explain
from generation.generators.tiny import lora as tiny


@dataclass(frozen=True)
class LoraEntry:
    """One LoRA, and the sampling settings of its generator with it.

    Attributes:
        id: its short id.
        generator: the short id of the generator that carries it.
        repository: its name on the Hub.
        revision: a commit there.
        file: its file there.
        license: the licence's name.
        license_url: where the licence can be read.
        gigabytes: size of the download, about.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
        scheduler: the diffusers class that replaces the generator's own scheduler.
        timestep_spacing: that scheduler's `timestep_spacing`.
        clip_sample: whether that scheduler clips its predictions, its default; latents are not limited to -1 to 1.
        write_tiny: writes a random LoRA for the generator's tiny checkpoint to a folder, as the file `file`.
    """

    id: str
    generator: str
    repository: str
    revision: str
    file: str
    license: str
    license_url: str
    gigabytes: float
    steps: int
    guidance: float
    scheduler: str
    timestep_spacing: str
    clip_sample: bool
    write_tiny: Callable[[Path, str], None]

    @property
    def name(self) -> str:
        return f"{self.repository}@{self.revision}/{self.file}"


LORAS: dict[str, LoraEntry] = {
    "hyper-sd": LoraEntry(
        id="hyper-sd",
        generator="sdxl",
        repository="ByteDance/Hyper-SD",
        revision="52d483a2ab8d38ce89e1d8b8f45771905f3af3f4",
        file="Hyper-SDXL-8steps-lora.safetensors",
        license="none stated at this revision; openrail++ before",
        license_url="https://huggingface.co/ByteDance/Hyper-SD",
        gigabytes=0.8,
        steps=8,
        guidance=0.0,  # guidance is distilled into the weights
        scheduler="DDIMScheduler",
        timestep_spacing="trailing",
        clip_sample=False,
        write_tiny=tiny.write_sdxl_lora,
    )
}


def entry_for(generator: str) -> LoraEntry:
    """The LoRA of a generator.

    Raises:
        ValueError: the generator has none.
    """
    for entry in LORAS.values():
        if entry.generator == generator:
            return entry
    raise ValueError(f"there is no LoRA for {generator}; there is {', '.join(LORAS)}")


def locate(entry: LoraEntry, name: str, replacement: str | None) -> Path:
    """Returns the file of a LoRA, checked to be complete; downloads it if it is not in the cache.

    Args:
        name: its name in the plan.
        replacement: the file, where the name begins with `folder/`.

    Raises:
        CheckpointError: it is missing, gated or damaged.
    """
    if name.startswith(TINY_PREFIX):
        folder = tiny_folder(f"{entry.generator}-{entry.id}", lambda folder: entry.write_tiny(folder, entry.file))
        file = folder / entry.file
    elif name.startswith(FOLDER_PREFIX):
        file = _replaced(entry, replacement)
    else:
        file = _download(name)
    check_safetensors(file)
    return file


def _replaced(entry: LoraEntry, replacement: str | None) -> Path:
    if replacement is None:
        raise CheckpointError(f"its LoRA was planned from a file; give the file with --checkpoint {entry.id}=FILE")
    file = Path(replacement).expanduser()
    if not file.is_file():
        raise CheckpointError(f"{replacement} is not a file")
    return file


def _download(name: str) -> Path:
    from huggingface_hub import hf_hub_download

    place, _, file = name.rpartition("/")
    repository, _, revision = place.partition("@")
    try:
        return Path(hf_hub_download(repository, file, revision=revision or None))
    except Exception as error:
        raise CheckpointError(explain(repository, revision or None, error)) from error


def carry(pipeline: Any, entry: LoraEntry, file: Path) -> None:
    """Fuses a LoRA into a pipeline's weights and gives it the LoRA's scheduler."""
    import diffusers

    pipeline.load_lora_weights(str(file.parent), weight_name=file.name)
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    pipeline.scheduler = getattr(diffusers, entry.scheduler).from_config(
        pipeline.scheduler.config, timestep_spacing=entry.timestep_spacing, clip_sample=entry.clip_sample
    )
