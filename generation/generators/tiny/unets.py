"""Tiny Stable Diffusion 2 and Stable Diffusion XL: a U-Net on the latents of a 4-channel autoencoder."""

from typing import Any

from generation.generators.tiny import text


def autoencoder(latent_channels: int = 4, levels: int = 3, **changes: Any) -> Any:
    """An autoencoder that halves height and width `levels - 1` times."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(16, *(32,) * (levels - 1)),
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        latent_channels=latent_channels,
        norm_num_groups=8,
        sample_size=128,
        **changes,
    )


def unet(**changes: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        out_channels=4,
        sample_size=32,
        norm_num_groups=8,
        use_linear_projection=True,
        **changes,
    )


def sd2() -> Any:
    """StableDiffusionInpaintPipeline with the nine input channels of an inpainting U-Net."""
    from diffusers import PNDMScheduler, StableDiffusionInpaintPipeline
    from transformers import CLIPTextModel

    return StableDiffusionInpaintPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text.clip_config(hidden_act="gelu")),
        tokenizer=text.clip_tokenizer(),
        unet=unet(
            in_channels=9,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=text.SIDE,
            attention_head_dim=(4, 8),
        ),
        scheduler=PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl() -> Any:
    """StableDiffusionXLPipeline: two text encoders, and size conditions beside the time step."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    return StableDiffusionXLPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text.clip_config()),
        text_encoder_2=CLIPTextModelWithProjection(text.clip_config(hidden_act="gelu")),
        tokenizer=text.clip_tokenizer(),
        tokenizer_2=text.clip_tokenizer(),
        unet=unet(
            in_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=2 * text.SIDE,
            attention_head_dim=(4, 8),
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=(1, 2),
            projection_class_embeddings_input_dim=6 * 8 + text.SIDE,
        ),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )
