"""Label files of other tools become a COCO file, and what cannot be used is named."""

import json
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from generation.sources.photographs import read_coco
from tests.command import command

SIDE = 80


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    for name, picture in (("cat.jpg", data.chelsea()), ("sub/cup.png", data.coffee()), ("two.png", data.coffee())):
        Image.fromarray(picture).resize((SIDE, SIDE // 2)).save(folder / name)
    return folder


def labelme(folder: Path, name: str, image: str, *shapes: tuple[str, str, list]) -> None:
    folder.mkdir(exist_ok=True)
    content = {
        "version": "5.4.1",
        "imagePath": image,
        "imageWidth": SIDE,
        "imageHeight": SIDE // 2,
        "shapes": [{"label": label, "shape_type": kind, "points": points} for label, kind, points in shapes],
    }
    (folder / name).write_text(json.dumps(content))


def convert(tmp_path, images, labels="labels"):
    out = tmp_path / "instances.json"
    code, printed = command("labels", str(tmp_path / labels), "--images", str(images), "--out", str(out))
    return code, printed, out


def test_labelme_polygons_rectangles_and_circles_become_regions(images, tmp_path):
    shapes = (
        ("cat", "polygon", [[5, 5], [60, 5], [60, 35], [5, 35]]),
        ("red car", "rectangle", [[70, 30], [50, 10]]),
        ("cup", "circle", [[20, 20], [30, 20]]),
        ("road", "line", [[0, 0], [9, 9]]),
    )
    labelme(tmp_path / "labels", "cat.json", "..\\images\\cat.jpg", *shapes)
    code, printed, out = convert(tmp_path, images)
    assert code == 0, printed
    assert "left out: cat.json: shape 4 (road) is a line, which outlines nothing" in printed
    (photograph,) = read_coco(str(images), str(out)).photographs
    assert [each.category for each in photograph.annotations] == ["cat", "red car", "cup"]
    assert [each.supercategory for each in photograph.annotations] == ["animal", "vehicle", "kitchen"]
    assert photograph.annotations[1].segmentation == [[50, 10, 70, 10, 70, 30, 50, 30]]


def test_yolo_outlines_are_scaled_and_named(images, tmp_path):
    (tmp_path / "data.yaml").write_text("names:\n  0: cat\n  1: dining table\n")
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "cat.txt").write_text("0 0.1 0.1 0.9 0.1 0.9 0.9\n1 0.5 0.5 0.2 0.2\n\n7 0 0 1 0 1 1\n")
    code, printed, out = convert(tmp_path, images)
    assert code == 0, printed
    assert "line 2 is a box, not an outline: export segmentation labels" in printed
    assert "line 4 is not a class and corners" in printed
    (photograph,) = read_coco(str(images), str(out)).photographs
    assert photograph.annotations[0].category == "cat"
    assert photograph.annotations[0].segmentation == [pytest.approx([8, 4, 72, 4, 72, 36])]


def test_an_image_that_is_not_there_is_named(images, tmp_path):
    labelme(tmp_path / "labels", "a.json", "gone.jpg", ("cat", "polygon", [[5, 5], [60, 5], [60, 35]]))
    labelme(tmp_path / "labels", "b.json", "cup.png", ("cup", "polygon", [[5, 5], [60, 5], [60, 35]]))
    (tmp_path / "labels" / "c.json").write_text("{}")
    code, printed, out = convert(tmp_path, images)
    assert code == 0, printed
    assert "left out: a.json: its image gone.jpg is not in" in printed
    assert "left out: c.json: it is no file of Labelme" in printed
    assert [each.file_name for each in read_coco(str(images), str(out)).photographs] == ["cup.png"]


def test_without_names_of_classes_it_says_where_they_belong(images, tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "cat.txt").write_text("0 0.1 0.1 0.9 0.1 0.9 0.9\n")
    code, printed, out = convert(tmp_path, images)
    assert code == 1
    assert "put data.yaml or classes.txt into" in printed
    assert not out.exists()


def test_a_folder_without_labels_is_an_error(images, tmp_path):
    (tmp_path / "labels").mkdir()
    code, printed, _ = convert(tmp_path, images)
    assert code == 1
    assert "holds no label files" in printed


def test_the_converted_file_builds_a_dataset(images, tmp_path):
    for name in ("cat.jpg", "cup.png", "two.png"):
        outline = ("cup", "polygon", [[20, 5], [60, 5], [60, 35], [20, 35]])
        labelme(tmp_path / "labels", f"{Path(name).stem}.json", name, outline)
    code, printed, out = convert(tmp_path, images)
    assert code == 0, printed
    code, printed = command(
        *("plan", "--images", str(images), "--annotations", str(out), "--run", str(tmp_path / "run")),
        *("--size", "64", "--generators", "sd2", "--unedited", "0"),
    )
    assert code == 0, printed
    assert "edited: 3 images" in printed
