"""Scores of probabilities against scikit-learn, brute force and a plain bootstrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import f1_score, jaccard_score, roc_auc_score

from benchmark.metrics.localization import (
    RESAMPLES,
    LocalizationMetrics,
    image_auc,
    mean_estimate,
    pixel_scores,
)

SIZE = (7, 6)
MASKS = arrays.arrays(bool, SIZE)
# few different values, so that ties are frequent, and those about the threshold
PROBABILITIES = arrays.arrays(
    np.float32, SIZE, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, np.nextafter(np.float32(0.5), 1), 0.75, 1.0])
)


@settings(max_examples=300)
@given(MASKS, PROBABILITIES)
def test_pixel_scores_are_those_of_scikit_learn_and_of_every_threshold(edited, probabilities):
    found = pixel_scores(edited, probabilities)
    if not edited.any():
        assert found is None
        return
    truth, scores = edited.ravel(), probabilities.ravel()
    assert found.f1 == pytest.approx(f1_score(truth, scores > 0.5, zero_division=0), abs=1e-9)
    assert found.iou == pytest.approx(jaccard_score(truth, scores > 0.5, zero_division=0), abs=1e-9)
    every = [f1_score(truth, scores >= threshold, zero_division=0) for threshold in np.unique(scores)]
    assert found.best_f1 == pytest.approx(max(every), abs=1e-9)
    assert found.best_iou == pytest.approx(max(every) / (2 - max(every)), abs=1e-9)
    if edited.all():
        assert found.auc is None
    else:
        assert found.auc == pytest.approx(roc_auc_score(truth, scores), abs=1e-9)


def test_pixel_scores_of_a_large_map_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    edited = rng.random((256, 384)) < 0.1
    probabilities = np.clip(edited * 0.3 + rng.random(edited.shape) * 0.8, 0, 1).astype(np.float32)
    found = pixel_scores(edited, probabilities)
    assert found.auc == pytest.approx(roc_auc_score(edited.ravel(), probabilities.ravel()), abs=1e-9)
    assert found.f1 == pytest.approx(f1_score(edited.ravel(), probabilities.ravel() > 0.5), abs=1e-9)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=2, max_size=30))
def test_image_auc_is_that_of_scikit_learn(images):
    labels, scores = (np.array(column) for column in zip(*images, strict=True))
    found = image_auc(labels, scores)
    if labels.all() or not labels.any():
        assert found is None
    else:
        assert found.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
        assert found.low <= found.high


def test_intervals_are_those_of_a_plain_bootstrap():
    values = np.random.default_rng(1).beta(2, 5, 40)
    found = mean_estimate(values, seed=7)
    rng = np.random.default_rng(7)
    means = sorted(np.mean([values[index] for index in rng.integers(0, 40, 40)]) for _ in range(RESAMPLES))
    assert found.value == pytest.approx(values.mean(), abs=1e-12)
    # the 2.5 and 97.5 percentiles of 1,000 values, by linear interpolation
    assert found.low == pytest.approx(means[24] + 0.975 * (means[25] - means[24]), abs=1e-9)
    assert found.high == pytest.approx(means[974] + 0.025 * (means[975] - means[974]), abs=1e-9)
    normal = 1.96 * values.std(ddof=1) / np.sqrt(40)
    assert (found.high - found.low) / 2 == pytest.approx(normal, rel=0.1), "as the normal approximation, about"


def test_one_image_has_no_interval_and_none_no_score():
    assert mean_estimate([]) is None
    one = mean_estimate([0.5])
    assert (one.value, one.low, one.high, one.images) == (0.5, None, None, 1)


def test_whoever_scores_which_image_the_result_is_the_same():
    rng = np.random.default_rng(2)
    images = {f"row-{n}": (rng.random(SIZE) < 0.3, rng.random(SIZE).astype(np.float32)) for n in range(9)}
    images["untouched"] = np.zeros(SIZE, bool), rng.random(SIZE).astype(np.float32)
    whole, parts = LocalizationMetrics(), [LocalizationMetrics() for _ in range(3)]
    for number, (id, pair) in enumerate(images.items()):
        whole.update(id, *pair)
        parts[number % 3].update(id, *pair)
    for part in parts[:2]:
        parts[2].merge(part)
    assert parts[2].compute() == whole.compute()
    assert whole.compute()["pixel_f1"].images == 9, "an image without an edited pixel has no F1"


@pytest.mark.parametrize("edited", [np.zeros(SIZE, bool), np.ones(SIZE, bool)])
def test_empty_and_full_masks(edited):
    certain, none = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)
    if not edited.any():
        assert pixel_scores(edited, certain) is None
        return
    assert (pixel_scores(edited, certain).f1, pixel_scores(edited, certain).auc) == (1, None)
    assert (pixel_scores(edited, none).f1, pixel_scores(edited, none).best_f1) == (0, 1)
