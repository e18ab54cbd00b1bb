"""Training: what it writes, that it resumes bit for bit, and what it says to mistakes."""

import json
import os
from dataclasses import replace

import datasets
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.data.dataset import Sample, load_rows
from benchmark.data.feed import FeedOptions, train_batches
from benchmark.data.preparation import fit, forensic, segmentation
from benchmark.models.checkpoint import load_baseline, load_detector_weights, read_description
from benchmark.models.recipes import RECIPES, recipe_for
from benchmark.models.registry import ModelSpec, build
from benchmark.training.optimisation import Plateau, learning_rate, make_optimizer, set_learning_rate
from benchmark.training.train import TrainOptions, TrainReport, train
from diffseg30k import IGNORE


@pytest.fixture
def options(packed, tmp_path) -> TrainOptions:
    return TrainOptions(
        out=str(tmp_path / "trained"), dataset=str(packed), config="semantic", architecture="unet",
        encoder="timm-mobilenetv3_small_minimal_100", weights="none", size=32, steps=6, batch_size=4, workers=0,
        seed=3, device="cpu", checkpoint_every=2, log_every=1, progress=False,
    )  # fmt: skip


def weights_of(folder: str) -> dict[str, torch.Tensor]:
    return load_file(os.path.join(folder, "model.safetensors"))


