"""Importing archives as the dataset was published."""

import io
import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from builder.archives.import_archives import ImportOptions, count_mask_values, import_archives, side_of
from builder.checks.verify import verify
from builder.encoding.images import decode_image, decode_mask
from diffseg30k import LABELS, UNEDITED_IN_TRAIN, label_value
from tests.hub_client import NAME, ROOT, environment
from tests.hub_server.store import File, Repository
from tests.kills import die_at_touch
from tests.plain_card import write_plain_card
from tests.release_factory import LABELS as PUBLISHED
from tests.release_factory import Sample, png, samples, write_archive


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(PUBLISHED))
    return str(path)


def run_import(archives, out, labels, **options):
    settings = ImportOptions(labels=labels, progress=False, shard_bytes=400_000, **options)
    return import_archives([str(archive) for archive in archives], str(out), settings)


def rows_of(out):
    """Row id to row, its side added."""
    found = {}
    for shard in sorted(Path(out).glob("data/*/*/*.parquet")):
        for row in pq.read_table(shard).to_pylist():
            assert row["id"] not in found
            found[row["id"]] = row | {"side": shard.parts[-3], "group": shard.parts[-2]}
    return found


def shard_bytes(out):
    return {str(file.relative_to(out)): file.read_bytes() for file in Path(out).rglob("*.parquet")}


def assert_is(row, sample):
    assert np.array_equal(decode_image(row["image"]["bytes"]), sample.image)
    classes = np.array([0, *(label_value(PUBLISHED[str(value)]) for value in range(1, 8))])[sample.values]
    assert np.array_equal(decode_mask(row["semantic_mask"]["bytes"]), classes)
    assert np.array_equal(decode_mask(row["binary_mask"]["bytes"]), classes > 0)
    assert row["generators"] == sorted(set(classes[classes > 0].tolist()))


def test_every_pair_arrives_pixel_for_pixel(tmp_path, labels):
    train, validation = list(samples(40)), list(samples(12, seed=1))
    archives = [
        write_archive(tmp_path / "train.zip", train),
        write_archive(tmp_path / "validation.zip", validation, folder="validation"),
    ]
    report = run_import(archives, tmp_path / "out", labels)
    rows = rows_of(tmp_path / "out")
    assert report.rows == len(rows) == 52
    assert report.skipped == ()
    for side, published in (("train", train), ("validation", validation)):
        for sample in published:
            assert_is(rows[f"{side}-{sample.name}"], sample)
            assert rows[f"{side}-{sample.name}"]["side"] == side


def test_what_the_archive_does_not_tell_is_null(tmp_path, labels):
    run_import([write_archive(tmp_path / "train.zip", samples(10))], tmp_path / "out", labels)
    rows = rows_of(tmp_path / "out")
    edited, real = rows["train-00000000"], rows["train-00000009"]
    assert (edited["edits"], edited["num_edits"], edited["label"]) == (None, None, LABELS.index("edited"))
    assert (real["edits"], real["num_edits"], real["label"]) == ([], 0, LABELS.index("real"))
    assert set(edited["base"].values()) == {None}


def test_the_result_keeps_every_promise_and_loads(tmp_path, labels):
    archives = [
        write_archive(tmp_path / "train.zip", samples(60)),
        write_archive(tmp_path / "validation.zip", samples(20, seed=1), folder="validation"),
    ]
    out = tmp_path / "diffseg30k"
    run_import(archives, out, labels)
    write_plain_card(str(out), str(out))
    broken = [v for v in verify(str(out), progress=False).violations if v.shard]
    assert broken == []
    pair = {label_value("flux.1"), label_value("hunyuandit1.1")}
    test = pq.read_table(out / "data/train/only-flux-hunyuan", filters=[["heldout_flux_hunyuan", "==", True]])
    assert test.num_rows > 0
    assert all(set(generators) <= pair for generators in test["generators"].to_pylist())


def test_unedited_images_beyond_the_cap_join_the_rest(tmp_path, labels, monkeypatch):
    assert UNEDITED_IN_TRAIN == 5000
    monkeypatch.setattr("builder.archives.shards.UNEDITED_IN_TRAIN", 2)
    run_import([write_archive(tmp_path / "train.zip", samples(50))], tmp_path / "out", labels)
    groups = Counter(row["group"] for row in rows_of(tmp_path / "out").values())
    assert (groups["unedited"], groups["unedited-more"]) == (2, 3)


# ── Bad members ───────────────────────────────────────────────────────────────────────────────────


