"""Every generator paints each cell that a region touches, however thin, and nothing off the region is changed."""

import dataclasses

import numpy as np
import pytest
from skimage import data
from skimage.transform import resize

from builder.run.planned_edit import PlannedEdit, encode_region
from generation.editing.edit import apply_edits, inpaint
from generation.generators import registry
from generation.generators.masks import touched_cells

SIDES = (64, 256, 512)
"""Of images: smaller, at most as large, and larger than a tiny generator's."""


@pytest.fixture(scope="module", params=list(registry.GENERATORS))
def loaded(request):
    import torch

    torch.set_num_threads(1)
    settings = registry.settings([request.param], "tiny", {})[0]
    return settings, registry.load(settings.generator, settings.checkpoint)


@pytest.fixture(scope="module", params=SIDES)
def photograph(request) -> np.ndarray:
    scaled = resize(data.astronaut(), (request.param, request.param), anti_aliasing=True)
    return (scaled * 255).round().astype(np.uint8)


def lines(side: int, cell: int, direction: str) -> np.ndarray:
    """One-pixel lines, one at each offset in a cell of `cell` image pixels."""
    step = max(2 * cell - 1, 2)
    starts = [number * step for number in range(cell) if number * step < side]
    mask = np.zeros((side, side), bool)
    for start in starts:
        if direction == "horizontal":
            mask[start] = True
        elif direction == "vertical":
            mask[:, start] = True
        else:
            rows = np.arange(side - start)
            mask[rows, rows + start] = True
    return mask


def edit_of(settings, mask: np.ndarray, **changes) -> PlannedEdit:
    edit = PlannedEdit(
        image="astronaut",
        turn=1,
        generator=settings.generator,
        checkpoint=settings.checkpoint,
        lora=None,
        edit_type="attribute_change",
        object="person",
        prompt="a red wall",
        removal_prompt=None,
        region=encode_region(mask),
        side=len(mask),
        seed=1,
        steps=min(settings.steps, 4),
        guidance=settings.guidance,
        compositing="spliced",
    )
    return dataclasses.replace(edit, **changes)


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_two_seeds_differ_in_each_cell_that_a_line_touches_and_nothing_changes_off_it(
    loaded, photograph, direction
):
    settings, inpainter = loaded
    side, scale = len(photograph), len(photograph) / inpainter.side
    mask = lines(side, max(1, round(inpainter.cell * scale)), direction)
    edits = [edit_of(settings, mask, seed=seed) for seed in (1, 2)]
    raw: list[np.ndarray] = []

    def recording(requests):
        raw.extend(results := inpainter(requests))
        return results

    recording.side, recording.cell = inpainter.side, inpainter.cell
    outcomes = apply_edits(recording, edits, [photograph, photograph])

    cells = inpainter.side // inpainter.cell
    differs = (raw[0] != raw[1]).any(axis=2)
    by_cell = differs.reshape(cells, inpainter.cell, cells, inpainter.cell).any(axis=(1, 3))
    unpainted = touched_cells(mask, cells) & ~by_cell
    assert not unpainted.any(), f"{unpainted.sum()} of {touched_cells(mask, cells).sum()} cells were not painted"
    for outcome in outcomes:
        assert np.array_equal(outcome.mask, mask)
        assert np.array_equal(outcome.image[~mask], photograph[~mask])


def test_a_generators_cells_are_its_latents_and_patches(loaded):
    settings, inpainter = loaded
    latent = 8 if settings.generator in ("sd3.5", "flux.1", "hunyuandit1.1") else 4
    patch = 2 if settings.generator in ("sd3.5", "flux.1", "hunyuandit1.1") else 1
    assert inpainter.cell == latent * patch


class Asked:
    """An inpainter that paints white and keeps what it was asked."""

    side, cell = 64, 8

    def __init__(self):
        self.masks: list[np.ndarray] = []

    def __call__(self, requests):
        self.masks += [request.mask for request in requests]
        return [np.full_like(request.image, 255) for request in requests]


@pytest.mark.parametrize(
    ("edit_type", "removal_prompt", "wider"),
    [("removal", None, [True]), ("addition", "grass", [True, False]), ("attribute_change", None, [False])],
)
def test_what_removes_an_object_paints_more_than_its_region_and_only_the_region_is_pasted(
    edit_type, removal_prompt, wider
):
    settings = registry.settings(["sd2"], "tiny", {})[0]
    mask = np.zeros((64, 64), bool)
    mask[16:48, 16:48] = True
    dilation = None if edit_type == "attribute_change" else 0.2
    edit = edit_of(settings, mask, edit_type=edit_type, removal_prompt=removal_prompt, removal_dilation=dilation)
    asked, image = Asked(), np.zeros((64, 64, 3), np.uint8)
    outcome = inpaint(asked, [edit], [image])[0].finish()

    assert [bool((given & ~mask).any()) for given in asked.masks] == wider
    assert all(given[mask].all() for given in asked.masks)
    assert np.array_equal(outcome.image[..., 0] == 255, mask)
    assert np.array_equal(outcome.mask, mask)
