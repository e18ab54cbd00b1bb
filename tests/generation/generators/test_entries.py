"""Entries of the table of generators: negative prompts, named alternatives, the LoRA's scheduler."""

import numpy as np
import pytest

from generation.generators import lora, registry
from generation.generators.entries import ALTERNATIVE_ENTRIES, GENERATORS, entry_of
from generation.generators.pipelines.inpainter import InpaintRequest

NEGATIVE = ("sd2", "sdxl", "kolors", "hunyuandit1.1")


@pytest.mark.parametrize("generator", NEGATIVE)
def test_with_guidance_the_negative_prompt_changes_a_batch_and_without_it_nothing(generator):
    inpainter = registry.load(generator, f"tiny/{generator}")
    side = inpainter.side
    image, mask = np.full((side, side, 3), 120, np.uint8), np.zeros((side, side), bool)
    mask[: side // 2] = True

    def pictures(negative: str, guidance: float) -> np.ndarray:
        inpainter._negative_prompt = negative
        requests = [InpaintRequest(image, mask, prompt, 1, 4, guidance) for prompt in ("a cat", "a dog")]
        return np.stack(inpainter(requests))

    stated = inpainter._negative_prompt
    assert stated
    assert not np.array_equal(pictures(stated, 4.0), pictures("", 4.0))
    assert np.array_equal(pictures(stated, 1.0), pictures("", 1.0))


def test_the_others_have_none():
    for generator in GENERATORS.keys() - NEGATIVE:
        assert not registry.load(generator, f"tiny/{generator}")._negative_prompt


@pytest.mark.parametrize(
    ("generator", "name"), [(each, name) for each, others in ALTERNATIVE_ENTRIES.items() for name in others]
)
def test_an_alternative_is_planned_by_its_name_and_found_again_by_its_checkpoints(generator, name):
    entry = ALTERNATIVE_ENTRIES[generator][name]
    settings = registry.settings([generator], "tiny", {generator: name})[0]
    assert settings.checkpoint == entry.checkpoint.name != GENERATORS[generator].checkpoint.name
    assert (settings.steps, settings.guidance) == (entry.sampling.steps, entry.sampling.guidance)
    assert entry_of(generator, settings.checkpoint) is entry


def test_a_checkpoint_without_a_name_of_its_own_is_the_generators():
    for checkpoint in ("tiny/flux.1", "folder/mine", "me/flux@main", GENERATORS["flux.1"].checkpoint.name):
        assert entry_of("flux.1", checkpoint) is GENERATORS["flux.1"]


def test_the_loras_scheduler_does_not_clip_latents():
    entry = lora.LORAS["hyper-sd"]
    inpainter = registry.load("sdxl", "tiny/sdxl", lora="tiny/hyper-sd")
    scheduler = inpainter._pipeline.scheduler
    assert (type(scheduler).__name__, scheduler.config.timestep_spacing) == (entry.scheduler, "trailing")
    assert scheduler.config.clip_sample is entry.clip_sample is False