def write_bad_archive(path, good):
    """An archive of good pairs with one of every kind of trouble among them."""
    one = good[0]
    with zipfile.ZipFile(path, "w") as archive:

        def add(number, image, mask):
            archive.writestr(f"train/{number:08d}.image.png", image)
            if mask is not None:
                archive.writestr(f"train/{number:08d}.mask.png", mask)

        for sample in good[:5]:
            add(int(sample.name), png(sample.image), png(sample.values))
        add(90000001, png(one.image), None)
        add(90000002, png(one.image), png(one.values[:-1]))
        add(90000003, png(one.image)[:-300], png(one.values))
        add(90000004, b"not a picture", png(one.values))
        add(90000005, png(np.zeros((1, 5000, 3), np.uint8)), png(np.zeros((1, 5000), np.uint8)))
        add(90000006, png(np.dstack([one.image, one.values])), png(one.values))
        add(90000007, png(one.image[..., 0].astype(np.uint16)), png(one.values))
        add(90000008, png(one.image), png(np.full_like(one.values, 8)))
        archive.writestr("train/90000009.mask.png", png(one.values))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(f"train/{one.name}.image.png", png(255 - one.image))
        archive.writestr("../../x", b"out")
        archive.writestr("../../00000001.image.png", png(one.image))
        archive.writestr("/etc/00000001.mask.png", png(one.values))
        archive.writestr("train/README.txt", b"hello")
        bomb = zipfile.ZipInfo("train/90000010.image.png")
        bomb.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(bomb, bytes(10**8))
        archive.writestr("train/90000010.mask.png", png(one.values))
        for sample in good[5:]:
            add(int(sample.name), png(sample.image), png(sample.values))
    return path


TROUBLE = {
    "the image has no mask": 1,
    "image and mask differ in size": 1,
    "it cannot be read": 3,
    "it is too large": 1,
    "it is not an opaque picture of 8 bits a channel": 2,
    "its mask holds a value without a label": 1,
    "the mask has no image": 1,
    "a member of that name came before": 1,
    "its path leaves the folder": 3,
    "it is not named like a sample": 1,
}


def test_trouble_is_counted_and_named_and_the_good_pairs_arrive(tmp_path, labels):
    good = list(samples(10))
    report = run_import([write_bad_archive(tmp_path / "train.zip", good)], tmp_path / "out", labels)
    assert Counter(skip.reason for skip in report.skipped) == TROUBLE
    rows = rows_of(tmp_path / "out")
    assert set(rows) == {f"train-{sample.name}" for sample in good}
    for sample in good:
        assert_is(rows[f"train-{sample.name}"], sample)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path.parent / "x").exists()
    told = "\n".join(report.lines())
    assert "left out 1: the image has no mask" in told
    assert "90000002.image.png: image and mask differ in size (160x160 and 160x159)" in told


def test_a_truncated_archive_gives_what_is_before_the_cut(tmp_path, labels):
    good = list(samples(20))
    archive = write_archive(tmp_path / "train.zip", good)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size * 6 // 10])
    report = run_import([archive], tmp_path / "out", labels)
    rows = rows_of(tmp_path / "out")
    assert len(rows) >= 10
    for sample in good[: len(rows)]:
        assert_is(rows[f"train-{sample.name}"], sample)
    assert "the archive ends within it" in {skip.reason for skip in report.skipped}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda image: Image.fromarray(image).convert("RGBA"), "opaque alpha"),
        (lambda image: Image.fromarray(image).convert("P"), "palette"),
        (lambda image: Image.fromarray(image[..., 0]), "grey"),
    ],
)
def test_images_that_are_rgb_in_another_form_arrive(tmp_path, labels, change, kind):
    sample = next(samples(1))
    picture = change(sample.image)
    out = io.BytesIO()
    picture.save(out, "PNG")
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as archive:
        archive.writestr("train/0.image.png", out.getvalue())
        archive.writestr("train/0.mask.png", png(sample.values))
    run_import([tmp_path / "train.zip"], tmp_path / "out", labels)
    assert_is(rows_of(tmp_path / "out")["train-0"], Sample("0", np.asarray(picture.convert("RGB")), sample.values))


# ── Labels ────────────────────────────────────────────────────────────────────────────────────────


def test_the_values_are_counted_without_labels(tmp_path):
    made = list(samples(30))
    counts = count_mask_values([str(write_archive(tmp_path / "train.zip", made))], progress=False)
    pixels = np.concatenate([sample.values.ravel() for sample in made])
    assert counts.pixels == dict(
        zip(*(part.tolist() for part in np.unique(pixels, return_counts=True)), strict=True)
    )


@pytest.mark.parametrize(
    ("archive", "side"),
    [
        ("a/train.zip", "train"),
        ("https://hub.example/resolve/main/validation.zip?download=true", "validation"),
        ("val.zip", "validation"),
        ("validation=a/b.zip", "validation"),
    ],
)
def test_the_side_of_an_archive(archive, side):
    assert side_of(archive)[0] == side


def test_an_archive_of_no_side_is_asked_about():
    with pytest.raises(ValueError, match="is it train or validation"):
        side_of("data.zip")


# ── Where the archive lies ────────────────────────────────────────────────────────────────────────


