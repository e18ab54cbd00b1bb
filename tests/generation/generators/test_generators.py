"""Every generator, from its tiny checkpoint, on a real photograph."""

import numpy as np
import pytest
from skimage import data

from builder.run.planned_edit import PlannedEdit, encode_region
from generation.editing.edit import apply_edits
from generation.generators import registry
from generation.generators.pipelines.load import to_pixels

SIDE = 160


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:SIDE, 140 : 140 + SIDE])


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return (rows - 80) ** 2 + (columns - 70) ** 2 < 45**2


@pytest.fixture(scope="module", params=list(registry.GENERATORS))
def loaded(request):
    import torch

    torch.set_num_threads(1)
    settings = registry.settings([request.param], "tiny", {})[0]
    return settings, registry.load(settings.generator, settings.checkpoint)


def planned(settings, mask: np.ndarray, **changes) -> PlannedEdit:
    fields = {
        "image": "astronaut",
        "turn": 1,
        "generator": settings.generator,
        "checkpoint": settings.checkpoint,
        "lora": settings.lora,
        "edit_type": "removal",
        "object": "person",
        "prompt": "an empty studio",
        "removal_prompt": None,
        "region": encode_region(mask),
        "side": SIDE,
        "seed": 11,
        "steps": settings.steps,
        "guidance": settings.guidance,
        "compositing": "spliced",
    }
    return PlannedEdit(**{**fields, **changes})


def test_it_changes_the_inside_and_leaves_the_outside_bit_for_bit(loaded, photograph, mask):
    settings, inpainter = loaded
    outcome = apply_edits(inpainter, [planned(settings, mask)], [photograph])[0]

    assert outcome.image.shape == photograph.shape
    assert outcome.inside_change > 0.01
    assert np.array_equal(outcome.image[~mask], photograph[~mask])


def test_it_repeats_bit_for_bit_for_a_seed_and_differs_for_another(loaded, photograph, mask):
    settings, inpainter = loaded
    first, again, other = (
        apply_edits(inpainter, [planned(settings, mask, seed=seed)], [photograph])[0].image for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_fresh_load_repeats_it_too(loaded, photograph, mask):
    settings, inpainter = loaded
    again = registry.load(settings.generator, settings.checkpoint)
    edit = planned(settings, mask)

    assert np.array_equal(
        apply_edits(inpainter, [edit], [photograph])[0].image, apply_edits(again, [edit], [photograph])[0].image
    )


def test_a_batch_gives_its_single_edits_up_to_rounding(loaded, photograph, mask):
    settings, inpainter = loaded
    edits = [planned(settings, mask, seed=1), planned(settings, np.roll(mask, 20, axis=1), seed=2, prompt="a dog")]
    together = apply_edits(inpainter, edits, [photograph, photograph])

    for edit, outcome in zip(edits, together, strict=True):
        alone = apply_edits(inpainter, [edit], [photograph])[0]
        difference = np.abs(outcome.image.astype(int) - alone.image)
        assert np.quantile(difference, 0.99) <= 1
        assert difference.max() <= 8


def test_nan_from_a_model_is_not_taken_for_a_picture():
    with pytest.raises(FloatingPointError, match="NaN"):
        to_pixels(np.full((4, 4, 3), np.nan))
