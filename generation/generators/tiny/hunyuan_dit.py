"""Tiny HunyuanDiT: a diffusion transformer with skip connections, conditioned by a BERT and a T5."""

from typing import Any

from generation.generators.tiny import text
from generation.generators.tiny.unets import autoencoder

TOKENS, TOKENS_T5 = 77, 256


def hunyuan_dit() -> Any:
    """HunyuanDiTPipeline; its rotary embedding needs an autoencoder with a downscaling factor of eight."""
    from diffusers import DDPMScheduler, HunyuanDiT2DModel, HunyuanDiTPipeline
    from transformers import BertModel

    return HunyuanDiTPipeline(
        vae=autoencoder(levels=4),
        text_encoder=BertModel(text.bert_config(TOKENS)),
        tokenizer=text.bert_tokenizer(TOKENS),
        transformer=HunyuanDiT2DModel(
            sample_size=16,
            num_layers=4,
            patch_size=2,
            num_attention_heads=4,
            attention_head_dim=16,
            hidden_size=64,
            mlp_ratio=2.0,
            in_channels=4,
            cross_attention_dim=text.SIDE,
            cross_attention_dim_t5=text.SIDE,
            pooled_projection_dim=4 * text.SIDE,
            text_len=TOKENS,
            text_len_t5=TOKENS_T5,
        ),
        scheduler=DDPMScheduler(
            beta_start=0.00085,
            beta_end=0.03,
            beta_schedule="scaled_linear",
            prediction_type="v_prediction",
            steps_offset=1,
            clip_sample=False,
            timestep_spacing="leading",
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=text.t5_encoder(),
        tokenizer_2=text.t5_tokenizer(),
    )