def publish(hub, archive):
    """Puts an archive on the Hub server."""
    hub.hub.repositories[NAME] = repository = Repository(NAME)
    digest = f"{len(hub.hub.objects.folder.name):064x}"
    shutil.copy(archive, hub.hub.objects.path(digest))
    file = File(archive.stat().st_size, sha256=digest)
    repository.commit("main", "the archive", None, {archive.name: file}, set(), as_pr=False)
    return f"{hub.endpoint}/datasets/{NAME}/resolve/main/{archive.name}"


def test_over_http_by_ranges(hub, tmp_path, labels):
    archive = write_archive(tmp_path / "train.zip", samples(20))
    run_import([archive], tmp_path / "local", labels)
    run_import([publish(hub, archive)], tmp_path / "remote", labels)
    assert shard_bytes(tmp_path / "remote") == shard_bytes(tmp_path / "local")
    assert any(request.status == 206 for request in hub.requests)


def test_from_the_hub_by_its_own_url(hub, tmp_path, labels):
    archive = write_archive(tmp_path / "train.zip", samples(6))
    run_import([archive], tmp_path / "local", labels)
    publish(hub, archive)
    code = (
        "from builder.archives.import_archives import *\n"
        f"import_archives(['hf://datasets/{NAME}/train.zip'], 'remote', "
        f"ImportOptions({labels!r}, shard_bytes=400_000, progress=False))"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env=environment(hub, tmp_path / "home"),
        cwd=tmp_path,
        check=True,
        timeout=120,
    )
    assert shard_bytes(tmp_path / "remote") == shard_bytes(tmp_path / "local")


# ── Going on ──────────────────────────────────────────────────────────────────────────────────────


def import_killed(touch, archive, out, labels):
    die_at_touch(touch, str(out))
    run_import([archive], out, labels, workers=2)


@pytest.mark.kills
def test_killed_at_any_moment_it_goes_on_and_ends_in_the_same_shards(tmp_path, labels):
    archive = write_archive(tmp_path / "train.zip", samples(60))
    run_import([archive], tmp_path / "whole", labels)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.hub_client"])
    kills = 0
    while True:
        # each pair takes a few touches, so that none of the first processes comes to the end
        task = (20 + 12 * kills, archive, tmp_path / "killed", labels)
        process = context.Process(target=import_killed, args=task)
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        kills += 1
    assert kills > 6
    assert shard_bytes(tmp_path / "killed") == shard_bytes(tmp_path / "whole")


def test_other_labels_do_not_go_on_with_an_import_that_was_cut_off(tmp_path, labels, monkeypatch):
    archive = write_archive(tmp_path / "train.zip", samples(3))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("builder.archives.import_archives.write_shards", full)
        with pytest.raises(OSError, match="No space"):
            run_import([archive], tmp_path / "out", labels)
    Path(labels).write_text(json.dumps(PUBLISHED | {"1": "sdxl"}))
    with pytest.raises(ValueError, match="not finished"):
        run_import([archive], tmp_path / "out", labels)
    Path(labels).write_text(json.dumps(PUBLISHED))
    assert run_import([archive], tmp_path / "out", labels).rows == 3


def test_a_folder_with_a_dataset_is_left_alone(tmp_path, labels):
    archive = write_archive(tmp_path / "train.zip", samples(3))
    run_import([archive], tmp_path / "out", labels)
    before = shard_bytes(tmp_path / "out")
    with pytest.raises(ValueError, match="holds a dataset already"):
        run_import([archive], tmp_path / "out", labels)
    assert shard_bytes(tmp_path / "out") == before


def test_an_archive_without_a_usable_pair_is_refused(tmp_path, labels):
    archive = tmp_path / "train.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("train/1.image.png", b"")
    with pytest.raises(ValueError, match="no pair"):
        run_import([archive], tmp_path / "out", labels)


# ── At size ───────────────────────────────────────────────────────────────────────────────────────

PEAK = """
import resource, sys
from builder.archives.import_archives import *
options = ImportOptions(sys.argv[3], shard_bytes=5_000_000, workers=2, progress=False)
import_archives([sys.argv[1]], sys.argv[2], options)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_memory(archive, out, labels):
    ran = subprocess.run(
        [sys.executable, "-c", PEAK, str(archive), str(out), labels],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return int(ran.stdout)


@pytest.mark.kills
def test_a_thousand_pairs_with_trouble_take_no_more_memory_than_two_hundred(tmp_path, labels):
    good = list(samples(200, sides=(160,)))
    few = write_archive(tmp_path / "train-200.zip", good)
    many = tmp_path / "train-1000.zip"
    write_bad_archive(many, [Sample(f"{n:08d}", good[n % 200].image, good[n % 200].values) for n in range(1000)])
    small = peak_memory(few, tmp_path / "few", labels)
    large = peak_memory(many, tmp_path / "many", labels)
    assert large <= 1.1 * small
    rows = rows_of(tmp_path / "many")
    assert len(rows) == 1000
    for name, row in rows.items():
        assert_is(row, good[int(name.removeprefix("train-")) % 200])
