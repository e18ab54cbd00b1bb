"""GLIDE: OpenAI's names and shapes; guidance, inpainting, steps, upsampler and tokens on small known cases."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from generation.checkpoints.checkpoint import CheckpointError
from generation.generators import registry
from generation.generators.glide.diffusion import betas, fast_steps, guided, make_scheduler, sample, spaced_steps
from generation.generators.glide.options import BASE, UPSAMPLER, write_options
from generation.generators.glide.pipeline import BASE_FILE, UPSAMPLER_FILE, GlideInpaintPipeline, load_model
from generation.generators.glide.tokenizer import MERGES, VOCABULARY, GlideTokenizer
from generation.generators.glide.unet import GlideUNet
from generation.generators.tiny import glide as tiny

KEYS = Path(__file__).parent / "glide_keys"
VOCABULARY_SIZE = 50257
OPTIONS = replace(tiny.OPTIONS, upsampler=replace(tiny.OPTIONS.upsampler, side=64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A checkpoint with the file names of OpenAI's and random weights."""
    place = tmp_path_factory.mktemp("glide")
    torch.manual_seed(0)
    made = tiny.pipeline(place, OPTIONS)
    write_options(place, OPTIONS)
    torch.save(made.base.state_dict(), place / BASE_FILE)
    torch.save(made.upsampler.state_dict(), place / UPSAMPLER_FILE)
    return place


@pytest.fixture(scope="module")
def pipeline(folder) -> GlideInpaintPipeline:
    torch.set_num_threads(1)
    return GlideInpaintPipeline.from_pretrained(folder)


# ── The models ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "options", "millions"), [("base_inpaint", BASE, 385), ("upsample_inpaint", UPSAMPLER, 398)]
)
def test_parameters_have_the_names_and_shapes_of_openais_state_dicts(name, options, millions):
    with torch.device("meta"):
        model = GlideUNet(options, VOCABULARY_SIZE)
    found = {key: list(value.shape) for key, value in model.state_dict().items()}
    assert found == json.loads((KEYS / f"{name}.json").read_text())
    assert sum(value.numel() for value in model.parameters()) // 1_000_000 == millions


def test_padding_is_the_same_whatever_token_it_is_made_of(pipeline):
    model = pipeline.base
    tokens = torch.tensor([[5, 6, 7, 0] + [9] * 12])
    mask = torch.tensor([[True] * 3 + [False] * 13])
    other = tokens.clone()
    other[0, 3:] = 40
    with torch.no_grad():
        for one, two in zip(model.read(tokens, mask), model.read(other, mask), strict=True):
            assert torch.equal(one, two)


def test_the_prompt_reaches_every_prediction(pipeline):
    model = pipeline.base
    x, steps = torch.zeros(1, 7, 32, 32), torch.tensor([500])
    with torch.no_grad():
        one, two = (model(x, steps, model.read(*pipeline._tokens([text], 16))) for text in ("a cat", "a tower"))
    assert not torch.equal(one, two)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_norms_time_and_the_last_layer_in_float32(folder, dtype):
    model = GlideInpaintPipeline.from_pretrained(folder, torch_dtype=dtype).base
    kept = {name: value.dtype for name, value in model.state_dict().items()}
    assert kept["input_blocks.1.0.in_layers.2.weight"] == dtype
    assert kept["transformer.resblocks.0.attn.c_qkv.weight"] == dtype
    for name in ("input_blocks.1.0.in_layers.0.weight", "time_embed.0.weight", "out.2.weight", "final_ln.weight"):
        assert kept[name] == torch.float32


# ── Sampling ──────────────────────────────────────────────────────────────────────────────────────


def posterior_step(x, noise, share, clean, variance, beta, beta_bar, alpha_bar_before):
    """One step of p(x before | x) by equations 7 and 15 of Ho et al. 2020 and of Nichol and Dhariwal 2021."""
    mean = math.sqrt(alpha_bar_before) * beta / (1 - share) * clean
    mean = mean + math.sqrt(1 - beta) * (1 - alpha_bar_before) / (1 - share) * x
    between = (variance + 1) / 2
    return mean + torch.exp(0.5 * (between * math.log(beta) + (1 - between) * math.log(beta_bar))) * noise