def assert_same_weights(one: str, other: str) -> None:
    first, second = weights_of(one), weights_of(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


@pytest.mark.parametrize("streaming", [False, True], ids=["prepared", "streaming"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stopped_training_resumes_to_the_same_weights_bit_for_bit(options, tmp_path, streaming, workers):
    options = replace(options, streaming=streaming, workers=workers)
    whole = train(replace(options, out=str(tmp_path / "whole")))
    stopped = train(replace(options, stop_after=3))
    assert (stopped.detector, stopped.step) == (None, 3)
    resumed = train(replace(options, resume=True))
    assert resumed.step == 6
    assert_same_weights(whole.detector, resumed.detector)


@pytest.mark.parametrize(
    ("architecture", "encoder", "width"),
    [("fcn8s", "vgg16", 0.05), ("deeplabv3plus", "resnet18", 1.0), ("segformer", "mit_b0", 1.0),
     ("mask2former", "swin-nano", 1.0)],
)  # fmt: skip
def test_every_segmentation_baseline_resumes_to_the_same_weights(options, tmp_path, architecture, encoder, width):
    options = replace(
        options, architecture=architecture, encoder=encoder, width=width, steps=2, batch_size=2, size=64
    )
    whole = train(replace(options, out=str(tmp_path / "whole")))
    train(replace(options, stop_after=1))
    assert_same_weights(whole.detector, train(replace(options, resume=True)).detector)


@pytest.mark.parametrize(
    ("architecture", "encoder"), [("cnnspot", "resnet18.tv_in1k"), ("universalfakedet", "tiny")]
)
def test_every_classifier_resumes_to_the_same_weights(options, tmp_path, architecture, encoder, monkeypatch):
    monkeypatch.setitem(RECIPES, architecture, replace(recipe_for(architecture), validation_share=0.4))
    options = replace(
        options, config="classification", architecture=architecture, encoder=encoder, size=64, validate_every=1,
        steps=3, batch_size=2, learning_rate=1e-3,
    )  # fmt: skip
    whole = train(replace(options, out=str(tmp_path / "whole")))
    train(replace(options, stop_after=2))
    assert_same_weights(whole.detector, train(replace(options, resume=True)).detector)


def test_a_stream_is_resumed_by_as_many_workers_as_before(options):
    train(replace(options, streaming=True, workers=1, stop_after=2))
    with pytest.raises(ValueError, match="by 1 workers in 1 processes, and now would be by 0 in 1") as error:
        train(replace(options, streaming=True, workers=0, resume=True))
    one_line(error)
    assert train(replace(options, streaming=True, workers=1, resume=True)).step == 6


def test_the_report_says_when_the_network_waits_for_images():
    report = TrainReport(detector="d", step=10, loss=1.0, images_per_second=3.0, data_share=0.35)
    assert "35% of the time was spent waiting for images" in report.lines()[1]
    assert len(replace(report, data_share=0.1).lines()) == 1


def test_another_seed_trains_other_weights(options, tmp_path):
    one, other = train(options), train(replace(options, seed=4, out=str(tmp_path / "other")))
    first, second = weights_of(one.detector), weights_of(other.detector)
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_a_training_writes_all_that_evaluating_takes_and_a_log_that_tensorboard_reads(options):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    report = train(options)
    about = read_description(report.detector)
    assert about.model == ModelSpec("unet", "timm-mobilenetv3_small_minimal_100", "semantic", 32)
    assert (about.config, about.step) == ("semantic", 6)
    assert about.training["recipe"]["batch_size"] == 4
    assert about.versions["torch"]
    baseline, _ = load_baseline(report.detector)
    assert baseline(torch.rand(1, 3, 32, 32)).shape == (1, 9, 32, 32)
    log = EventAccumulator(os.path.join(options.out, "logs"))
    log.Reload()
    assert [event.step for event in log.Scalars("train/loss")] == [1, 2, 3, 4, 5, 6]
    rates = [event.value for event in log.Scalars("train/learning_rate")]
    assert rates == sorted(rates, reverse=True)
    assert "speed/data_share" in log.Tags()["scalars"]
    assert report.images_per_second > 0
    assert 0 <= report.data_share <= 1


def test_only_the_newest_checkpoint_is_kept(options):
    train(options)
    assert os.listdir(os.path.join(options.out, "checkpoints")) == ["step-00000006"]


def test_the_bar_counts_steps_from_where_the_training_goes_on(options, capsys):
    train(replace(options, stop_after=2))
    train(replace(options, resume=True, progress=True))
    assert "6/6" in capsys.readouterr().err


# ── Batches ───────────────────────────────────────────────────────────────────────────────────────


def feed(packed, **changes) -> FeedOptions:
    recipe = replace(RECIPES["deeplabv3plus"], steps=6, batch_size=4)
    return FeedOptions(**{"task": "binary", "recipe": recipe, "size": 32, "seed": 1, **changes})


@pytest.mark.parametrize("streaming", [False, True])
def test_processes_share_every_batch_and_an_epoch_shows_every_row_once(packed, streaming):
    rows = load_rows(str(packed), "binary", "train", streaming)
    seen = [
        torch.cat([images for images, _ in train_batches(rows, feed(packed, rank=rank, processes=2))])
        for rank in range(2)
    ]
    assert [len(part) for part in seen] == [12, 12]
    if not streaming:
        first_epoch = torch.cat([part[:6] for part in seen])
        pictures = {tuple(sorted(image.flatten().tolist())) for image in first_epoch}
        assert len(pictures) == 12, "mirrored or not, each row is there once"


def test_a_feed_that_starts_later_goes_on_as_one_that_did_not_stop(packed):
    rows = load_rows(str(packed), "binary", "train")
    whole = list(train_batches(rows, feed(packed)))
    rest = list(train_batches(rows, feed(packed, start=4)))
    assert len(rest) == 2
    for (images, masks), (other_images, other_masks) in zip(whole[4:], rest, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(masks, other_masks)


def stream_of(shards: list[list[dict]], read: list[str]) -> datasets.IterableDataset:
    """A stream over shards that notes the ids of the rows that are read."""

    def rows(shards):
        for shard in shards:
            for row in shard:
                read.append(row["id"])
                yield row

    return datasets.IterableDataset.from_generator(rows, gen_kwargs={"shards": shards})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_where_it_was_and_reads_none_of_what_lies_before(make, workers, monkeypatch):
    monkeypatch.setattr("benchmark.data.feed.SHUFFLE_BLOCK", 4)
    columns = ("id", "image", "binary_mask", "num_edits")
    rows = [{name: make.row(index, ("sd2",))[name] for name in columns} for index in range(60)]
    read: list[str] = []
    source = stream_of([rows[start : start + 6] for start in range(0, 60, 6)], read)
    # 80 samples of 60 rows: into the second epoch
    options = feed(None, recipe=replace(RECIPES["deeplabv3plus"], steps=20, batch_size=4), workers=workers)
    whole = list(train_batches(source, options))
    assert workers or len(read) in range(80, 87)

    for stop in (1, 13, 15, 16):
        stopped = train_batches(source, options)
        for _ in zip(range(stop), stopped, strict=False):
            position = stopped.position()
        read.clear()
        rest = list(train_batches(source, replace(options, start=stop), position))
        assert workers or len(read) <= 4 * (20 - stop) + 2 * 6 + 3 * 4, "two shards and three blocks more"
        assert len(rest) == 20 - stop
        for (images, masks), (other_images, other_masks) in zip(whole[stop:], rest, strict=True):
            assert torch.equal(images, other_images)
            assert torch.equal(masks, other_masks)


def test_a_batch_that_does_not_divide_by_the_processes_is_refused(packed):
    with pytest.raises(ValueError, match="4 images does not divide by 3 processes"):
        train_batches(load_rows(str(packed), "binary", "train"), feed(packed, processes=3))


# ── Preparation ───────────────────────────────────────────────────────────────────────────────────


def test_image_and_mask_are_resized_cut_and_mirrored_together():
    mask = (np.arange(96)[None] < 32).repeat(96, axis=0).astype(np.uint8)
    marked = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
    fitted = fit(Sample("a", marked, mask), "segmentation", 48)
    marked, mask = fitted.image, np.asarray(fitted.truth)
    for seed in range(8):
        picture, labels = segmentation(marked, mask, 48, (0.5, 2.0), np.random.default_rng(seed))
        assert picture.shape == (48, 48, 3)
        inside = (labels != IGNORE) & (np.roll(labels, 1, 1) == labels) & (np.roll(labels, -1, 1) == labels)
        agree = (picture[..., 0] > 127) == (labels == 1)
        assert agree[inside].mean() > 0.95
        assert (labels == IGNORE).any() == bool(
            (picture[labels == IGNORE] == 0).all() and (labels == IGNORE).any()
        )


def test_cnnspots_preparation_is_a_crop_of_the_short_side_at_256(make):
    image = fit(Sample("a", make.photograph(1, 300)[:, :280], 0), "forensic", 224).image
    assert image.shape == (274, 256, 3)
    plain = forensic(image, 224, 0.0, np.random.default_rng(0))
    changed = forensic(image, 224, 1.0, np.random.default_rng(0))
    assert plain.shape == changed.shape == (224, 224, 3)
    assert forensic(image, 224, 1.0, np.random.default_rng(0)).tolist() == changed.tolist()


# ── Rates ─────────────────────────────────────────────────────────────────────────────────────────


def test_deeplabs_backbone_trains_at_a_tenth_and_its_rate_falls_as_a_polynomial():
    baseline = build(ModelSpec("deeplabv3plus", "resnet18", "binary", 64), pretrained=False)
    optimizer = make_optimizer(baseline, recipe_for("deeplabv3plus"))
    assert sorted(group["factor"] for group in optimizer.param_groups) == [0.1, 1.0]
    recipe = recipe_for("deeplabv3plus")
    assert learning_rate(recipe, 0, Plateau(0.01)) == 0.01
    assert learning_rate(recipe, 15_000, Plateau(0.01)) == pytest.approx(0.01 * 0.5**0.9)
    set_learning_rate(optimizer, learning_rate(recipe, 29_999, Plateau(0.01)), recipe.least_rate)
    assert {group["lr"] for group in optimizer.param_groups} == {1e-6}, "VainF's min_lr"


def test_fcn8s_biases_train_twice_as_fast_and_without_decay():
    baseline = build(ModelSpec("fcn8s", "vgg16", "binary", 64, width=0.05), pretrained=False)
    groups = {group["factor"]: group for group in make_optimizer(baseline, recipe_for("fcn8s")).param_groups}
    assert groups[2.0]["weight_decay"] == 0
    assert groups[1.0]["weight_decay"] == 5e-4
    assert all(parameter.ndim == 1 for parameter in groups[2.0]["params"])


def test_cnnspots_rate_falls_to_a_tenth_when_validation_stops_gaining():
    recipe = recipe_for("cnnspot")
    plateau = Plateau(recipe.learning_rate).after(0.9, recipe)
    for _ in range(recipe.patience):
        assert plateau.rate == 1e-4
        plateau = plateau.after(0.9005, recipe)
    assert plateau.rate == pytest.approx(1e-5)
    assert plateau.best is None
    assert plateau.after(0.5, recipe).best == 0.5


# ── Mistakes ──────────────────────────────────────────────────────────────────────────────────────


def one_line(error) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_with_a_training_is_not_overwritten(options):
    train(replace(options, stop_after=1))
    with pytest.raises(ValueError, match="holds a training already: add --resume") as error:
        train(options)
    one_line(error)
    with pytest.raises(ValueError, match="was started with batch_size 4, not 2"):
        train(replace(options, resume=True, batch_size=2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": "nothing"}, "there is no config 'nothing'; the configs are semantic"),
        ({"config": "edits"}, "the config 'edits' belongs to no task of the benchmark"),
        ({"config": "semantic-lora"}, "'semantic-lora' has no split 'train'"),
        (
            {"architecture": "cnnspot"},
            "cnnspot classifies whole images; it cannot be trained on",
        ),
        ({"batch_size": 0}, "batch_size is at least 1, not 0"),
        ({"learning_rate": 1e30}, "the loss became"),
    ],
)
def test_a_mistake_is_one_clear_line(options, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        train(replace(options, **changes))
    one_line(error)


def test_a_dataset_that_is_not_there_is_one_clear_line(options, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        train(replace(options, dataset=str(tmp_path / "nowhere")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no shards of the split 'train' of the config 'semantic'"):
        train(replace(options, dataset=str(tmp_path / "empty")))


def test_a_dataset_without_the_column_is_one_clear_line(options, make, tmp_path):
    make.shard(
        tmp_path / "bare", "train", "edited", [make.row(0, ("sd2",))], without=("semantic_mask", "num_edits")
    )
    with pytest.raises(ValueError, match="has no column semantic_mask") as error:
        train(replace(options, dataset=str(tmp_path / "bare")))
    one_line(error)


def test_a_dataset_that_does_not_tell_the_number_of_edits_is_trained_on_all_the_same(options, make, tmp_path):
    make.shard(tmp_path / "bare", "train", "edited", [make.row(0, ("sd2",))], without=("num_edits",))
    assert train(replace(options, dataset=str(tmp_path / "bare"), steps=1)).step == 1


def test_a_picture_that_does_not_decode_is_named(options, make, tmp_path):
    broken = make.row(0, ("sd2",))
    broken["image"] = {"bytes": broken["image"]["bytes"][:40], "path": None}
    make.shard(tmp_path / "broken", "train", "edited", [broken])
    with pytest.raises(ValueError, match="row row-0000: an image cannot be decoded"):
        train(replace(options, dataset=str(tmp_path / "broken")))


def test_weights_of_another_number_of_classes_are_one_clear_line(options, tmp_path):
    detector = train(replace(options, steps=1)).detector
    binary = build(replace(read_description(detector).model, task="binary"), pretrained=False)
    with pytest.raises(ValueError, match="is it of another number of classes") as error:
        load_detector_weights(detector, binary)
    one_line(error)


def test_a_damaged_detector_is_one_clear_line(options, tmp_path):
    detector = train(replace(options, steps=1)).detector
    save_file({"odd": torch.zeros(1)}, os.path.join(detector, "model.safetensors"))
    with pytest.raises(ValueError, match=r"does not fit its detector\.json"):
        load_baseline(detector)
    with open(os.path.join(detector, "model.safetensors"), "wb") as file:
        file.write(b"nothing")
    with pytest.raises(ValueError, match="cannot be read"):
        load_baseline(detector)
    with open(os.path.join(detector, "detector.json"), "w", encoding="utf-8") as file:
        json.dump({"format": 1}, file)
    with pytest.raises(ValueError, match="is not the description of a detector"):
        load_baseline(detector)
