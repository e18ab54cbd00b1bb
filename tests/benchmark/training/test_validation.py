"""Validation in training: on rows that are not trained on, and what the detector becomes by it."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmark.data.dataset import decode, load_rows
from benchmark.data.feed import kept_for_validation, split_off
from benchmark.data.preparation import resize_image, resize_mask
from benchmark.metrics.segmentation import SegmentationMetrics
from benchmark.models.checkpoint import read_description
from benchmark.models.recipes import RECIPES
from benchmark.models.registry import ModelSpec, build
from benchmark.training.options import TrainOptions
from benchmark.training.train import train
from benchmark.training.validation import Share, validate

pytestmark = pytest.mark.training

UNET = ModelSpec("unet", "timm-mobilenetv3_small_minimal_100", "semantic", 32)


@pytest.fixture
def options(packed, tmp_path) -> TrainOptions:
    return TrainOptions(
        out=str(tmp_path / "trained"), dataset=str(packed), config="semantic", architecture="unet",
        encoder=UNET.encoder, weights="none", size=32, steps=6, batch_size=4, workers=0, seed=3, device="cpu",
        checkpoint_every=2, log_every=1, progress=False, validate_every=2, validation_share=0.3,
    )  # fmt: skip


def scalars(options: TrainOptions, name: str) -> list[tuple[int, float]]:
    log = EventAccumulator(os.path.join(options.out, "logs"))
    log.Reload()
    return [(event.step, event.value) for event in log.Scalars(name)]


def test_segmentation_is_validated_every_so_many_steps_and_the_best_becomes_the_detector(options):
    report = train(options)
    found = scalars(options, "validation/miou")
    assert [step for step, _ in found] == [2, 4, 6]
    assert len(scalars(options, "validation/loss")) == 3
    best = max(score for _, score in found)
    first_best = next(step for step, score in found if score == best)
    assert report.best is not None
    assert (report.best.measure, report.best.step) == ("mIoU", first_best)
    assert f"best mIoU {report.best.score:.4f} at step {first_best}" in report.lines()[0]
    assert read_description(report.detector).step == first_best
    kept = os.listdir(os.path.join(options.out, "checkpoints"))
    assert sorted(kept) == ["best", "step-00000006"], "the last is kept beside it"


def test_where_the_authors_keep_the_last_weights_they_are_the_detector(options, monkeypatch):
    monkeypatch.setitem(RECIPES, "unet", replace(RECIPES["deeplabv3plus"], detector="last"))
    report = train(replace(options, steps=5, learning_rate=1e-9))
    assert report.best.step in (2, 4)
    assert read_description(report.detector).step == 5
    assert RECIPES["segformer"].detector == RECIPES["mask2former"].detector == "last"


def test_the_scores_are_those_of_the_evaluation_and_however_the_rows_are_shared(packed):
    torch.manual_seed(0)
    baseline = build(UNET, pretrained=False).eval()
    rows = load_rows(str(packed), "semantic", "train")
    whole = validate(baseline, rows, UNET, "cpu", 5)
    metrics = SegmentationMetrics(9)
    for row in rows:
        sample = decode(row, "semantic")
        image = np.asarray(sample.image)
        pixels = torch.from_numpy(resize_image(image, 32, 32).copy()).permute(2, 0, 1)[None] / 255
        metrics.update([resize_mask(sample.truth, 32, 32)], baseline(pixels).argmax(1).numpy())
    assert whole.score == pytest.approx(metrics.compute().miou, abs=1e-12)
    assert whole.images == len(rows)

    parts: list[torch.Tensor] = []
    for rank in range(3):
        validate(baseline, rows, UNET, "cpu", 2, Share(rank, 3, lambda counts: (parts.append(counts), counts)[1]))
    together = validate(baseline, rows.select([]), UNET, "cpu", 2, Share(0, 1, lambda counts: counts + sum(parts)))
    assert together.images == len(rows)
    assert together.score == pytest.approx(whole.score, abs=1e-6)
    assert together.loss == pytest.approx(whole.loss, rel=1e-5)


def test_rows_kept_for_validation_are_not_trained_on(packed):
    rows = load_rows(str(packed), "semantic", "train")
    trained, kept = split_off(rows, 0.3)
    assert set(trained["id"]) | set(kept["id"]) == set(rows["id"])
    assert set(kept["id"]) == {id for id in rows["id"] if kept_for_validation(id, 0.3)}
    assert not set(trained["id"]) & set(kept["id"])


def test_a_training_that_resumes_remembers_the_best(options, tmp_path):
    whole = train(replace(options, out=str(tmp_path / "whole")))
    train(replace(options, stop_after=3))
    resumed = train(replace(options, resume=True))
    assert resumed.best == whole.best


def test_a_share_too_small_for_a_row_is_one_clear_line(options):
    with pytest.raises(
        ValueError, match="of 12 rows none is kept for validation: give a larger --validation-share"
    ):
        train(replace(options, validation_share=1e-9))
    with pytest.raises(ValueError, match="validation_share lies between 0 and 1, and is not 2"):
        train(replace(options, validation_share=2))