@pytest.mark.parametrize("schedule", ["linear", "squaredcos_cap_v2"])
@pytest.mark.parametrize("count", [4, 50, 100])
def test_respaced_steps_follow_the_papers_formulas(schedule, count):
    steps = spaced_steps([count])
    kept = [*torch.cumprod(1 - betas(schedule), dim=0)[steps].tolist(), 1.0]
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours = theirs = x
    scheduler = make_scheduler(schedule, steps)
    draws = torch.Generator().manual_seed(1)
    for number, step in enumerate(steps):
        clean, variance = (torch.rand(x.shape, generator=draws, dtype=torch.float64) * 2 - 1 for _ in range(2))
        share, before = kept[number], kept[number + 1]
        beta = 1 - share / before
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
        ours = scheduler.step(
            torch.cat([clean, variance], 1), step, ours, generator=torch.Generator().manual_seed(number)
        ).prev_sample
        if before == 1.0:
            theirs = clean
        else:
            bar = (1 - before) / (1 - share) * beta
            theirs = posterior_step(theirs, noise, share, clean, variance, beta, bar, before)
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_steps_are_spread_evenly_and_openais_fast_27_are_27():
    assert spaced_steps([4]) == [999, 666, 333, 0]
    assert spaced_steps([1000]) == list(range(999, -1, -1))
    assert spaced_steps([10, 10, 3, 2, 2])[:5] == [999, 800, 799, 600, 599]
    fast = fast_steps()
    assert (len(fast), fast[0], fast[-1]) == (27, 997, 0)
    with pytest.raises(ValueError, match="each part of 1000 has 1 to 1000"):
        spaced_steps([1001])


def test_guidance_goes_from_no_prompt_through_the_prompt_and_beyond():
    def model(x, steps):
        with_prompt = torch.cat([torch.full_like(x[:1], 3.0), torch.full_like(x[:1], 0.25)], dim=1)
        without = torch.cat([torch.full_like(x[:1], 1.0), torch.full_like(x[:1], 0.75)], dim=1)
        return torch.cat([with_prompt, without])

    x, steps = torch.zeros(1, 3, 2, 2), torch.tensor([7])
    for guidance, noise in ((0, 1.0), (1, 3.0), (5, 11.0)):
        predicted = guided(model, guidance)(x, steps)
        assert torch.equal(predicted[:, :3], torch.full((1, 3, 2, 2), noise))
        assert torch.equal(predicted[:, 3:], torch.full((1, 3, 2, 2), 0.25))


def test_a_model_that_knows_the_noise_gives_back_the_image():
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    kept = torch.cumprod(1 - betas("linear"), dim=0)

    def model(x, steps):
        share = kept[steps].float()[:, None, None, None]
        return torch.cat([(x - share.sqrt() * image) / (1 - share).sqrt(), torch.full_like(x, -1)], dim=1)

    found = sample(
        model,
        make_scheduler("linear", spaced_steps([50])),
        torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)),
        torch.zeros(1, 3, 8, 8),
        torch.zeros(1, 1, 8, 8),
        [torch.Generator().manual_seed(2)],
    )
    torch.testing.assert_close(found, image, rtol=0, atol=1e-4)


def test_known_pixels_come_out_as_they_went_in():
    known = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    keep = torch.zeros(1, 1, 8, 8)
    keep[..., :5] = 1
    found = sample(
        lambda x, steps: torch.cat([x, x], dim=1),
        make_scheduler("squaredcos_cap_v2", spaced_steps([4])),
        torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)),
        known,
        keep,
        [torch.Generator().manual_seed(2)],
    )
    torch.testing.assert_close(found[..., :5], known[..., :5])
    assert not torch.allclose(found[..., 5:], known[..., 5:])


# ── The pipeline ──────────────────────────────────────────────────────────────────────────────────


def picture(side: int = 64) -> Image.Image:
    return Image.fromarray(data.astronaut()[:256, 100:356]).resize((side, side))


def region(side: int = 64, width: int = 24) -> Image.Image:
    mask = np.zeros((side, side), np.uint8)
    mask[8:56, 20 : 20 + width] = 255
    return Image.fromarray(mask)


def paint(pipeline, prompt="a cat", seed=0, mask=None, **changes) -> np.ndarray:
    arguments = {"num_inference_steps": 4, "guidance_scale": 3.0, **changes}
    return pipeline(
        [prompt], [picture()], [mask or region()], [torch.Generator().manual_seed(seed)], **arguments
    ).images


def test_both_models_see_what_is_known_and_a_line_of_one_pixel_is_painted(pipeline):
    thin = region(width=1)
    keep = pipeline._keep([thin])
    assert keep.shape == (1, 1, 32, 32)
    assert keep[0, 0, 4:28, 10].sum() == 0
    changed = np.abs(paint(pipeline, mask=thin)[0] - np.asarray(picture()) / 255).max(axis=2) > 0.02
    assert changed[8:56, 20:22].mean() > 0.9  # a pixel of the base model is two of the upsampler
    assert not changed[:, :20].any()
    assert not changed[:, 22:].any()


