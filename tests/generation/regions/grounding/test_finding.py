"""Named objects to boxes and masks, by the real classes with tiny weights."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from builder.run.planned_edit import encode_region
from generation.checkpoints.checkpoint import CheckpointError
from generation.regions.annotations import MAX_AREA, MAX_IOU, MIN_AREA
from generation.regions.grounding.detector import MAX_BOXES, Box, Detector
from generation.regions.grounding.proposer import Finder
from generation.regions.grounding.segmenter import Segmenter
from generation.vlm.replies import NamedObject

OBJECTS = (NamedObject("traffic light", "outdoor"), NamedObject("cup", "kitchen"), NamedObject("woman", "person"))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.array(Image.fromarray(data.astronaut()).resize((96, 96)))


@pytest.fixture(scope="module")
def detector(models):
    return Detector(models.detector)


def test_boxes_are_sorted_by_score_and_lie_on_the_image(detector, image):
    boxes = detector.boxes(image, ["traffic light", "cup", "person"], 0.2)
    assert 0 < len(boxes) <= MAX_BOXES
    assert [box.score for box in boxes] == sorted((box.score for box in boxes), reverse=True)
    assert all(box.score >= 0.2 for box in boxes)
    for left, top, right, bottom in (box.corners for box in boxes):
        assert 0 <= left <= right <= 96
        assert 0 <= top <= bottom <= 96


def test_boxes_and_scores_are_those_of_the_library_s_own_reading(detector, image):
    import torch

    processor, model = detector._processor, detector._model
    inputs = processor(images=Image.fromarray(image), text=[["cup"]], return_tensors="pt")
    with torch.inference_mode():
        outputs = model(**inputs)
    (theirs,) = processor.post_process_grounded_object_detection(outputs, target_sizes=[(96, 96)], threshold=0.3)
    cup = inputs["input_ids"][0].tolist().index(processor.tokenizer.convert_tokens_to_ids("cup"))
    by_word = outputs.logits[0, :, cup].sigmoid()
    ours = detector.boxes(image, ["cup"], 0.0)
    found = {tuple(round(corner, 2) for corner in box) for box in theirs["boxes"].clamp(0, 96).tolist()}
    assert {tuple(round(corner, 2) for corner in box.corners) for box in ours if box.score >= 0.5} <= found
    assert [box.score for box in ours] == pytest.approx(by_word.sort(descending=True).values[:MAX_BOXES].tolist())


def test_a_mask_has_the_image_s_size_and_follows_its_box(models, image):
    segmenter = Segmenter(models.segmenter)
    boxes = [Box("cup", 0.9, (5.0, 5.0, 40.0, 40.0)), Box("cup", 0.9, (50.0, 40.0, 90.0, 90.0))]
    both = segmenter.masks(image, boxes)
    assert (both.shape, both.dtype) == ((2, 96, 96), bool)
    assert (both[0] != both[1]).any()
    assert np.array_equal(segmenter.masks(image, boxes[1:])[0], both[1])


def test_regions_are_usable_distinct_and_people_come_first(models, image):
    found = Finder(models).find(image, OBJECTS)
    assert found.regions
    assert [region.is_person for region in found.regions] == sorted(
        (region.is_person for region in found.regions), reverse=True
    )
    assert all(MIN_AREA <= region.area <= MAX_AREA for region in found.regions)
    masks = [decoded(region.mask) for region in found.regions]
    for place, mask in enumerate(masks):
        for other in masks[:place]:
            assert (mask & other).sum() / (mask | other).sum() <= MAX_IOU
    assert {region.object for region in found.regions} <= {one.name for one in OBJECTS}
    assert set(found.dropped) <= {
        "it is too small",
        "it is too thin",
        "it covers the whole image",
        "it overlaps a preferred region",
        "no box was found for it",
    }


def test_nothing_named_is_nothing_found(models, image):
    found = Finder(models).find(image, ())
    assert (found.regions, found.dropped) == ((), ())


def test_an_object_without_a_box_is_counted(models, image):
    import dataclasses

    found = Finder(dataclasses.replace(models, min_score=1.0)).find(image, OBJECTS)
    assert (found.regions, set(found.dropped)) == ((), {"no box was found for it"})


@pytest.mark.parametrize(("model", "said"), [(Detector, "Grounding DINO"), (Segmenter, "SAM")])
def test_a_checkpoint_of_something_else_is_named(model, said, models, tmp_path):
    wrong = models.segmenter if model is Detector else models.detector
    with pytest.raises(CheckpointError, match=f"is not a checkpoint of {said}"):
        model(wrong)
    with pytest.raises(CheckpointError, match=f"{said} .*nowhere"):
        model(str(tmp_path / "nowhere"))


def decoded(mask: str) -> np.ndarray:
    from pycocotools import mask as coco_mask

    return coco_mask.decode({"size": [96, 96], "counts": mask.encode()}).astype(bool)


def test_masks_survive_their_encoding(image):
    mask = image[..., 0] > 100
    assert np.array_equal(decoded(encode_region(mask)), mask)
