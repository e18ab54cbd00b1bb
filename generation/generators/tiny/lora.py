"""Writes a tiny LoRA for the tiny Stable Diffusion XL."""

from pathlib import Path

from generation.generators.tiny import unets

RANK = 4


def write_sdxl_lora(folder: Path, file: str) -> None:
    """Writes a random LoRA of the attention layers of the tiny Stable Diffusion XL's U-Net."""
    from diffusers import StableDiffusionXLPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    unet = unets.sdxl().unet
    layers = ["to_q", "to_k", "to_v", "to_out.0"]
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=layers, init_lora_weights=False))
    StableDiffusionXLPipeline.save_lora_weights(
        folder, unet_lora_layers=get_peft_model_state_dict(unet), weight_name=file
    )
