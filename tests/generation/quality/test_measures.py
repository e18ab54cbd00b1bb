"""Measured facts of an edit: how much of its mask it changed, and whether its mask covers what it changed."""

import numpy as np
import pytest

from generation.quality.measures import CHANGED, changed_share, coverage
from tests.generation.quality.disks import PHOTOGRAPH, disk, pasted


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


def test_the_share_of_a_mask_that_changed_is_small_where_a_model_gave_the_photograph_back():
    assert changed_share(PHOTOGRAPH, pasted(60), disk()) == 1
    half = np.where((np.arange(256) < 128)[None, :, None], pasted(60), PHOTOGRAPH)
    assert changed_share(PHOTOGRAPH, half, disk()) == pytest.approx(0.5, abs=0.02)
    assert changed_share(PHOTOGRAPH, pasted(CHANGED), disk()) == 0
    assert changed_share(PHOTOGRAPH, pasted(60), np.zeros((256, 256), bool)) is None


def test_what_changed_beside_a_mask_is_no_share_of_it():
    assert changed_share(PHOTOGRAPH, pasted(60), disk(centre=(40, 40), radius=20)) == 0
