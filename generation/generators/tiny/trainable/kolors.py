"""A tiny Kolors: Stable Diffusion XL's U-Net and autoencoder, conditioned by a ChatGLM language model."""

from pathlib import Path
from typing import Any

from generation.generators.tiny import text
from generation.generators.tiny.kolors import TIME_SIDE, chat_glm, sentencepiece_model
from generation.generators.tiny.trainable.unets import autoencoder, noise_schedule, unet


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
