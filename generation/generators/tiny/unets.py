"""Tiny Stable Diffusion 2 and Stable Diffusion XL: a U-Net on the latents of a 4-channel autoencoder."""

from typing import Any

from generation.generators.tiny import text


def autoencoder(latent_channels: int = 4, widths: tuple[int, ...] = (16, 32, 48)) -> Any:
    """An autoencoder that halves height and width `len(widths) - 1` times; its latents' variance is about 1."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        latent_channels=latent_channels,
        layers_per_block=1,
        norm_num_groups=4,
        mid_block_add_attention=False,
        sample_size=256,
        scaling_factor=1.0,
        shift_factor=0.0,
        force_upcast=False,
    )


def deep_autoencoder() -> Any:
    """The 16-channel autoencoder of Stable Diffusion 3.5, FLUX.1 and HunyuanDiT, which divides by eight."""
    return autoencoder(16, (16, 32, 48, 48))


def unet(**changes: Any) -> Any:
    """The U-Net that Stable Diffusion 2, Stable Diffusion XL and Kolors share but for their conditioning."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        block_out_channels=(32, 40, 56),
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        layers_per_block=1,
        out_channels=4,
        sample_size=64,
        norm_num_groups=8,
        use_linear_projection=True,
        **changes,
    )


def noise_schedule(first: float = 0.00085, last: float = 0.012, to_pure_noise: bool = False) -> dict[str, Any]:
    """Of a scheduler that predicts velocities, and in a few steps begins at the last of the trained ones.

    Args:
        first, last: variances that the first and the last step add.
        to_pure_noise: whether nothing of the picture is left at the end (Lin et al. 2024, arXiv 2305.08891), as is
            right where sampling begins in pure noise. Else the first step would expect the picture's mean colour
            in the noise, and fills would drift to grey.
    """
    return {
        "beta_start": first,
        "beta_end": last,
        "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction",
        "timestep_spacing": "trailing",
        "rescale_betas_zero_snr": to_pure_noise,
        "steps_offset": 1,
    }


def sd2() -> Any:
    """StableDiffusionInpaintPipeline with the nine input channels of an inpainting U-Net."""
    from diffusers import DDIMScheduler, StableDiffusionInpaintPipeline
    from transformers import CLIPTextModel

    return StableDiffusionInpaintPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text.clip_config(hidden_act="gelu")),
        tokenizer=text.clip_tokenizer(),
        unet=unet(
            in_channels=9,
            cross_attention_dim=text.SIDE,
        ),
        scheduler=DDIMScheduler(**noise_schedule(to_pure_noise=True), clip_sample=False),
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
            cross_attention_dim=2 * text.SIDE,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + text.SIDE,
        ),
        scheduler=EulerDiscreteScheduler(**noise_schedule(0.001, 0.014)),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )
