"""Tiny Kandinsky 2.2: a prior from text to image embeddings, and a U-Net on the latents of a VQ autoencoder."""

from pathlib import Path
from typing import Any

from generation.generators.tiny import text
from generation.generators.tiny.unets import noise_schedule


def combined() -> Any:
    """KandinskyV22InpaintCombinedPipeline, whose U-Net has the nine input channels of an inpainting one."""
    from diffusers import KandinskyV22InpaintCombinedPipeline

    decoder, prior = _decoder(), prior_pipeline()
    return KandinskyV22InpaintCombinedPipeline(
        **decoder.components, **{f"prior_{name}": part for name, part in prior.components.items()}
    )


def save(made: Any, folder: Path) -> None:
    """Writes the two halves as they are published: the decoder, and the prior in a folder of its own."""
    made.decoder_pipe.save_pretrained(folder)
    made.prior_pipe.save_pretrained(folder / "prior")


def _decoder() -> Any:
    from diffusers import DDPMScheduler, KandinskyV22InpaintPipeline

    return KandinskyV22InpaintPipeline(
        unet=_unet(),
        scheduler=DDPMScheduler(**noise_schedule(0.0008, 0.013, to_pure_noise=True), clip_sample=False),
        movq=_movq(),
    )


def _unet() -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        in_channels=9,
        out_channels=8,
        sample_size=32,
        block_out_channels=(32, 40, 56),
        layers_per_block=1,
        down_block_types=("ResnetDownsampleBlock2D", "ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D", "ResnetUpsampleBlock2D"),
        addition_embed_type="image",
        encoder_hid_dim=text.SIDE,
        encoder_hid_dim_type="image_proj",
        cross_attention_dim=text.SIDE,
        attention_head_dim=8,
        norm_num_groups=8,
        resnet_time_scale_shift="scale_shift",
        class_embed_type=None,
    )


def _movq() -> Any:
    from diffusers import VQModel

    return VQModel(
        block_out_channels=(32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        num_vq_embeddings=1024,
        vq_embed_dim=4,
        norm_num_groups=4,
        norm_type="spatial",
        layers_per_block=1,
        mid_block_add_attention=False,
    )


def prior_pipeline() -> Any:
    """KandinskyV22PriorPipeline with random weights."""
    from diffusers import KandinskyV22PriorPipeline, UnCLIPScheduler
    from transformers import CLIPImageProcessor, CLIPTextModelWithProjection

    return KandinskyV22PriorPipeline(
        prior=_prior(),
        image_encoder=_image_encoder(),
        text_encoder=CLIPTextModelWithProjection(text.clip_config()),
        tokenizer=text.clip_tokenizer(),
        scheduler=UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample"),
        image_processor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
    )


def _prior() -> Any:
    from diffusers import PriorTransformer

    return PriorTransformer(
        num_attention_heads=4,
        attention_head_dim=8,
        num_layers=2,
        embedding_dim=text.SIDE,
        num_embeddings=77,
        additional_embeddings=4,
    )


def _image_encoder() -> Any:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=text.SIDE,
            intermediate_size=2 * text.SIDE,
            projection_dim=text.SIDE,
            num_attention_heads=4,
            num_hidden_layers=2,
            image_size=32,
            patch_size=16,
        )
    )
