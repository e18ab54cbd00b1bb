"""The metrics against independent computations: torchmetrics, scikit-learn and brute force."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data, measure
from sklearn.metrics import average_precision_score
from sklearn.metrics import confusion_matrix as sklearn_confusion
from torchmetrics.functional.classification import multiclass_confusion_matrix, multiclass_jaccard_index

from benchmark.metrics import (
    ClassificationMetrics,
    SegmentationMetrics,
    boundary_f1,
    confusion_matrix,
    resize_labels,
)
from benchmark.metrics.boundary import TOLERANCE
from diffseg30k import IGNORE

CLASSES = 9


def brute_force_f1(truth: np.ndarray, prediction: np.ndarray, label: int) -> float | None:
    """Boundary F1 by the distance of every boundary pixel to every other."""
    kept = truth != IGNORE
    edges = [_edge_pixels((labels == label) & kept) for labels in (truth, prediction)]
    if not any(map(len, edges)):
        return None
    if not all(map(len, edges)):
        return 0.0
    distances = np.sqrt(((edges[0][:, None] - edges[1][None]) ** 2).sum(axis=2))
    near = distances <= TOLERANCE * math.hypot(*truth.shape) + 1e-12
    recall, precision = near.any(axis=1).mean(), near.any(axis=0).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _edge_pixels(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1)
    neighbours = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    return np.argwhere(mask & ~np.logical_and.reduce(neighbours))


def check_against_others(truth: np.ndarray, prediction: np.ndarray, classes: int = CLASSES) -> None:
    kept = truth != IGNORE
    ours = confusion_matrix(truth, prediction, classes)
    if kept.any():
        labels = list(range(classes))
        np.testing.assert_array_equal(ours, sklearn_confusion(truth[kept], prediction[kept], labels=labels))
    theirs = multiclass_confusion_matrix(
        torch.from_numpy(prediction.astype(np.int64)),
        torch.from_numpy(truth.astype(np.int64)),
        classes,
        ignore_index=IGNORE,
    )
    np.testing.assert_array_equal(ours, theirs.numpy())
    f1 = boundary_f1(truth, prediction, classes).f1
    for label in range(1, classes):
        expected = brute_force_f1(truth, prediction, label)
        assert (label in f1) == (expected is not None)
        if expected is not None:
            assert f1[label] == pytest.approx(expected, abs=1e-9)
    assert boundary_f1(torch.from_numpy(truth), torch.from_numpy(prediction), classes).f1 == f1
    np.testing.assert_array_equal(
        confusion_matrix(torch.from_numpy(truth), torch.from_numpy(prediction), classes), ours
    )


def real_maps(seed: int) -> np.ndarray:
    """The cells of scikit-image's coins, as label maps of nine classes."""
    cells = measure.label(data.coins() > 110)
    rng = np.random.default_rng(seed)
    classes = np.append(0, rng.integers(0, CLASSES, cells.max())).astype(np.uint8)
    return classes[cells][::4, ::4]


@st.composite
def pairs(draw):
    shape = draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    truth, prediction = rng.integers(0, CLASSES, (2, *shape), dtype=np.uint8)
    if draw(st.booleans()):
        truth, prediction = (np.kron(labels, np.ones((5, 4), np.uint8)) for labels in (truth, prediction))
    if draw(st.booleans()):
        truth[rng.random(truth.shape) < 0.2] = IGNORE
    return truth, prediction


@given(pairs())
@settings(max_examples=40, deadline=None)
def test_random_maps_agree_with_torchmetrics_sklearn_and_brute_force(pair):
    check_against_others(*pair)


@pytest.mark.parametrize("shift", [0, 1, 2, 7])
def test_real_maps_agree_with_torchmetrics_sklearn_and_brute_force(shift):
    truth = real_maps(0)
    check_against_others(truth, np.roll(truth, shift, axis=1))
    check_against_others(truth, real_maps(1))


@pytest.mark.parametrize(
    ("truth", "prediction"),
    [
        (np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)),
        (np.ones((20, 30), np.uint8), np.ones((20, 30), np.uint8)),
        (np.ones((20, 30), np.uint8), np.zeros((20, 30), np.uint8)),
        (np.full((20, 30), IGNORE, np.uint8), np.ones((20, 30), np.uint8)),
        (np.eye(40, dtype=np.uint8), np.eye(40, k=1, dtype=np.uint8)),
        (np.array([[1]], np.uint8), np.array([[1]], np.uint8)),
    ],
    ids=["both empty", "both full", "missed whole", "all ignored", "thin lines", "one pixel image"],
)
def test_extreme_maps_agree_with_brute_force(truth, prediction):
    check_against_others(truth, prediction)
    check_against_others(truth, prediction, classes=2)


