"""The demo's sources: crops of sample photographs with objects outlined on them."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from skimage import data
from sklearn.datasets import load_sample_image

from diffseg30k import side
from generation.sources.demo import photographs
from generation.sources.demo.photographs import write_demo_sources

WHOLE = {
    "skimage-astronaut": data.astronaut,
    "skimage-chelsea": data.chelsea,
    "skimage-coffee": data.coffee,
    "skimage-rocket": data.rocket,
    "skimage-motorcycle": lambda: data.stereo_motorcycle()[0],
    "sklearn-china": lambda: load_sample_image("china.jpg"),
    "sklearn-flower": lambda: load_sample_image("flower.jpg"),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> tuple[Path, COCO]:
    images, annotations = write_demo_sources(str(tmp_path_factory.mktemp("demo")))
    return Path(images), COCO(annotations)


def test_every_image_of_the_coco_file_is_there_with_the_size_it_states(sources):
    folder, coco = sources
    assert {path.name for path in folder.iterdir()} == {image["file_name"] for image in coco.imgs.values()}
    for image in coco.imgs.values():
        with Image.open(folder / image["file_name"]) as picture:
            assert (picture.mode, picture.size) == ("RGB", (image["width"], image["height"]))


def test_crops_are_cut_out_of_their_photograph_without_a_changed_pixel(sources):
    folder, coco = sources
    windows = {
        entry["photograph"]: [photographs.Crop(*window) for window in entry["crops"]]
        for entry in photographs._annotations()["images"]
    }
    for name, load in WHOLE.items():
        crops = [image for image in coco.imgs.values() if image["photograph"] == name]
        assert len(crops) == len(windows[name]) > 0
        for image, window in zip(crops, windows[name], strict=True):
            pixels = np.asarray(Image.open(folder / image["file_name"]))
            assert np.array_equal(pixels, window.cut(load())), image["file_name"]


def test_there_is_enough_to_edit_three_times_in_most_crops(sources):
    _, coco = sources
    objects = [len(coco.getAnnIds(imgIds=image)) for image in coco.imgs]
    assert len(objects) >= 58
    assert min(objects) >= 2
    assert np.mean(np.array(objects) >= 3) > 0.9


def test_both_sides_of_the_split_get_photographs(sources):
    _, coco = sources
    sides = Counter(side(image["photograph"]) for image in coco.imgs.values())
    assert sides["train"] > 30
    assert 8 <= sides["validation"] <= 20


def test_masks_are_the_objects_polygons_cut_to_the_crop(sources):
    _, coco = sources
    for annotation in coco.anns.values():
        mask, image = coco.annToMask(annotation), coco.imgs[annotation["image_id"]]
        assert mask.shape == (image["height"], image["width"])
        assert mask.sum() == annotation["area"] >= photographs.MIN_SHARE * mask.size


def test_the_outlines_follow_the_objects(sources):
    """What is inside an outline looks like the object: colours that a reader of the photographs knows."""
    for photograph, name, pixel_is in (
        ("sklearn-flower", "flower", lambda rgb: rgb[..., 0] > rgb[..., 2]),
        ("skimage-astronaut", "person", lambda rgb: rgb[..., 0] > rgb[..., 2] + 25),
        ("skimage-rocket", "rocket", lambda rgb: rgb.mean(axis=-1) > 90),
        ("sklearn-china", "pagoda", lambda rgb: rgb[..., 2] < 200),
    ):
        inside, outside = shares(sources, photograph, name, pixel_is)
        assert inside > outside + 0.4, (photograph, name, inside, outside)


def shares(sources, photograph, name, pixel_is) -> tuple[float, float]:
    """The share of pixels that are as said, inside and outside an object, over all crops that show it."""
    folder, coco = sources
    category = coco.getCatIds(catNms=[name])
    counts = np.zeros((2, 2))
    for image in coco.imgs.values():
        found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"], catIds=category))
        if image["photograph"] == photograph and found:
            mask = np.logical_or.reduce([coco.annToMask(one) for one in found]).astype(bool)
            like = pixel_is(np.asarray(Image.open(folder / image["file_name"])).astype(int))
            counts += [[like[where].sum(), where.sum()] for where in (mask, ~mask)]
    inside, outside = counts[:, 0] / counts[:, 1]
    return inside, outside


def test_every_crop_says_who_took_it_and_what_may_be_done_with_it(sources):
    _, coco = sources
    licenses = {entry["id"]: entry for entry in coco.dataset["licenses"]}
    for image in coco.imgs.values():
        assert image["photographer"]
        assert image["url"].startswith("https://")
        assert licenses[image["license"]]["url"].startswith("https://")


def test_written_twice_it_is_the_same_bytes(tmp_path):
    digests = []
    for name in ("one", "two"):
        write_demo_sources(str(tmp_path / name))
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert digests[0] == digests[1]


def test_without_the_library_that_carries_a_photograph_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'diffseg30k\[generation\]'"):
        write_demo_sources(str(tmp_path))
