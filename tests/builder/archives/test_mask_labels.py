"""Which pixel value of a foreign mask means which generator."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from builder.archives.mask_labels import MaskLabels, ValueCounts, read_labels, read_values
from diffseg30k import label_value

GREY = np.array([[0, 1, 1], [2, 0, 7]], np.uint8)


def png(picture, **options):
    out = io.BytesIO()
    picture.save(out, "PNG", **options)
    return out.getvalue()


def palette(values):
    picture = Image.fromarray(values).convert("L")
    indexed = Image.frombytes("P", picture.size, picture.tobytes())
    indexed.putpalette([255 - index // 3 for index in range(768)])
    return indexed


@pytest.mark.parametrize(
    "picture",
    [
        Image.fromarray(GREY),
        palette(GREY),
        Image.fromarray(np.dstack([GREY] * 3)),
        Image.fromarray(np.dstack([GREY] * 3 + [np.full_like(GREY, 255)])),
        Image.fromarray(GREY.astype(np.uint16)),
    ],
    ids=["grey", "palette", "equal channels", "equal channels with alpha", "16 bits"],
)
def test_levels_whatever_the_kind_of_png(picture):
    assert np.array_equal(read_values(png(picture)), GREY)


def test_one_bit():
    assert np.array_equal(read_values(png(Image.fromarray(GREY > 1))), GREY > 1)


def test_colours():
    pixels = np.array([[[0, 0, 0], [255, 0, 0]], [[0, 0, 1], [255, 0, 0]]], np.uint8)
    counts = ValueCounts()
    counts.add(read_values(png(Image.fromarray(pixels))))
    assert counts.pixels == {"#ff0000": 2, 0: 1, "#000001": 1}


def test_counting_shows_the_most_frequent_first():
    counts = ValueCounts()
    counts.add(read_values(png(Image.fromarray(GREY))))
    counts.add(np.zeros((2, 2), np.int64))
    assert [line.split() for line in counts.lines()] == [
        ["value", "masks", "pixels"],
        ["0", "2", "6"],
        ["1", "1", "2"],
        ["2", "1", "1"],
        ["7", "1", "1"],
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", json.dumps({"0": "background", "1": "kolors", "#FF0000": "sd3.5"})),
        ("labels.toml", '0 = "background"\n1 = "kolors"\n"#FF0000" = "sd3.5"\n'),
        ("labels.csv", "value,generator\n0,background\n1, kolors\n#FF0000,sd3.5\n"),
    ],
)
def test_a_labels_file(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_labels(tmp_path / name).classes == {
        0: 0,
        1: label_value("kolors"),
        "#ff0000": label_value("sd3.5"),
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.json", '{"1": "dall-e"}', "dall-e.*the generators are"),
        ("labels.json", '{"one": "sd2"}', "'one' is neither"),
        ("labels.json", '{"1": 3}', "stands for 3"),
        ("labels.json", "[1]", "is not a labels file"),
        ("labels.json", "{", "is not a labels file"),
        ("labels.toml", "1 =", "is not a labels file"),
        ("labels.csv", "1,sd2,3", "is not a labels file"),
    ],
)
def test_a_labels_file_that_makes_no_sense(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / name)


def test_a_labels_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no labels file"):
        read_labels(tmp_path / "labels.json")


def test_values_become_classes():
    labels = MaskLabels({1: 6, 2: 6, 7: 1})
    assert labels.to_classes(GREY.astype(np.int64)).tolist() == [[0, 6, 6], [6, 0, 1]]


def test_a_value_without_a_label_is_named():
    with pytest.raises(ValueError, match="mask value 2, 7 has no label"):
        MaskLabels({1: 6}).to_classes(GREY.astype(np.int64))
