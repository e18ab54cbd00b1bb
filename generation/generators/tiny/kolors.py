"""Tiny Kolors: Stable Diffusion XL's U-Net and autoencoder, conditioned by a ChatGLM language model."""

import io
from pathlib import Path
from typing import Any

from generation.generators.tiny import text
from generation.generators.tiny.unets import autoencoder, noise_schedule, unet

TIME_SIDE = 8


def kolors(folder: Path) -> Any:
    """KolorsPipeline.

    Args:
        folder: where it will be saved; its tokenizer reads its vocabulary from there.
    """
    from diffusers import EulerDiscreteScheduler, KolorsPipeline
    from diffusers.pipelines.kolors.tokenizer import ChatGLMTokenizer

    vocabulary = folder / "tokenizer" / "tokenizer.model"
    vocabulary.parent.mkdir(parents=True)
    vocabulary.write_bytes(sentencepiece_model())
    tokenizer = ChatGLMTokenizer(str(vocabulary))
    return KolorsPipeline(
        vae=autoencoder(),
        text_encoder=chat_glm(len(tokenizer)),
        tokenizer=tokenizer,
        unet=unet(
            in_channels=4,
            cross_attention_dim=text.SIDE,
            encoder_hid_dim=text.SIDE,
            encoder_hid_dim_type="text_proj",
            addition_embed_type="text_time",
            addition_time_embed_dim=TIME_SIDE,
            projection_class_embeddings_input_dim=6 * TIME_SIDE + text.SIDE,
        ),
        scheduler=EulerDiscreteScheduler(num_train_timesteps=1100, **noise_schedule(0.00085, 0.014)),
    )


def chat_glm(words: int) -> Any:
    """ChatGLMModel with random weights; `words` is the size of its vocabulary."""
    import torch
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel

    model = ChatGLMModel(
        ChatGLMConfig(
            num_layers=2,
            padded_vocab_size=words,
            hidden_size=text.SIDE,
            ffn_hidden_size=2 * text.SIDE,
            kv_channels=8,
            num_attention_heads=4,
            seq_length=256,
            add_qkv_bias=True,
            multi_query_attention=True,
            multi_query_group_num=2,
            original_rope=True,  # ChatGLMModel reads it, and its config has no default
        )
    )
    for name, weights in model.named_parameters():  # the class leaves its weights uninitialised
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.02)
        else:
            torch.nn.init.constant_(weights, 0.0 if name.endswith("bias") else 1.0)
    return model


def sentencepiece_model() -> bytes:
    """A SentencePiece model of the printable ASCII characters."""
    from sentencepiece import SentencePieceTrainer

    characters = "".join(chr(code) for code in range(33, 127))
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter([f"{characters} {characters}"]),
        model_writer=model,
        model_type="char",
        vocab_size=len(characters) + 4,
        character_coverage=1.0,
        normalization_rule_name="identity",
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()
