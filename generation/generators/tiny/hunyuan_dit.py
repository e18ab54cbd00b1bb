"""A tiny HunyuanDiT: a diffusion transformer with skip connections, conditioned by a BERT and a T5."""

from typing import Any

from generation.generators.tiny import text
from generation.generators.tiny.unets import deep_autoencoder, noise_schedule

TOKENS, TOKENS_T5 = 77, 256


def hunyuan_dit() -> Any:
    """HunyuanDiTPipeline, whose rotary embedding is laid out for an autoencoder that divides by eight."""
    from diffusers import DDIMScheduler, HunyuanDiT2DModel, HunyuanDiTPipeline
    from transformers import BertModel

    return HunyuanDiTPipeline(
        vae=deep_autoencoder(),
        text_encoder=BertModel(text.bert_config(TOKENS)),
        tokenizer=text.bert_tokenizer(TOKENS),
        transformer=HunyuanDiT2DModel(
            sample_size=32,
            num_layers=4,
            patch_size=2,
            num_attention_heads=6,
            attention_head_dim=16,
            hidden_size=96,
            mlp_ratio=2.0,
            in_channels=16,
            cross_attention_dim=text.SIDE,
            cross_attention_dim_t5=text.SIDE,
            pooled_projection_dim=4 * text.SIDE,
            text_len=TOKENS,
            text_len_t5=TOKENS_T5,
        ),
        scheduler=DDIMScheduler(**noise_schedule(0.00085, 0.02), clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=text.t5_encoder(),
        tokenizer_2=text.t5_tokenizer(),
    )
