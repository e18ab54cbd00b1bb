"""Latent blending: what it keeps, at which noise, and that nothing thin is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from generation.generators import registry
from generation.generators.entries import Sampling
from generation.generators.pipelines.blended import BlendedInpainter, add_noise, encode, keep_outside, latent_mask
from generation.generators.pipelines.inpainter import InpaintRequest
from generation.generators.pipelines.load import LoadOptions, load_pipeline, quiet, to_pixels
from generation.generators.tiny import unets
from generation.generators.tiny.assembly import tiny_checkpoint

SIDE = 128


@pytest.fixture(scope="module", params=["kolors", "hunyuandit1.1"])
def inpainter(request) -> BlendedInpainter:
    return registry.GENERATORS[request.param].inpainter(pipeline_of(request.param), Sampling(SIDE, 4, 1.0))


def pipeline_of(generator: str, pipeline_class: str | None = None):
    entry = registry.GENERATORS[generator]
    folder = tiny_checkpoint(generator)
    with quiet():
        if pipeline_class:
            return load_pipeline(pipeline_class, folder, LoadOptions("float32"))
        return entry.pipeline(folder, LoadOptions("float32"))


def fill(image: np.ndarray, mask: np.ndarray, **changes) -> InpaintRequest:
    return InpaintRequest(
        **{"image": image, "mask": mask, "prompt": "a cat", "seed": 4, "steps": 4, "guidance": 3.0, **changes}
    )


def hole(top: int = 40, left: int = 50, height: int = 40, width: int = 30) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def reconstruction(pipeline, image: np.ndarray) -> np.ndarray:
    """The photograph, through the autoencoder and back."""
    import torch

    with torch.no_grad():
        config = pipeline.vae.config
        latents = encode(pipeline, [image]) / config.scaling_factor + (config.shift_factor or 0)
        decoded = pipeline.vae.decode(latents).sample
    return to_pixels(pipeline.image_processor.postprocess(decoded, output_type="np")[0])


@pytest.mark.parametrize("generator", ["kolors", "hunyuandit1.1"])
def test_the_latents_outside_end_as_the_photographs_own_without_noise(generator, square):
    import torch

    pipeline = pipeline_of(generator)
    original = encode(pipeline, [square])
    noise = torch.randn(original.shape, generator=torch.Generator().manual_seed(0))
    inside = latent_mask([hole()], original)
    options = {"use_resolution_binning": False} if generator == "hunyuandit1.1" else {}
    with quiet():
        latents = pipeline(
            prompt=["a cat"],
            height=SIDE,
            width=SIDE,
            num_inference_steps=4,
            latents=noise,
            callback_on_step_end=keep_outside(original, noise, inside),
            output_type="latent",
            **options,
        ).images
    kept = ~inside.expand_as(latents)
    assert torch.equal(latents[kept], original[kept])
    assert (latents[~kept] - original[~kept]).abs().mean() > 0.1


def test_with_nothing_to_paint_the_result_is_the_autoencoders_reconstruction(inpainter, square):
    nothing = np.zeros((SIDE, SIDE), bool)
    result = inpainter([fill(square, nothing)])[0]
    difference = np.abs(result.astype(int) - reconstruction(inpainter._pipeline, square))
    assert difference.max() <= 1


@pytest.mark.parametrize(
    ("generator", "widths", "beyond_reach"), [("kolors", (16, 32, 32), 56), ("hunyuandit1.1", (16, 32, 32, 32), 8)]
)
def test_beyond_the_decoders_reach_the_result_is_the_autoencoders_reconstruction(
    generator, widths, beyond_reach, square
):
    # group norms and attention see the whole picture; without them a pixel depends on its surroundings alone
    pipeline = pipeline_of(generator)
    pipeline.vae = local_autoencoder(pipeline.vae.config.latent_channels, widths)
    inpainter = registry.GENERATORS[generator].inpainter(pipeline, Sampling(SIDE, 4, 1.0))
    mask = hole(124, 124, 4, 4)
    difference = np.abs(inpainter([fill(square, mask)])[0].astype(int) - reconstruction(pipeline, square))

    assert difference[:beyond_reach].max() <= 1
    assert difference[mask].max() > 1


def local_autoencoder(channels: int, widths: tuple[int, ...]):
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae = unets.autoencoder(channels, widths)
    for module in list(vae.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.GroupNorm):
                setattr(module, name, torch.nn.Identity())
    with torch.no_grad():  # without norms little is left of a signal after so many layers
        vae.decoder.conv_out.weight *= 100
    return vae.eval()


@pytest.mark.parametrize("generator", ["kolors", "hunyuandit1.1", "sd3.5"])
def test_after_each_step_the_outside_has_the_noise_of_the_next_step_and_at_the_end_none(generator):
    import torch

    pipeline = pipeline_of(generator)
    scheduler = pipeline.scheduler
    scheduler.set_timesteps(8)
    shape = (1, 4, 32, 32)
    original, noise = torch.ones(shape), torch.randn(shape, generator=torch.Generator().manual_seed(1))
    callback = keep_outside(original, noise, torch.zeros((1, 1, 32, 32), dtype=torch.bool))
    painted = {"latents": torch.full(shape, torch.nan)}
    steps = len(scheduler.timesteps)
    times = scheduler.timesteps
    levels = [callback(pipeline, step, times[step], dict(painted))["latents"] for step in range(steps)]

    for step, level in enumerate(levels[:-1]):
        assert torch.equal(level, add_noise(scheduler, original, noise, scheduler.timesteps[step + 1]))
    deviations = [level.std().item() for level in levels]
    assert deviations[0] > 0.5
    assert deviations[-1] == 0
    assert torch.equal(levels[-1], original)


def test_a_batch_blends_each_image_with_itself(inpainter, square):
    other = np.ascontiguousarray(square[::-1])
    requests = [fill(square, hole(), seed=1), fill(other, hole(10, 10), seed=2, prompt="a dog")]
    together = inpainter(requests)
    for request, result in zip(requests, together, strict=True):
        alone = inpainter([request])[0]
        assert np.abs(result.astype(int) - alone).max() <= 2


@pytest.mark.parametrize("generator", ["sd3.5"])
def test_any_text_to_image_pipeline_with_an_autoencoder_and_a_step_callback_blends(generator, square):
    pipeline = pipeline_of(generator, "StableDiffusion3Pipeline")
    blended = BlendedInpainter(pipeline, SIDE, {})
    nothing = np.zeros((SIDE, SIDE), bool)

    kept, filled = blended([fill(square, nothing)])[0], blended([fill(square, hole())])[0]
    assert np.abs(kept.astype(int) - reconstruction(pipeline, square)).max() <= 1
    assert (filled != kept)[hole()].mean() > 0.5


@pytest.mark.parametrize(
    "mask", [hole(0, 63, SIDE, 1), hole(77, 0, 1, SIDE), hole(127, 127, 1, 1)], ids=["column", "row", "pixel"]
)
def test_a_mask_of_one_pixels_width_is_still_edited(inpainter, square, mask):
    nothing = np.zeros((SIDE, SIDE), bool)
    kept, edited = inpainter([fill(square, nothing)])[0], inpainter([fill(square, mask)])[0]
    assert (edited[mask] != kept[mask]).any()


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(bool, (64, 64), fill=st.just(False)), st.sampled_from([4, 8, 16, 20]))
def test_every_masked_pixel_lies_in_a_masked_latent_and_no_latent_is_masked_for_nothing(mask, cells):
    import torch

    latent = latent_mask([mask], torch.zeros(1, 4, cells, cells))[0, 0].numpy()
    for row, column in np.argwhere(mask)[:20]:
        assert latent[row * cells // 64, column * cells // 64]
    for row, column in np.argwhere(latent)[:20]:
        top, left = row * 64 // cells, column * 64 // cells
        assert mask[top : -(-(row + 1) * 64 // cells), left : -(-(column + 1) * 64 // cells)].any()
