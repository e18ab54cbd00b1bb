"""A folder of photographs of which nothing is known becomes a dataset, without annotations and without a VLM."""

import csv
import sys

import numpy as np
import pytest
from datasets import load_dataset

from builder.encoding.images import decode_image
from generation.regions.annotations import OVERLAPS
from generation.regions.automatic.everything import EverythingSegmenter, Masks
from generation.regions.automatic.naming import bounds, iou, name_masks
from generation.regions.automatic.proposer import MAX_REGIONS, choose_regions
from generation.regions.grounding.detector import Box
from generation.sources.image_files import UnusablePicture, decode_square
from tests.command import command

LEFT_OUT = {"truncated.jpg", "empty.png", "text.jpg", "notes.txt", "page.pdf"}


def square(top: int, left: int, side: int, size: int = 64) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def masks_of(*masks: np.ndarray) -> Masks:
    return Masks(np.stack(masks), tuple(1 - place / 100 for place in range(len(masks))))


class TestNames:
    def test_a_mask_has_the_name_of_the_box_that_it_fills(self):
        masks = np.stack([square(0, 0, 20), square(30, 30, 20)])
        boxes = [Box("cat", 0.9, (29, 29, 51, 51)), Box("cup", 0.8, (0, 0, 20, 20))]
        assert name_masks(masks, boxes, 0.5) == ["cup", "cat"]

    def test_a_box_names_one_mask_that_which_fits_it_best(self):
        masks = np.stack([square(0, 0, 18), square(0, 0, 20)])
        assert name_masks(masks, [Box("cat", 0.9, (0, 0, 20, 20))], 0.5) == [None, "cat"]

    def test_a_mask_that_no_box_fits_has_none(self):
        assert name_masks(square(0, 0, 10)[None], [Box("cat", 0.9, (20, 20, 60, 60))], 0.5) == [None]
        assert name_masks(np.zeros((0, 8, 8), bool), [Box("cat", 0.9, (0, 0, 8, 8))], 0.5) == []

    def test_boxes_are_measured_as_the_pixels_lie(self):
        assert bounds(square(3, 5, 7)) == (5, 3, 12, 10)
        assert bounds(np.zeros((4, 4), bool)) == (0, 0, 0, 0)
        assert iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2], [5.0, 5, 6, 6]])).tolist() == [[1 / 3, 0]]


class TestRegions:
    def test_named_masks_are_taken_before_others_and_people_come_first(self):
        found = masks_of(square(0, 0, 30), square(40, 0, 20), square(40, 40, 20))
        boxes = [Box("cup", 0.9, (0, 40, 20, 60)), Box("person", 0.8, (40, 40, 60, 60))]
        regions = choose_regions(found, boxes, 0.5).regions
        assert [region.object for region in regions] == ["person", "object", "cup"]
        assert [region.supercategory for region in regions] == ["person", "other", "kitchen"]

    def test_of_two_that_overlap_the_named_one_is_kept(self):
        found = masks_of(square(0, 0, 21), square(0, 0, 20))
        regions = choose_regions(found, [Box("cat", 0.9, (0, 0, 20, 20))], 0.5)
        assert [region.object for region in regions.regions] == ["cat"]
        assert regions.dropped == (OVERLAPS,)

    def test_what_is_too_small_too_thin_or_everything_is_left_out_with_the_reason(self):
        line = np.zeros((64, 64), bool)
        line[:, 5] = True
        regions = choose_regions(masks_of(square(0, 0, 2), line, square(0, 0, 64)), [], 0.5)
        assert regions.regions == ()
        assert set(regions.dropped) == {"it is too small", "it is too thin", "it covers the whole image"}

    def test_an_image_of_a_hundred_parts_has_so_many_regions_and_no_more(self):
        parts = [square(row, column, 6) for row in range(0, 60, 8) for column in range(0, 60, 8)]
        regions = choose_regions(masks_of(*parts), [], 0.5)
        assert len(regions.regions) == MAX_REGIONS
        assert regions.dropped.count("the image has enough regions") == len(parts) - MAX_REGIONS


