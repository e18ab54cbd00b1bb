"""The mask that a generator is given: whole cells, through any resizing, and more than the region for removals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from generation.generators.masks import dilated, grown_to_grid, touched_cells


@st.composite
def masks(draw) -> np.ndarray:
    side = draw(st.integers(1, 48))
    return draw(arrays.arrays(bool, (side, side), fill=st.just(False)))


@given(masks(), st.sampled_from([(16, 4), (24, 8), (32, 16), (64, 1)]))
def test_exactly_the_cells_that_a_region_touches_are_painted(mask, grid):
    side, cell = grid
    grown, old = grown_to_grid(mask, side, cell), mask.shape[0]
    expected = np.zeros((side, side), bool)
    for row, column in np.argwhere(mask):  # the pixel's extent, in the generator's cells, rounded outward
        top, bottom = row * side // (old * cell), -(-(row + 1) * side // (old * cell))
        left, right = column * side // (old * cell), -(-(column + 1) * side // (old * cell))
        expected[top * cell : bottom * cell, left * cell : right * cell] = True
    assert np.array_equal(grown, expected)


def test_at_the_same_side_and_cells_of_one_pixel_a_mask_stays_as_it_is():
    mask = np.eye(8, dtype=bool)
    assert np.array_equal(grown_to_grid(mask, 8, 1), mask)
    assert touched_cells(mask, 8) is mask


def test_a_grid_that_does_not_divide_the_side_is_an_error():
    with pytest.raises(ValueError, match="cells of 8 pixels do not divide images of 100"):
        grown_to_grid(np.ones((50, 50), bool), 100, 8)


def test_a_dilated_region_reaches_a_share_of_its_size_in_every_direction():
    mask = np.zeros((200, 200), bool)
    mask[60:140, 60:140] = True
    grown = dilated(mask, 0.1)  # 8 pixels
    assert grown[60 - 8, 100]
    assert grown[100, 139 + 8]
    assert not grown[60 - 9, 100]
    assert not grown[100, 139 + 9]
    assert not grown[60 - 8, 60 - 8]  # by distance, not by a square


@given(masks().filter(lambda mask: mask.any()), st.floats(0, 1))
def test_a_dilated_region_holds_the_region(mask, share):
    assert not (mask & ~dilated(mask, share)).any()


def test_dilation_by_less_than_a_pixel_changes_nothing():
    mask = np.eye(9, dtype=bool)
    assert np.array_equal(dilated(mask, 0.05), mask)


@given(masks().filter(lambda mask: mask.any()), st.sampled_from([(32, 4, 1), (64, 8, 2), (64, 8, 1), (48, 8, 2)]))
def test_brought_to_the_latents_by_nearest_neighbour_it_still_covers_every_labelled_pixel(mask, grid):
    import torch

    side, latent, patch = grid
    given_mask = torch.from_numpy(grown_to_grid(mask, side, latent * patch))[None, None].float()
    painted = torch.nn.functional.interpolate(given_mask, (side // latent,) * 2, mode="nearest")[0, 0] > 0.5
    assert not (mask & ~touched_cells(painted.numpy(), len(mask))).any()
