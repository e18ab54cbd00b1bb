"""`--cache`: the rows at training size, written once and read by every epoch after."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmark.data.cache import CacheOptions, CacheSource, cached_rows
from benchmark.data.dataset import decode, load_rows
from benchmark.data.preparation import segmentation
from benchmark.training.options import TrainOptions
from benchmark.training.train import train
from tests.kills import ROOT

ENCODER = "timm-mobilenetv3_small_minimal_100"


@pytest.fixture
def options(packed, tmp_path) -> TrainOptions:
    return TrainOptions(
        out=str(tmp_path / "trained"), dataset=str(packed), config="semantic", architecture="unet",
        encoder=ENCODER, weights="none", size=64, steps=8, batch_size=4, workers=0, seed=3, device="cpu",
        log_every=1, progress=False,
    )  # fmt: skip


def assert_same_weights(one: str, other: str) -> None:
    first, second = (load_file(os.path.join(folder, "model.safetensors")) for folder in (one, other))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def only_cache(folder: Path) -> Path:
    (found,) = (path for path in folder.iterdir() if path.is_dir())
    return found


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_with_a_cache_ends_in_the_same_weights_bit_for_bit(options, tmp_path, workers):
    plain = train(options)
    assert options.recipe().scale == (0.5, 2.0), "images are also enlarged and made smaller"
    cached = replace(
        options, workers=workers, cache=str(tmp_path / "cache"), validate_every=4, validation_share=0.01
    )
    for place in ("written", "read"):
        found = train(replace(cached, out=str(tmp_path / place), validate_every=None))
        assert_same_weights(plain.detector, found.detector)


def test_a_classifiers_cache_is_of_the_side_that_its_crops_are_cut_from(options, tmp_path):
    options = replace(
        options, config="classification", architecture="cnnspot", encoder="resnet18.tv_in1k", steps=2,
        validate_every=1, validation_share=0.4, augment_probability=1.0,
    )  # fmt: skip
    plain = train(options)
    cached = train(replace(options, out=str(tmp_path / "cached"), cache=str(tmp_path / "cache")))
    assert_same_weights(plain.detector, cached.detector)
    assert plain.best == cached.best


def test_the_cache_holds_every_row_at_training_size_without_loss(packed, tmp_path):
    rows = load_rows(str(packed), "binary", "train")
    source = CacheSource(str(packed), "binary", "segmentation", 48)
    kept = cached_rows(rows, source, CacheOptions(str(tmp_path), workers=2, progress=False))
    assert kept["id"][:] == rows["id"][:]
    from PIL import Image

    for row, small in zip(rows, kept, strict=True):
        before, after = decode(row, "binary"), decode(small, "binary")
        wanted = np.asarray(Image.fromarray(before.image).resize((48, 48), Image.Resampling.BILINEAR))
        mask = np.asarray(Image.fromarray(before.truth).resize((48, 48), Image.Resampling.NEAREST))
        assert np.array_equal(after.image, wanted)
        assert np.array_equal(after.truth, mask)
        assert after.num_edits == before.num_edits
        assert small["image"]["bytes"][:4] == b"RIFF"


def test_a_stream_is_read_once_and_kept_in_the_order_of_its_ids(packed, tmp_path):
    source = CacheSource(str(packed), "semantic", "segmentation", 32)
    for workers in (0, 2):
        stream = load_rows(str(packed), "semantic", "train", streaming=True)
        folder = str(tmp_path / str(workers))
        kept = cached_rows(stream, source, CacheOptions(folder, workers, progress=False))
        assert kept["id"][:] == sorted(load_rows(str(packed), "semantic", "train")["id"][:])


def test_the_next_training_reads_what_is_there_and_another_dataset_or_size_has_a_cache_of_its_own(
    options, packed, tmp_path
):
    copy = shutil.copytree(packed, tmp_path / "copy")
    options = replace(options, dataset=str(copy), cache=str(tmp_path / "cache"), steps=1)
    train(options)
    written = (only_cache(tmp_path / "cache") / "rows.arrow").stat()
    train(replace(options, seed=4, out=str(tmp_path / "other")))
    assert (only_cache(tmp_path / "cache") / "rows.arrow").stat().st_mtime_ns == written.st_mtime_ns
    train(replace(options, size=32, out=str(tmp_path / "smaller")))
    next(copy.rglob("train/edited/*.parquet")).touch()
    train(replace(options, out=str(tmp_path / "changed")))
    names = sorted(path.name.rpartition("-")[0] for path in (tmp_path / "cache").iterdir() if path.is_dir())
    assert names == ["semantic-32", "semantic-64", "semantic-64"]


@pytest.mark.parametrize("damage", ["cut", "other bytes", "no description", "another description"])
def test_a_damaged_cache_is_written_again(options, tmp_path, damage, capfd):
    options = replace(options, cache=str(tmp_path / "cache"))
    whole = train(options)
    place = only_cache(tmp_path / "cache")
    rows, about = place / "rows.arrow", place / "cache.json"
    data = rows.read_bytes()
    if damage == "cut":
        rows.write_bytes(data[: len(data) // 2])
    elif damage == "other bytes":
        rows.write_bytes(data[:-2000] + bytes(1000) + data[-1000:])
    elif damage == "no description":
        about.unlink()
    else:
        about.write_text(json.dumps(json.loads(about.read_text()) | {"sha256": "0"}))
    (tmp_path / "cache" / f"{place.name}.left.tmp").mkdir()
    again = train(replace(options, out=str(tmp_path / "again")))
    assert_same_weights(whole.detector, again.detector)
    assert rows.read_bytes() == data
    assert not list((tmp_path / "cache").glob("*.tmp"))
    assert ("written again" in capfd.readouterr().err) == (damage == "another description")


@pytest.mark.training
def test_of_two_commands_at_once_one_writes_and_the_other_waits(packed, tmp_path):
    command = [
        *(sys.executable, "-m", "diffseg30k_cli", "train", "--dataset", str(packed), "--config", "binary"),
        *("--architecture", "unet", "--encoder", ENCODER, "--weights", "none", "--size", "64", "--steps", "2"),
        *("--batch-size", "2", "--device", "cpu", "--cache", str(tmp_path / "cache")),
    ]
    both = [
        subprocess.Popen([*command, "--out", str(tmp_path / name)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for name in ("one", "other")
    ]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("cache at 64 pixels" in text for text in said) == 1
    assert_same_weights(str(tmp_path / "one"), str(tmp_path / "other"))


def test_decoding_workers_are_shared_among_the_processes_of_a_machine(options, monkeypatch):
    options = replace(options, workers=None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)))
    assert options.decoding_workers() == 12
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert options.decoding_workers() == 3
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "64")
    assert options.decoding_workers() == 1
    assert replace(options, workers=5).decoding_workers() == 5


@pytest.mark.parametrize("scale", [(0.5, 0.5), (1.0, 1.0), (1.5, 1.5), (2.0, 2.0)])
def test_a_random_scale_gives_a_part_of_the_scaled_image(make, scale):
    image = make.photograph(2, 64)
    mask = (image[..., 0] > 100).astype(np.uint8)
    found, labels = segmentation(image, mask, 64, scale, np.random.default_rng(5))
    from PIL import Image

    side = round(64 * scale[0])
    whole = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)).astype(int)
    whole_mask = np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))
    small, large = min(side, 64), max(side, 64)
    outer, outer_mask = (found.astype(int), labels) if side <= 64 else (whole, whole_mask)
    inner, inner_mask = (whole, whole_mask) if side <= 64 else (found.astype(int), labels)
    places = [
        (top, left, flip)
        for top in range(large - small + 1)
        for left in range(large - small + 1)
        for flip in (1, -1)
        if np.abs(outer[top : top + small, left : left + small] - inner[:, ::flip]).max() <= 2
    ]
    assert len(places) == 1
    top, left, flip = places[0]
    same = outer_mask[top : top + small, left : left + small] == inner_mask[:, ::flip]
    assert same.mean() > 0.99