def test_the_upsampler_gets_the_base_models_mask_enlarged_by_nearest_neighbour(pipeline):
    rows, columns = np.ogrid[:64, :64]
    disk = (rows - 30) ** 2 + (columns - 33) ** 2 < 19**2
    given = []

    def sees(model, *, channel: int):
        return model.register_forward_pre_hook(
            lambda _, inputs: given.append(inputs[0][:1, channel : channel + 1])
        )

    hooks = [sees(pipeline.base, channel=6), sees(pipeline.upsampler, channel=6)]
    paint(pipeline, mask=Image.fromarray((disk * 255).astype(np.uint8)))
    for hook in hooks:
        hook.remove()
    small, large = given[0], given[-1]
    assert small.shape[-1] == 32
    assert large.shape[-1] == 64
    assert set(small.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(large, small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
    assert not (disk & (large[0, 0].numpy() == 1)).any()


def test_the_upsampler_follows_the_small_picture(pipeline):
    dark, bright = (torch.full((1, 3, 32, 32), value) for value in (-0.9, 0.9))
    keep = pipeline._keep([region()])
    outcomes = [
        pipeline._enlarge([""], small, [picture()], keep, [torch.Generator().manual_seed(0)])
        for small in (dark, bright)
    ]
    assert not torch.allclose(*outcomes)
    kept = keep.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3).bool().expand(-1, 3, -1, -1)
    torch.testing.assert_close(outcomes[0][kept], outcomes[1][kept])


def test_prompt_and_seed_and_steps_change_what_is_painted(pipeline):
    first = paint(pipeline)
    assert np.array_equal(first, paint(pipeline))
    for other in (
        paint(pipeline, prompt="a tower"),
        paint(pipeline, seed=1),
        paint(pipeline, num_inference_steps=50),
    ):
        assert not np.array_equal(first, other)


def test_another_size_than_its_own_is_refused(pipeline):
    with pytest.raises(ValueError, match="GLIDE gives 64x64 arrays"):
        paint(pipeline, height=128, width=128)


def test_text_becomes_tokens_as_merged_pairs_of_bytes_in_lower_case(folder):
    tokenizer = GlideTokenizer.from_folder(folder)
    numbers = {token: number for number, token in enumerate([*sorted(byte_alphabet()), "an", "th", "the", "Ġa"])}
    tokens, mask = tokenizer.encode("The ant", 8)
    assert tokens[:4] == [numbers["the"], numbers["Ġ"], numbers["an"], numbers["t"]]  # "an" comes before "Ġa"
    assert mask == [True] * 4 + [False] * 4
    assert tokens[4:] == [tokenizer.size - 1] * 4
    assert tokenizer.encode("x" * 50, 8)[1] == [True] * 8
    assert tokenizer.encode("", 4) == ([tokenizer.size - 1] * 4, [False] * 4)


def byte_alphabet() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return ByteLevel.alphabet()


# ── Bad checkpoints ───────────────────────────────────────────────────────────────────────────────


def test_a_damaged_file_and_one_of_another_model_are_named(folder, tmp_path):
    (tmp_path / BASE_FILE).write_bytes((folder / BASE_FILE).read_bytes()[:5000])
    model = GlideUNet(OPTIONS.base, GlideTokenizer.from_folder(folder).size)
    with pytest.raises(ValueError, match=r"base_inpaint\.pt is damaged"):
        load_model(model, tmp_path / BASE_FILE, torch.float32)
    other = GlideUNet(replace(OPTIONS.base, blocks=2), GlideTokenizer.from_folder(folder).size)
    with pytest.raises(ValueError, match=r"base_inpaint\.pt is not of this model"):
        load_model(other, folder / BASE_FILE, torch.float32)


def test_a_file_that_would_run_code_is_not_loaded(folder, tmp_path):
    torch.save({"weights": Path("anything")}, tmp_path / BASE_FILE)
    with pytest.raises(ValueError, match="is damaged"):
        load_model(GlideUNet(OPTIONS.base, 10), tmp_path / BASE_FILE, torch.float32)


@pytest.mark.parametrize("name", [BASE_FILE, VOCABULARY, MERGES])
def test_a_missing_file_is_said_with_where_it_is_to_be_had(folder, tmp_path, name):
    for file in folder.iterdir():
        if file.name != name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(CheckpointError, match=rf"GLIDE: .* lacks {name}; there is https://.*{name}"):
        registry.load("glide", f"folder/{tmp_path.name}", replacements={"glide": str(tmp_path)})
