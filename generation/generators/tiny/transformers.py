"""Tiny Stable Diffusion 3.5 and FLUX.1: rectified-flow transformers on a 16-channel autoencoder."""

from typing import Any

from generation.generators.tiny import text
from generation.generators.tiny.unets import deep_autoencoder

HEADS, HEAD_SIDE = 6, 16


def sd3_5() -> Any:
    """StableDiffusion3Pipeline with three text encoders."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import CLIPTextModelWithProjection

    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=32,
            patch_size=2,
            in_channels=16,
            out_channels=16,
            num_layers=3,
            attention_head_dim=HEAD_SIDE,
            num_attention_heads=HEADS,
            caption_projection_dim=HEADS * HEAD_SIDE,
            joint_attention_dim=2 * text.SIDE,
            pooled_projection_dim=2 * text.SIDE,
            pos_embed_max_size=32,
            qk_norm="rms_norm",
            dual_attention_layers=(0,),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.5),
        vae=deep_autoencoder(),
        text_encoder=CLIPTextModelWithProjection(text.clip_config()),
        tokenizer=text.clip_tokenizer(),
        text_encoder_2=CLIPTextModelWithProjection(text.clip_config(hidden_act="gelu")),
        tokenizer_2=text.clip_tokenizer(),
        text_encoder_3=text.t5_encoder(2 * text.SIDE),
        tokenizer_3=text.t5_tokenizer(),
    )


def flux_1() -> Any:
    """FluxPipeline with distilled guidance."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import CLIPTextModel

    return FluxPipeline(
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=64,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=HEAD_SIDE,
            num_attention_heads=HEADS,
            joint_attention_dim=text.SIDE,
            pooled_projection_dim=text.SIDE,
            axes_dims_rope=(4, 6, 6),
            guidance_embeds=True,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=deep_autoencoder(),
        text_encoder=CLIPTextModel(text.clip_config()),
        tokenizer=text.clip_tokenizer(),
        text_encoder_2=text.t5_encoder(),
        tokenizer_2=text.t5_tokenizer(),
    )
