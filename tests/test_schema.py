"""`diffseg30k.py`, as a class on today's `datasets`: the same rows as by name, for every config."""

import os

import numpy as np
import PIL.Image
import pytest
from datasets import Image, load_dataset

from builder.packing.pack import PackOptions, pack
from cards.card import write_card
from diffseg30k import (
    CLASS_NAMES,
    CONFIGS,
    GENERATOR_NAMES,
    GENERATORS,
    HELD_OUT_COLUMNS,
    PALETTE,
    DiffSeg30k,
    features,
    label_value,
)
from tests.run_factory import make_run


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    run = make_run(folder / "run")
    lora = make_run(folder / "lora", images=4, kinds=(("sdxl",),), prefix="lora", lora="watercolour")
    pack(run.url, str(folder / "diffseg30k"), PackOptions(with_originals=True, progress=False))
    pack(lora.url, str(folder / "diffseg30k"), PackOptions(with_originals=True, lora=True, progress=False))
    write_card(str(folder / "diffseg30k"))
    return folder / "diffseg30k"


def plain(value):
    """A row, or what is in one, with arrays for pictures, so that rows can be compared."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return np.asarray(value).tobytes() if isinstance(value, PIL.Image.Image) else value


def rows_of(loaded) -> dict[str, list[dict]]:
    return {
        split: sorted((plain(row) for row in rows), key=lambda row: row["id"]) for split, rows in loaded.items()
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_the_class_gives_the_rows_that_the_card_s_config_gives(dataset, tmp_path, name):
    builder = DiffSeg30k(name, data_dir=str(dataset), cache_dir=str(tmp_path))
    builder.download_and_prepare()
    by_class = rows_of(builder.as_dataset())
    streamed = rows_of(builder.as_streaming_dataset())
    by_name = rows_of(load_dataset(str(dataset), name, cache_dir=str(tmp_path)))
    assert by_class == streamed == by_name
    assert all(by_class.values())


def test_masks_decode_to_the_class_ids_and_carry_the_palette(dataset):
    seen = set()
    for row in load_dataset(str(dataset), "semantic", split="train", streaming=True):
        assert row["semantic_mask"].mode == "P"
        assert row["semantic_mask"].size == row["image"].size
        assert tuple(row["semantic_mask"].getpalette()[: 3 * len(PALETTE)]) == tuple(np.ravel(PALETTE))
        seen |= set(np.unique(np.asarray(row["semantic_mask"])).tolist())
    assert seen == set(range(9))


def test_a_folder_without_shards_and_no_folder_at_all_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no shards of the config 'semantic'"):
        DiffSeg30k(data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache")).download_and_prepare()
    with pytest.raises(ValueError, match="data_dir is missing"):
        DiffSeg30k(cache_dir=str(tmp_path / "cache")).download_and_prepare()


def test_polars_and_duckdb_read_the_shards(dataset):
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    shards = os.path.join(str(dataset), "data", "*", "*", "*.parquet")
    frame = polars.scan_parquet(shards).select("id", "num_edits").collect()
    rows, edits = duckdb.sql(f"select count(*), sum(num_edits) from '{shards}'").fetchall()[0]
    assert (frame.height, frame["num_edits"].sum()) == (rows, edits)
    assert rows > 0


def test_a_generator_s_number_is_its_pixel_value():
    assert [label_value(generator) for generator in GENERATORS] == list(range(1, 9))
    assert len(PALETTE) == len(CLASS_NAMES) == 9
    assert set(GENERATOR_NAMES) == set(GENERATORS)
    with pytest.raises(ValueError, match="'dalle' is not a generator; the eight are sd2"):
        label_value("dalle")


def test_every_config_names_columns_of_the_schema():
    columns = features(with_originals=True)
    for view in CONFIGS.values():
        assert set(view.columns or ()) <= set(columns)
        assert view.filter_column in (None, *HELD_OUT_COLUMNS)
    assert isinstance(columns["edits"].feature["mask"], Image)