@pytest.mark.parametrize("distance", [0, 3, 4, 8])
def test_one_pixel_objects_match_within_the_tolerance_and_not_beyond(distance):
    truth, prediction = np.zeros((2, 240, 320), np.uint8)  # a diagonal of 400: a tolerance of exactly 3 pixels
    truth[100, 100] = prediction[100, 100 + distance] = 1
    assert boundary_f1(truth, prediction, 2).f1 == {1: 1.0 if distance <= 3 else 0.0}
    check_against_others(truth, prediction)


def test_more_classes_than_bits_in_a_byte_are_all_scored():
    truth = np.arange(20 * 20, dtype=np.uint8).reshape(20, 20) % 40
    check_against_others(truth, np.roll(truth, 1, axis=0), classes=40)


def test_miou_is_torchmetrics_jaccard_of_the_whole_set():
    truths, predictions = [real_maps(seed) for seed in range(3)], [real_maps(seed + 5) for seed in range(3)]
    metrics = SegmentationMetrics(CLASSES)
    metrics.update(truths, predictions)
    theirs = multiclass_jaccard_index(
        torch.from_numpy(np.stack(predictions).astype(np.int64)),
        torch.from_numpy(np.stack(truths).astype(np.int64)),
        CLASSES,
        average="none",
    )
    scores = metrics.compute()
    assert scores.miou == pytest.approx(float(theirs[1:].double().mean()), abs=1e-6)
    np.testing.assert_allclose(np.array(scores.class_iou, float), theirs.numpy(), atol=1e-6)


def test_acc_is_the_share_of_truly_edited_pixels_over_the_set_and_not_by_image():
    small, large = np.zeros((2, 10, 10), np.uint8)
    small[0, 0], large[:, :9] = 1, 1
    metrics = SegmentationMetrics(2)
    metrics.update([small, large], [np.zeros_like(small), large])
    scores = metrics.compute()
    assert scores.acc == pytest.approx(90 / 91, abs=1e-12)
    assert scores.pixel_accuracy == pytest.approx(199 / 200, abs=1e-12)


def test_unedited_photographs_have_a_number_of_their_own_and_average_nothing():
    photo = np.zeros((10, 10), np.uint8)
    metrics = SegmentationMetrics(2)
    metrics.update([photo], [photo])
    scores = metrics.compute()
    assert (scores.acc, scores.miou, scores.bf1) == (None, None, None)
    assert scores.unedited_called_edited == 0
    called = photo.copy()
    called[:2] = 1
    metrics.update([photo], [called])
    scores = metrics.compute()
    assert scores.unedited_called_edited == pytest.approx(0.1, abs=1e-12)
    assert scores.bf1 == 0, "a class that only the prediction has scores nothing"
    assert scores.miou is None, "no class is in the truth"


def test_images_of_different_sizes_count_by_their_pixels():
    metrics = SegmentationMetrics(2)
    truths = [np.ones((4, 6), np.uint8), np.ones((10, 10), np.uint8)]
    metrics.update(truths, [np.ones((4, 6), np.uint8), np.zeros((10, 10), np.uint8)])
    assert metrics.compute().acc == pytest.approx(24 / 124, abs=1e-12)