def test_the_segmenter_finds_the_same_masks_again_and_nothing_is_no_error(models):
    segmenter = EverythingSegmenter(models[0])
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    found = segmenter.masks(image)
    assert found.masks.shape[1:] == (64, 64)
    assert len(found.scores) == len(found.masks) > 0
    assert (segmenter.masks(image).masks == found.masks).all()
    segmenter._generate._forward_params["pred_iou_thresh"] = 2.0
    assert segmenter.masks(image).masks.shape == (0, 64, 64)


@pytest.fixture(scope="module")
def built(ugly_photographs, models, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "dataset"
    code, printed = command(
        *("build", "--images", str(ugly_photographs), "--out", str(out), "--regions", "automatic"),
        *("--segmenter", models[0], "--detector", models[1], "--size", "64", "--generators", "sd2,glide"),
        *("--unedited", "1", "--workers", "1"),
    )
    return out, code, printed


def test_a_folder_of_ugly_photographs_becomes_a_dataset(built):
    out, code, printed = built
    assert code == 0, printed
    rows = [row for split in load_dataset(str(out), "classification").values() for row in split]
    assert sum(row["label"] == 1 for row in rows) == 8
    assert sum(row["label"] == 0 for row in rows) == 1
    for row in load_dataset(str(out), "edits", split="train"):
        assert row["edits"][0]["object"]
        assert row["edits"][0]["prompt"]


def test_each_file_that_was_left_out_is_named_with_its_reason(built):
    out, _, printed = built
    for name in LEFT_OUT:
        assert name in printed
    with open(f"{out}-run/skipped.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == LEFT_OUT
    assert all(row["reason"] for row in rows)


def test_a_turned_photograph_stands_upright(ugly_photographs):
    turned = decode_square((ugly_photographs / "turned.jpg").read_bytes(), 48).astype(int)
    straight = decode_square((ugly_photographs / "phone.HEIC").read_bytes(), 48).astype(int)
    assert np.abs(turned - straight).mean() < 12


def test_without_the_extra_a_phones_photograph_is_named_with_what_to_install(ugly_photographs, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UnusablePicture, match=r"pip install 'diffseg30k\[heif\]'"):
        decode_square((ugly_photographs / "phone.HEIC").read_bytes(), 48)


class TestARunWithoutAPlan:
    """A run directory is bound to its options once it has a plan, and not before."""

    @pytest.fixture
    def photographs(self, ugly_photographs, tmp_path):
        (tmp_path / "photographs").mkdir()
        for name in ("grey.png", "turned.jpg"):
            (tmp_path / "photographs" / name).write_bytes((ugly_photographs / name).read_bytes())
        return tmp_path / "photographs"

    def plan(self, run, images, models, *options):
        return command(
            *("plan", "--images", str(images), "--run", str(run), "--regions", "automatic"),
            *("--segmenter", models[0], "--detector", models[1], "--generators", "sd2,glide"),
            *options,
        )

    def test_options_can_be_put_right(self, photographs, models, tmp_path):
        code, printed = self.plan(tmp_path / "run", tmp_path / "photograph", models, "--size", "64")
        assert code == 1
        code, printed = self.plan(tmp_path / "run", photographs, models, "--size", "48")
        assert code == 0, printed

    def test_base_images_of_other_options_are_made_anew(self, photographs, models, tmp_path):
        run = tmp_path / "run"
        assert self.plan(run, photographs, models, "--size", "64")[0] == 0
        (run / "plan.parquet").unlink()
        code, printed = self.plan(run, photographs, models, "--size", "48")
        assert code == 0, printed

        assert {decode_image(file.read_bytes()).shape for file in (run / "bases").iterdir()} == {(48, 48, 3)}

    def test_with_a_plan_they_hold(self, photographs, models, tmp_path):
        assert self.plan(tmp_path / "run", photographs, models, "--size", "64")[0] == 0
        code, printed = self.plan(tmp_path / "run", photographs, models, "--size", "48")
        assert code == 1
        assert "size was 64 and is now 48" in printed
