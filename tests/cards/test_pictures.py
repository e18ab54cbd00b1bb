"""The figures and the picture of examples."""

import dataclasses
import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from builder.dataset.directory import DatasetDirectory
from builder.encoding.images import decode_image, decode_mask
from cards.examples import Example, ExampleEdit, choose, draw_examples
from cards.figures import draw_statistics
from diffseg30k import GENERATORS, PALETTE, label_value


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))


def share(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((picture == colour).all(axis=-1).mean())


# ── Statistics ────────────────────────────────────────────────────────────────────────────────────


def test_generators_are_drawn_in_the_colours_of_their_masks(stats):
    used = {"sd2", "glide"}
    turns = {generator: (40, 30, 50) if generator in used else (0, 0, 0) for generator in GENERATORS}
    picture = pixels(draw_statistics(dataclasses.replace(stats, edits_by_turn=turns)))
    for generator in GENERATORS:
        assert (share(picture, PALETTE[label_value(generator)]) > 0.001) == (generator in used), generator


def test_a_bar_is_as_high_as_its_count(stats):
    turns = dict.fromkeys(GENERATORS, (0, 0, 0)) | {"sd2": (100, 0, 0), "sd3.5": (50, 0, 0)}
    picture = pixels(draw_statistics(dataclasses.replace(stats, edits_by_turn=turns)))
    high, low = (
        np.nonzero((picture == PALETTE[label_value(name)]).all(axis=-1).any(axis=1))[0]
        for name in ("sd2", "sd3.5")
    )
    assert len(low) / len(high) == pytest.approx(0.5, abs=0.02)
    assert high[-1] == pytest.approx(low[-1], abs=1)


def test_what_is_not_known_leaves_its_panel_empty(stats):
    unknown = dataclasses.replace(
        stats,
        turns=dict.fromkeys(stats.turns, 0),
        sources=dict.fromkeys(stats.sources, 0),
        edits_by_turn=dict.fromkeys(stats.edits_by_turn, (0, 0, 0)),
        objects={},
        supercategories={},
        mask_areas=(0,) * len(stats.mask_areas),
    )
    full, empty = pixels(draw_statistics(stats)), pixels(draw_statistics(unknown))
    assert full.shape == empty.shape
    assert (empty < 250).any(axis=-1).mean() < 0.3 * (full < 250).any(axis=-1).mean()


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")  # the font has no Chinese
def test_names_of_any_kind_are_drawn(stats):
    odd = {"$x^2$ and {": 5, "ein sehr langer Name für ein Ding im Bild": 3, "猫": 2, "a\nb": 1}
    many = {f"thing {index}": 40 - index for index in range(40)}
    for objects in (odd, many):
        draw_statistics(dataclasses.replace(stats, objects=objects, supercategories=objects))


def test_thirty_thousand_rows_fit_as_well(stats):
    turns = dict.fromkeys(GENERATORS, (3750, 3375, 1875))
    picture = pixels(draw_statistics(dataclasses.replace(stats, edits_by_turn=turns)))
    assert picture.shape[1] == 1350


# ── Examples ──────────────────────────────────────────────────────────────────────────────────────


def rows_of(dataset) -> list[dict]:
    shards = sorted(dataset.glob("data/*/*/*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def test_examples_show_many_turns_each_of_another_photograph(dataset):
    examples = choose(DatasetDirectory(str(dataset)))
    by_image = {decode_image(row["image"]["bytes"]).tobytes(): row for row in rows_of(dataset)}
    rows = [by_image[example.image.tobytes()] for example in examples]
    assert len({row["base"]["id"] for row in rows}) == len(rows) == 6
    assert all(row["num_edits"] == 3 for row in rows)


def test_an_example_is_what_its_row_holds(dataset):
    by_image = {decode_image(row["image"]["bytes"]).tobytes(): row for row in rows_of(dataset)}
    for example in choose(DatasetDirectory(str(dataset))):
        row = by_image[example.image.tobytes()]
        assert np.array_equal(example.original, decode_image(row["original"]["bytes"]))
        for shown, edit in zip(example.edits, row["edits"], strict=True):
            assert label_value(shown.generator) == edit["generator"]
            assert edit["object"] in shown.text
            assert np.array_equal(shown.mask, decode_mask(edit["mask"]["bytes"]) > 0)


def test_examples_show_every_generator_where_the_rows_allow(plain_dataset):
    examples = choose(DatasetDirectory(str(plain_dataset)), count=6)
    assert all(example.original is None for example in examples)
    assert {edit.generator for example in examples for edit in example.edits} >= {"sdxl"}


def square(side: int, generator: str = "sdxl") -> Example:
    """A grey picture with a square in its upper left quarter edited to black."""
    mask = np.zeros((side, side), bool)
    mask[: side // 2, : side // 2] = True
    original = np.full((side, side, 3), 128, np.uint8)
    result = original.copy()
    result[mask] = 0
    return Example(result, original, (ExampleEdit(generator, "removal: square", mask),))


def test_a_line_shows_base_result_and_masks_with_the_region_in_red():
    picture = pixels(draw_examples([square(128)]))
    grey = np.nonzero((picture == 128).all(axis=-1).any(axis=0))[0]
    red = (picture == (255, 0, 0)).all(axis=-1)
    third = picture.shape[1] // 5
    assert red[:, :third].any(), "the base image shows the region"
    assert not red[:, third : 2 * third].any(), "the result is shown as it is"
    assert share(picture[:, third : 2 * third], (0, 0, 0)) > 0.1
    assert share(picture[:, 2 * third : 3 * third], PALETTE[label_value("sdxl")]) > 0.1
    assert grey[-1] < 2 * third


def test_a_region_at_the_border_is_outlined_on_all_sides():
    picture = pixels(draw_examples([square(128)]))
    line = (picture == (255, 0, 0)).all(axis=-1)
    assert line.sum(axis=0).max() > 100, "an upright side"
    assert line.sum(axis=1).max() > 100, "a level side"


def test_without_the_base_image_the_result_stands_for_itself():
    example = dataclasses.replace(square(128), original=None)
    picture = pixels(draw_examples([example]))
    fifth = picture.shape[1] // 5
    red = (picture == (255, 0, 0)).all(axis=-1)
    assert not red[:, :fifth].any()
    assert red[:, fifth : 2 * fifth].any()
    for column in (0, 1):
        assert share(picture[:, column * fifth : (column + 1) * fifth], (0, 0, 0)) > 0.1


def test_every_example_is_a_line():
    one, three = (pixels(draw_examples([square(64)] * count)) for count in (1, 3))
    assert one.shape[1] == three.shape[1]
    assert three.shape[0] > 2.5 * one.shape[0]
