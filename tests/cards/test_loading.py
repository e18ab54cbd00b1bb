"""With the card, `load_dataset("diffseg30k", CONFIG)` loads every config from the folder above."""

import json
import subprocess
import sys
from pathlib import Path

import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.checks.card import check_card
from builder.dataset.directory import DatasetDirectory
from cards.metadata import config_features
from diffseg30k import CONFIGS, GROUPS, SIDES, folder


@pytest.fixture(scope="module")
def loaded(dataset, tmp_path_factory) -> dict:
    """What a process that imports nothing of ours gets, by config and split."""
    script = Path(__file__).parent / "load_configs.py"
    cache = tmp_path_factory.mktemp("cache")
    command = [sys.executable, str(script), str(cache)]
    done = subprocess.run(command, cwd=dataset.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def rows_by_folder(dataset) -> dict[str, list[dict]]:
    """The rows as pyarrow reads them, without images, by folder of shards."""
    columns = ["id", "label", "heldout_flux_hunyuan", "heldout_sd2_sd35", "heldout_glide_kolors"]
    found: dict[str, list[dict]] = {}
    for side in SIDES:
        for group in GROUPS:
            shards = sorted((dataset / folder(side, group)).glob("*.parquet"))
            tables = [pq.read_table(shard, columns=columns) for shard in shards]
            found[folder(side, group)] = pa.concat_tables(tables).to_pylist() if tables else []
    return found


def test_every_config_is_there(loaded):
    assert set(loaded["configs"]) == set(CONFIGS)
    assert loaded["default"] == list(CONFIGS["semantic"].columns)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_has_its_columns_and_the_same_rows_streaming_and_not(loaded, config):
    splits = loaded["configs"][config]
    assert set(splits) == set(CONFIGS[config].splits)
    for found in splits.values():
        assert set(found["columns"]) == set(config_features(CONFIGS[config], with_originals=True))
        assert found["whole"]
        assert found["whole"] == found["streamed"]
        assert found["counted"] == found["promised"] == len(found["whole"])


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_has_the_rows_of_its_folders_that_pass_its_filter(loaded, rows_by_folder, config):
    view = CONFIGS[config]
    for split, places in view.splits.items():
        rows = [row for place in places for row in rows_by_folder[place]]
        wanted = {row["id"] for row in rows if view.filter_column is None or row[view.filter_column]}
        found = [row["id"] for row in loaded["configs"][config][split]["whole"]]
        assert len(found) == len(set(found))
        assert set(found) == wanted
    if view.filter_column:
        every = [row for places in view.splits.values() for place in places for row in rows_by_folder[place]]
        assert any(not row[view.filter_column] for row in every), "the filter has nothing to do"


def test_masks_load_as_palette_pictures(loaded):
    for row in loaded["configs"]["semantic"]["train"]["whole"]:
        assert row["semantic_mask"][0] == "P"
        assert row["semantic_mask"][1:3] == row["image"][1:3]


def test_the_card_keeps_what_verify_checks(dataset, plain_dataset):
    assert list(check_card(DatasetDirectory(str(dataset)))) == []
    assert list(check_card(DatasetDirectory(str(plain_dataset)))) == []


def test_polars_reads_the_shards_as_the_card_says(dataset):
    text = (dataset / "README.md").read_text()
    pattern = text.split('polars.scan_parquet("diffseg30k/')[1].split('"')[0]
    rows = polars.scan_parquet(dataset / pattern).select(polars.len()).collect().item()
    assert f"{rows} rows" in text