def test_a_prediction_of_another_size_is_brought_to_the_truth_by_nearest_neighbour():
    labels = np.array([[1, 2], [3, 4]], np.uint8)
    np.testing.assert_array_equal(resize_labels(labels, (4, 6)), np.kron(labels, np.ones((2, 3), np.uint8)))
    np.testing.assert_array_equal(resize_labels(resize_labels(labels, (8, 8)), (2, 2)), labels)
    metrics = SegmentationMetrics(CLASSES)
    metrics.update([np.kron(labels, np.ones((8, 8), np.uint8))], [labels])
    assert metrics.compute().acc == 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_merged_processes_score_as_one(seed, processes):
    rng = np.random.default_rng(seed)
    truths, predictions = rng.integers(0, CLASSES, (2, 12, 8, 8), dtype=np.uint8)
    turns, labels, values = rng.integers(0, 4, 12), rng.integers(0, 2, 12), rng.random(12)
    whole, merged = SegmentationMetrics(CLASSES), SegmentationMetrics(CLASSES)
    whole_class, merged_class = ClassificationMetrics(), ClassificationMetrics()
    whole.update(truths, predictions, turns)
    whole_class.update(labels, values, turns)
    for process in range(processes):
        part, part_class = SegmentationMetrics(CLASSES), ClassificationMetrics()
        part.update(truths[process::processes], predictions[process::processes], turns[process::processes])
        part_class.update(labels[process::processes], values[process::processes], turns[process::processes])
        merged.merge(part)
        merged_class.merge(part_class)
    assert merged.compute().bf1 == pytest.approx(whole.compute().bf1, abs=1e-12)
    np.testing.assert_array_equal(merged.compute().confusion, whole.compute().confusion)
    assert merged.by_turns().keys() == whole.by_turns().keys() == set(turns.tolist())
    for turn, scores in whole.by_turns().items():
        assert merged.by_turns()[turn].miou == scores.miou
    assert merged_class.compute().map == whole_class.compute().map
    assert merged_class.by_turns()[turns[0]].acc == whole_class.by_turns()[turns[0]].acc


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 20, 200]), st.booleans())
@settings(max_examples=30, deadline=None)
def test_average_precision_is_sklearns(seed, count, ties):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, count), rng.random(count)
    if ties:
        scores = np.round(scores, 1)
    labels[0] = 1
    metrics = ClassificationMetrics()
    for part in np.array_split(np.arange(count), 3):
        metrics.update(torch.from_numpy(labels[part]), torch.from_numpy(scores[part]))
    computed = metrics.compute()
    assert computed.map == pytest.approx(average_precision_score(labels, scores), abs=1e-9)
    assert computed.acc == pytest.approx(((scores > 0.5) == labels).mean(), abs=1e-12)
    assert computed.exact


def test_average_precision_stays_close_in_bounded_memory():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 5000), rng.random(5000)
    metrics = ClassificationMetrics(capacity=1000)
    metrics.update(labels, scores)
    computed = metrics.compute()
    assert not computed.exact
    assert computed.map == pytest.approx(average_precision_score(labels, scores), abs=1e-3)
    assert len(metrics._all.scores._scores) <= 1000


def test_classification_of_one_label_only_averages_nothing():
    metrics = ClassificationMetrics()
    assert metrics.compute().acc is None
    metrics.update([0, 0], [0.2, 0.9])
    computed = metrics.compute()
    assert (computed.acc, computed.map, computed.edited_acc, computed.real_acc) == (0.5, None, None, 0.5)


TWO = np.zeros((4, 4), np.uint8)


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (TWO, np.zeros((4, 5), np.uint8), r"truth is \(4, 4\) and prediction \(4, 5\)"),
        (TWO, np.zeros((4, 4)), "prediction holds float64.*argmax"),
        (TWO, torch.zeros((4, 4)), "a ndarray and prediction a Tensor"),
        (torch.zeros((4, 4), dtype=torch.uint8), torch.zeros((4, 4)), "prediction holds torch.float32.*argmax"),
        (TWO, TWO + 2, "prediction holds class 2; with 2 classes"),
        (TWO + 7, TWO, "truth holds class 7; with 2 classes the values are 0 to 1, or 255 for ignore"),
        (TWO, TWO + IGNORE, "prediction holds class 255"),
        (TWO.astype(np.int16) - 1, TWO, "truth holds class -1"),
        (TWO[0], TWO[0], r"a label map is \(H, W\)"),
        (TWO[:0], TWO[:0], "hold no pixel"),
        (TWO.tolist(), TWO.tolist(), "truth is a list"),
    ],
)
def test_an_error_says_what_came_in(truth, prediction, message):
    with pytest.raises((TypeError, ValueError), match=message):
        confusion_matrix(truth, prediction, 2)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1], [0.5], "2 labels came with 1 scores"),
        ([0, 2], [0.5, 0.5], "not 2"),
        ([0, 1], [0.5, 3.0], "not 3.0: apply a sigmoid"),
        ([0, 1], [0.5, float("nan")], "not nan"),
    ],
)
def test_a_wrong_score_says_what_came_in(labels, scores, message):
    with pytest.raises(ValueError, match=message):
        ClassificationMetrics().update(labels, scores)


def test_a_refused_batch_counts_nothing():
    metrics = SegmentationMetrics(2)
    with pytest.raises(ValueError, match="class 5"):
        metrics.update([TWO, TWO], [TWO, TWO + 5])
    assert metrics.compute().images == 0


def test_bool_masks_are_label_maps():
    mask = np.eye(6, dtype=bool)
    assert confusion_matrix(mask, torch.from_numpy(mask).numpy(), 2).tolist() == [[30, 0], [0, 6]]
    assert boundary_f1(torch.from_numpy(mask), torch.from_numpy(mask), 2).f1 == {1: 1.0}
