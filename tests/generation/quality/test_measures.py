"""Measured facts of an edit: whether its border stands out, and whether its mask covers what it changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt
from skimage import data, draw

from generation.quality.measures import CHANGED, NEIGHBOURHOOD, coverage, seam

PHOTOGRAPH = np.ascontiguousarray(data.chelsea()[:256, 100:356])


def disk(radius: int = 40, centre: tuple[int, int] = (128, 128)) -> np.ndarray:
    mask = np.zeros((256, 256), bool)
    mask[draw.disk(centre, radius, shape=mask.shape)] = True
    return mask


def pasted(levels: int) -> np.ndarray:
    """The photograph with the disk made brighter."""
    brighter = np.clip(PHOTOGRAPH.astype(int) + levels, 0, 255).astype(np.uint8)
    return np.where(disk()[..., None], brighter, PHOTOGRAPH)


def test_a_border_that_nothing_was_done_at_does_not_stand_out():
    assert seam(PHOTOGRAPH, disk()) == pytest.approx(1, abs=0.15)


def test_the_more_a_region_differs_the_more_its_border_stands_out():
    seams = [seam(pasted(levels), disk()) for levels in (0, 20, 40, 80)]
    assert seams == sorted(seams)
    assert seams[-1] > 3 * seams[0]


def test_the_seam_of_a_step_in_a_ramp_is_the_step_over_the_ramp():
    ramp = np.repeat(np.arange(0, 192, 3, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    stepped = np.where(mask[..., None], ramp + 18, ramp)
    # across the border 3 + 18; around it 3 between columns, and 0 between rows
    beside = 2 * NEIGHBOURHOOD - 2, 2 * NEIGHBOURHOOD
    around = 3 * beside[0] * 64 / (beside[0] * 64 + beside[1] * 63)
    assert seam(stepped, mask) == pytest.approx(21 / around)


@pytest.mark.parametrize("mask", [np.zeros((256, 256), bool), np.ones((256, 256), bool)])
def test_a_mask_without_a_border_has_no_seam(mask):
    assert seam(PHOTOGRAPH, mask) is None


def test_a_small_step_in_a_flat_sky_is_no_seam():
    sky = np.full((64, 64, 3), 200, np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[20:40, 20:40] = True
    assert seam(sky, mask) == 0
    assert seam(np.where(mask[..., None], sky + 1, sky).astype(np.uint8), mask) <= 1


@given(st.integers(0, 255), st.integers(0, 255), st.integers(1, 60))
def test_only_the_neighbourhood_of_the_border_counts(down, across, radius):
    mask = disk(radius, (down, across))
    noisy = PHOTOGRAPH.copy()
    far = distance_transform_cdt(~mask, "taxicab") > NEIGHBOURHOOD + 1
    noisy[far] = np.random.default_rng(0).integers(0, 256, noisy.shape, np.uint8)[far]
    assert seam(noisy, mask) == seam(PHOTOGRAPH, mask)


def test_a_spliced_edit_is_covered_by_its_mask():
    assert coverage(PHOTOGRAPH, pasted(60), disk()) == 1


def test_a_change_beside_the_mask_is_not_covered():
    assert coverage(PHOTOGRAPH, pasted(60), disk(centre=(60, 60), radius=20)) < 0.1
    half = disk() & (np.arange(256) < 128)
    assert coverage(PHOTOGRAPH, pasted(60), half) == pytest.approx(0.5, abs=0.1)


def test_what_an_autoencoder_alone_changes_does_not_count():
    assert coverage(PHOTOGRAPH, pasted(0), disk()) is None
    dark = np.full_like(PHOTOGRAPH, 100)
    assert coverage(dark, dark + np.uint8(CHANGED), disk()) is None
    assert coverage(dark, dark + np.uint8(CHANGED + 1), disk()) == pytest.approx(disk().mean())
