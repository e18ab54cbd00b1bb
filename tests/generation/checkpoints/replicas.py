"""Replicas of the published repositories: their file names, shards, variants and what lies beside, with tiny
weights."""

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from generation.checkpoints.published import ALTERNATIVES, KANDINSKY_PRIOR, PUBLISHED
from generation.generators.tiny.assembly import tiny_checkpoint

UNET, MODEL = "diffusion_pytorch_model", "model"
UNUSED = (
    "README.md",
    "model_card.safetensors",
    "images/sample.png",
    "unet_onnx/model.onnx",
    "text_encoder/pytorch_model.bin",
    "text_encoder/openvino_model.xml",
    "text_encoder/flax_model.msgpack",
)
"""Beside what is needed, in one repository or another; none is to be downloaded."""

# part to (number of shards of the whole weights, number of shards in half precision); 0 where there are none
LAYOUTS: dict[str, dict[str, tuple[int, int]]] = {
    "sd2": {"text_encoder": (1, 1), "unet": (1, 1), "vae": (1, 1)},
    "sd3.5": {
        "text_encoder": (1, 1),
        "text_encoder_2": (1, 1),
        "text_encoder_3": (2, 2),
        "transformer": (1, 0),
        "vae": (1, 0),
    },
    "sdxl": {"text_encoder": (1, 1), "text_encoder_2": (1, 1), "unet": (1, 1), "vae": (1, 1)},
    "flux.1": {"text_encoder": (1, 0), "text_encoder_2": (2, 0), "transformer": (3, 0), "vae": (1, 0)},
    "kolors": {"text_encoder": (0, 3), "unet": (1, 1), "vae": (1, 1)},
    "hunyuandit1.1": {"text_encoder": (1, 0), "text_encoder_2": (2, 0), "transformer": (1, 0), "vae": (1, 0)},
    "kandinsky2.2": {"movq": (1, 0), "unet": (1, 0)},
    "prior": {"image_encoder": (1, 0), "prior": (1, 0), "text_encoder": (1, 0)},
}


def write_replicas(folder: Path) -> dict[str, tuple[Path, str]]:
    """Writes every repository; returns name to its folder and its commit."""
    made = {}
    for generator, published in PUBLISHED.items():
        if published.files:
            continue
        source = tiny_checkpoint(generator)
        place = _replica(source, folder / generator, LAYOUTS[generator])
        shutil.rmtree(place / "prior", ignore_errors=True)
        made[published.repository] = place, published.revision
    prior = _replica(tiny_checkpoint("kandinsky2.2") / "prior", folder / "kandinsky-prior", LAYOUTS["prior"])
    made[KANDINSKY_PRIOR.source] = prior, str(KANDINSKY_PRIOR.revision)
    fill, inpainting = ALTERNATIVES["flux.1"]["fill"], ALTERNATIVES["sdxl"]["inpainting"]
    wide = _fill(folder / "tiny-fill")
    made[fill.repository] = _replica(wide, folder / "fill", LAYOUTS["flux.1"]), fill.revision
    nine = _sdxl_inpainting(folder / "tiny-inpainting")
    made[inpainting.repository] = _replica(nine, folder / "inpainting", LAYOUTS["sdxl"]), inpainting.revision
    return made


def write_openais_files(folder: Path) -> list[str]:
    """Writes the files of OpenAI's server, of a smaller GLIDE; its options, which OpenAI has not, are one more."""
    import torch

    from generation.generators.glide.pipeline import GlideInpaintPipeline

    tiny = tiny_checkpoint("glide")
    pipeline = GlideInpaintPipeline.from_pretrained(tiny)
    shutil.copytree(tiny, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.pt"))
    torch.save(pipeline.base.state_dict(), folder / "base_inpaint.pt")
    torch.save(pipeline.upsampler.state_dict(), folder / "upsample_inpaint.pt")
    names = [file.name for file in PUBLISHED["glide"].files]
    assert all((folder / name).is_file() for name in names)
    return [*names, "options.json"]


def _replica(source: Path, place: Path, layout: dict[str, tuple[int, int]]) -> Path:
    shutil.copytree(source, place)
    for part, (whole, half) in layout.items():
        stem = MODEL if (place / part / f"{MODEL}.safetensors").is_file() else UNET
        file = place / part / f"{stem}.safetensors"
        weights = load_file(file)
        file.unlink()
        _shards(place / part, stem, weights, whole, variant="")
        _shards(place / part, stem, {name: each.half() for name, each in weights.items()}, half, ".fp16")
    for name in UNUSED:
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(b"not needed")
    return place


def _shards(part: Path, stem: str, weights: dict[str, Any], count: int, variant: str) -> None:
    if count == 1:
        save_file(weights, part / f"{stem}{variant}.safetensors", {"format": "pt"})
    if count < 2:
        return
    names, where = sorted(weights), {}
    for number in range(count):
        file = f"{stem}{variant}-{number + 1:05d}-of-{count:05d}.safetensors"
        chosen = names[number::count]
        save_file({name: weights[name] for name in chosen}, part / file, {"format": "pt"})
        where |= dict.fromkeys(chosen, file)
    total = sum(each.nbytes for each in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (part / f"{stem}.safetensors.index{variant}.json").write_text(json.dumps(index))


def _fill(folder: Path) -> Path:
    """FLUX.1 Fill: the transformer takes latents, masked latents and the mask."""
    import torch
    from diffusers import FluxFillPipeline, FluxPipeline, FluxTransformer2DModel

    tiny = FluxPipeline.from_pretrained(str(tiny_checkpoint("flux.1")), use_safetensors=True)
    torch.manual_seed(0)
    config = {**tiny.transformer.config, "in_channels": 384, "out_channels": 64}
    parts = tiny.components | {"transformer": FluxTransformer2DModel.from_config(config)}
    FluxFillPipeline(
        **{n: parts[n] for n in FluxFillPipeline._get_signature_keys(FluxFillPipeline)[0]}
    ).save_pretrained(folder)
    return folder


def _sdxl_inpainting(folder: Path) -> Path:
    """Stable Diffusion XL with nine input channels."""
    import torch
    from diffusers import StableDiffusionXLInpaintPipeline, UNet2DConditionModel

    tiny = StableDiffusionXLInpaintPipeline.from_pretrained(str(tiny_checkpoint("sdxl")), use_safetensors=True)
    torch.manual_seed(0)
    tiny.unet = UNet2DConditionModel.from_config({**tiny.unet.config, "in_channels": 9})
    tiny.save_pretrained(folder)
    return folder
