"""The seam of an edit: its border stands out by a step or by another grain, and an untouched border does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt

from generation.quality.seam import GRAIN, NEIGHBOURHOOD, STEP, seam
from tests.generation.quality.disks import PHOTOGRAPH, disk, pasted

DRAW = np.random.default_rng(0)


def inside(picture: np.ndarray) -> np.ndarray:
    """The photograph with another picture in the disk."""
    return np.where(disk()[..., None], np.clip(np.rint(picture), 0, 255), PHOTOGRAPH).astype(np.uint8)


def square(first: int, last: int, side: int = 64) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[first:last, first:last] = True
    return mask


def test_a_border_that_nothing_was_done_at_does_not_stand_out():
    assert seam(PHOTOGRAPH, disk()) < 0.5


def test_the_more_a_region_differs_in_brightness_the_more_its_border_stands_out():
    seams = [seam(pasted(levels), disk()) for levels in (0, 12, 24, 48)]
    assert seams == sorted(seams)
    assert seams[1] == pytest.approx(12 / STEP, rel=0.2)
    assert seams[3] == pytest.approx(48 / STEP, rel=0.1)


def test_a_region_too_bright_at_one_end_and_too_dark_at_the_other_stands_out():
    image = np.full((512, 512, 3), 100, np.uint8)
    mask = square(64, 448, 512)
    tilted = image + np.linspace(-24, 24, 512)[:, None, None]
    assert seam(np.where(mask[..., None], tilted, image).astype(np.uint8), mask) > 1.5


@pytest.mark.parametrize(
    "fill",
    [DRAW.integers(0, 256, PHOTOGRAPH.shape), PHOTOGRAPH + DRAW.normal(0, 20, PHOTOGRAPH.shape)],
    ids=["noise", "the photograph with noise"],
)
def test_a_region_of_noise_stands_out(fill):
    assert seam(inside(fill), disk()) > 1


def test_noise_of_the_same_colour_stands_out_by_its_grain_alone():
    image = np.full((64, 64, 3), 128, np.uint8)
    mask = square(16, 48)
    rough = 128 + DRAW.choice([-20, 20], image.shape)
    for filled, around in ((rough, image), (image, rough)):
        assert seam(np.where(mask[..., None], filled, around).astype(np.uint8), mask) > np.log2(10) / GRAIN


def test_the_seam_of_a_step_in_a_ramp_is_the_step():
    ramp = np.repeat(np.arange(0, 192, 3, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    assert seam(ramp, mask) == 0
    assert seam(np.where(mask[..., None], ramp + 18, ramp), mask) == pytest.approx(18 / STEP)
    assert seam(np.where(mask[..., None], ramp - 18, ramp), mask) == pytest.approx(18 / STEP)


def test_a_soft_edge_of_an_object_is_no_seam():
    soft = np.linspace(40, 200, 64).clip(90, 150)  # an edge over two dozen pixels
    picture = np.broadcast_to(soft[None, :, None], (64, 64, 3)).astype(np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    assert seam(picture, mask) <= 1 / STEP, "what rounding makes"


@pytest.mark.parametrize("mask", [np.zeros((256, 256), bool), np.ones((256, 256), bool)])
def test_a_mask_without_a_border_has_no_seam(mask):
    assert seam(PHOTOGRAPH, mask) is None


@pytest.mark.parametrize("side", [1, 2, 3])
def test_a_picture_too_small_to_look_beside_the_border_has_no_seam(side):
    mask = np.zeros((side, side), bool)
    mask[0, 0] = True
    assert seam(PHOTOGRAPH[:side, :side], mask) is None


def test_a_small_step_in_a_flat_sky_is_no_seam():
    sky = np.full((64, 64, 3), 200, np.uint8)
    mask = square(20, 40)
    assert seam(sky, mask) == 0
    assert seam(np.where(mask[..., None], sky + 1, sky).astype(np.uint8), mask) <= 0.5


@given(st.integers(0, 255), st.integers(0, 255), st.integers(1, 60))
def test_only_the_neighbourhood_of_the_border_counts(down, across, radius):
    mask = disk(radius, (down, across))
    noisy = PHOTOGRAPH.copy()
    far = distance_transform_cdt(~mask, "taxicab") > NEIGHBOURHOOD + 2
    noisy[far] = np.random.default_rng(0).integers(0, 256, noisy.shape, np.uint8)[far]
    assert seam(noisy, mask) == seam(PHOTOGRAPH, mask)
