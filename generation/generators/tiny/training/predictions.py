"""The denoisers of the eight, called as their pipelines call them, with frozen text encoders."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from generation.generators.tiny.training.losses import Predict

PROMPTS = (
    "",
    "a photo of a dog",
    "an empty street",
    "a red wooden chair",
    "grass and trees in the background",
    "a bowl of fruit on a table",
    "a person in a blue coat",
    "a plain wall",
)
"""Each batch has one of them: prompts are not obeyed, but none may spoil the picture."""


def a_few(tokens: Tensor) -> Tensor:
    """(N, L, C) to a few of the tokens: where image and text attend together, padding must not matter."""
    length = tokens.shape[1]
    count = round(16 * (length / 16) ** torch.rand(()).item())
    return tokens[:, torch.randperm(length)[:count]]


def unet(pipeline: Any) -> Predict:
    """Stable Diffusion 2's."""
    with torch.no_grad():
        texts = [pipeline.encode_prompt(prompt, "cpu", 1, False)[0] for prompt in PROMPTS]

    def predict(x: Tensor, times: Tensor) -> Tensor:
        text = _any_of(texts).expand(len(x), -1, -1)
        return pipeline.unet(_last(x), times, encoder_hidden_states=text).sample

    return predict


def sized_unet(pipeline: Any, side: int) -> Predict:
    """Stable Diffusion XL's and Kolors', conditioned on the size of the image, in pixels."""
    with torch.no_grad():
        texts = [
            pipeline.encode_prompt(prompt, device="cpu", do_classifier_free_guidance=False) for prompt in PROMPTS
        ]
    sizes = torch.tensor([[side, side, 0, 0, side, side]], dtype=torch.float32)

    def predict(x: Tensor, times: Tensor) -> Tensor:
        text, _, pooled, _ = _any_of(texts)
        conditions = {"text_embeds": pooled.expand(len(x), -1), "time_ids": sizes.expand(len(x), -1)}
        return pipeline.unet(
            _last(x), times, encoder_hidden_states=text.expand(len(x), -1, -1), added_cond_kwargs=conditions
        ).sample

    return predict


def image_conditioned_unet(pipeline: Any, embeddings: Tensor) -> Predict:
    """Kandinsky's, conditioned on one of (M, C) image embeddings; its prediction of the variance is not used."""

    def predict(x: Tensor, times: Tensor) -> Tensor:
        embedding = _any_of(list(embeddings))[None].expand(len(x), -1)
        sample = pipeline.unet(_last(x), times, None, added_cond_kwargs={"image_embeds": embedding}).sample
        return sample.chunk(2, dim=1)[0]

    return predict


def sd3(pipeline: Any) -> Predict:
    """Stable Diffusion 3.5's."""
    with torch.no_grad():
        texts = [pipeline.encode_prompt(each, each, each, do_classifier_free_guidance=False) for each in PROMPTS]

    def predict(x: Tensor, times: Tensor) -> Tensor:
        text, _, pooled, _ = _any_of(texts)
        return pipeline.transformer(
            x,
            timestep=times,
            encoder_hidden_states=a_few(text).expand(len(x), -1, -1),
            pooled_projections=pooled.expand(len(x), -1),
        ).sample

    return predict


def flux(pipeline: Any, guidance: float) -> Predict:
    """FLUX.1's, on latents that are packed two by two."""
    with torch.no_grad():
        texts = [pipeline.encode_prompt(each, each)[:2] for each in PROMPTS]

    def predict(x: Tensor, times: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        text, pooled = _any_of(texts)
        text = a_few(text)
        places = pipeline._prepare_latent_image_ids(count, height // 2, width // 2, x.device, x.dtype)
        velocity = pipeline.transformer(
            hidden_states=pipeline._pack_latents(x, count, channels, height, width),
            timestep=times / 1000,
            guidance=torch.full((count,), guidance),
            pooled_projections=pooled.expand(count, -1),
            encoder_hidden_states=text.expand(count, -1, -1),
            txt_ids=torch.zeros(text.shape[1], 3),
            img_ids=places,
        ).sample
        velocity = velocity.view(count, height // 2, width // 2, channels, 2, 2)
        return velocity.permute(0, 3, 1, 4, 2, 5).reshape(x.shape)

    return predict


def hunyuan(pipeline: Any, side: int) -> Predict:
    """HunyuanDiT's.

    Args:
        side: of the images, in pixels.
    """
    from diffusers.models.embeddings import get_2d_rotary_pos_embed
    from diffusers.pipelines.hunyuandit.pipeline_hunyuandit import get_resize_crop_region_for_grid

    transformer = pipeline.transformer
    with torch.no_grad():
        texts = [
            [pipeline.encode_prompt(each, do_classifier_free_guidance=False, text_encoder_index=i) for i in (0, 1)]
            for each in PROMPTS
        ]
    sizes = torch.tensor([[side, side, side, side, 0, 0]], dtype=torch.float32)
    whole = side // 8 // transformer.config.patch_size
    (top, _), (bottom, _) = get_resize_crop_region_for_grid(
        (whole, whole), 512 // 8 // transformer.config.patch_size
    )
    step = (bottom - top) / whole

    def predict(x: Tensor, times: Tensor) -> Tensor:
        count, grid = len(x), x.shape[-1] // transformer.config.patch_size
        (text, _, mask, _), (long, _, long_mask, _) = _any_of(texts)
        places = get_2d_rotary_pos_embed(
            transformer.inner_dim // transformer.num_heads,
            ((0, 0), (grid * step, grid * step)),
            (grid, grid),
            output_type="pt",
        )
        sample = transformer(
            x,
            times.float(),
            encoder_hidden_states=text.repeat(count, 1, 1),
            text_embedding_mask=mask.repeat(count, 1),
            encoder_hidden_states_t5=long.repeat(count, 1, 1),
            text_embedding_mask_t5=long_mask.repeat(count, 1),
            image_meta_size=sizes.repeat(count, 1),
            style=torch.zeros(count, dtype=torch.long),
            image_rotary_emb=places,
            return_dict=False,
        )[0]
        return sample.chunk(2, dim=1)[0]

    return predict


def _any_of(choices: Sequence[Any]) -> Any:
    return choices[int(torch.randint(len(choices), ()))]


def _last(x: Tensor) -> Tensor:
    """With the channels last in memory, where a processor's convolutions are fastest."""
    return x.contiguous(memory_format=torch.channels_last)
