"""One edit: what it changes, what it leaves, what it measures, and when it fails."""

from dataclasses import replace

import numpy as np
import pytest
from skimage import data

from builder.run.planned_edit import PlannedEdit, encode_region
from generation.editing.edit import EditFailed, apply_edits, composite
from generation.generators.pipelines.inpainter import InpaintRequest

SIDE = 96


class Painter:
    """A real inpainter of our own: it fills the whole picture with a colour drawn from the seed."""

    def __init__(self, side: int = SIDE, colour: tuple[int, int, int] | None = None):
        self.side, self.cell = side, 8
        self.colour = colour
        self.calls: list[InpaintRequest] = []

    def __call__(self, requests):
        self.calls += requests
        return [self._paint(request) for request in requests]

    def _paint(self, request: InpaintRequest) -> np.ndarray:
        colour = self.colour or np.random.default_rng(request.seed).integers(1, 256, 3)
        return np.broadcast_to(np.uint8(colour), request.image.shape).copy()

    def unload(self):
        pass


@pytest.fixture
def photograph() -> np.ndarray:
    return np.ascontiguousarray(data.chelsea()[50 : 50 + SIDE, 100 : 100 + SIDE])


def planned(mask: np.ndarray, **changes) -> PlannedEdit:
    edit = PlannedEdit(
        image="chelsea",
        turn=1,
        generator="sd2",
        checkpoint="tiny/sd2",
        lora=None,
        edit_type="removal",
        object="cat",
        prompt="an empty sofa",
        removal_prompt=None,
        region=encode_region(mask),
        side=SIDE,
        seed=5,
        steps=4,
        guidance=2.0,
        compositing="spliced",
    )
    return replace(edit, **changes)


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_outside_its_mask_a_spliced_image_is_bit_for_bit_what_it_was(photograph):
    mask = box(20, 30, 40, 25)
    outcome = apply_edits(Painter(), [planned(mask)], [photograph])[0]

    assert np.array_equal(outcome.image[~mask], photograph[~mask])
    assert (outcome.image[mask] != photograph[mask]).any()
    assert outcome.outside_change == 0
    assert np.array_equal(outcome.mask, mask)


def test_a_regenerated_image_is_the_generator_s_whole_picture(photograph):
    outcome = apply_edits(Painter(), [planned(box(0, 0, 9, 9), compositing="regenerated")], [photograph])[0]

    assert len(np.unique(outcome.image.reshape(-1, 3), axis=0)) == 1
    assert outcome.outside_change > 0


def test_the_change_is_the_mean_absolute_difference_as_a_share_of_the_range():
    black = np.zeros((SIDE, SIDE, 3), np.uint8)
    painter = Painter(colour=(255, 255, 0))
    outcome = apply_edits(painter, [planned(box(0, 0, 8, 8), compositing="regenerated")], [black])[0]

    assert outcome.inside_change == pytest.approx(2 / 3)
    assert outcome.outside_change == pytest.approx(2 / 3)


def test_an_addition_removes_first_and_then_adds_to_the_emptied_place(photograph):
    painter, mask = Painter(), box(20, 30, 40, 25)
    addition = planned(mask, edit_type="addition", prompt="a vase", removal_prompt="an empty table")
    outcome = apply_edits(painter, [addition], [photograph])[0]
    first, second = painter.calls

    assert (first.prompt, second.prompt) == ("an empty table", "a vase")
    assert np.array_equal(first.image, photograph)
    assert len(np.unique(second.image[mask], axis=0)) == 1
    assert np.array_equal(second.image[~mask], photograph[~mask])
    assert second.seed == addition.seed != first.seed
    assert np.array_equal(outcome.image[~mask], photograph[~mask])


def test_edits_of_one_call_keep_their_own_seed_and_order(photograph):
    mask = box(10, 10, 30, 30)
    edits = [
        planned(mask, seed=1),
        planned(mask, seed=2, edit_type="addition", removal_prompt="nothing"),
        planned(mask, seed=3),
    ]
    together = apply_edits(Painter(), edits, [photograph] * 3)
    alone = [apply_edits(Painter(), [edit], [photograph])[0] for edit in edits]

    assert all(np.array_equal(a.image, b.image) for a, b in zip(together, alone, strict=True))


@pytest.mark.parametrize("side", [32, 200])
def test_a_generator_of_another_size_edits_inside_the_mask_alone(photograph, side):
    mask = box(20, 30, 40, 25)
    painter = Painter(side)
    outcome = apply_edits(painter, [planned(mask)], [photograph])[0]

    assert painter.calls[0].image.shape == (side, side, 3)
    assert outcome.image.shape == photograph.shape
    assert np.array_equal(outcome.image[~mask], photograph[~mask])
    assert (outcome.image[mask] != photograph[mask]).any()


def test_a_line_of_one_pixel_is_still_edited(photograph):
    painter = Painter(32)
    mask = box(47, 0, 1, SIDE)
    outcome = apply_edits(painter, [planned(mask)], [photograph])[0]

    assert painter.calls[0].mask.any()
    assert (outcome.image[mask] != photograph[mask]).any()


def test_splicing_is_exact_for_any_mask(photograph):
    mask = np.random.default_rng(0).random((SIDE, SIDE)) < 0.5
    result = composite(photograph, 255 - photograph, mask, "spliced")
    assert np.array_equal(result[mask], 255 - photograph[mask])
    assert np.array_equal(result[~mask], photograph[~mask])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"region": encode_region(np.zeros((SIDE, SIDE), bool))}, "empty"),
        ({"region": encode_region(np.ones((8, 8), bool)), "side": 8}, r"\(8, 8\)"),
    ],
)
def test_a_mask_that_cannot_be_edited_is_named(photograph, change, reason):
    with pytest.raises(EditFailed, match=reason):
        apply_edits(Painter(), [planned(box(0, 0, 5, 5), **change)], [photograph])


def test_a_black_picture_is_a_failure_and_not_an_edit(photograph):
    with pytest.raises(EditFailed, match="black"):
        apply_edits(Painter(colour=(0, 0, 0)), [planned(box(0, 0, 5, 5))], [photograph])
