"""The counts of a dataset are those of the run that it was packed from."""

from collections import Counter

import pyarrow.parquet as pq
import pytest

from builder.dataset.stats import collect, configs_present, split_sizes
from builder.encoding.categories import supercategory
from builder.packing.pack import PackOptions, pack
from builder.run.bases import read_bases
from builder.run.records import read_record
from diffseg30k import CONFIGS, GENERATORS
from tests.run_factory import make_run

TURNS = (1, 2, 3)


@pytest.fixture(scope="module")
def stats(packed):
    return collect(str(packed))


@pytest.fixture(scope="module")
def records(run):
    return [
        read_record(run, base.image, turn) for base in read_bases(run) for turn in range(1, base.num_edits + 1)
    ]


def test_images_are_counted_by_turns_sources_and_licences(run, stats):
    bases = read_bases(run)
    assert stats.rows == len(bases)
    assert stats.turns == Counter(base.num_edits for base in bases)
    assert stats.sources == Counter(base.source for base in bases)
    assert stats.licenses == Counter(base.license for base in bases)
    assert stats.base_generators == {"kandinsky2.2": stats.sources["generated"]}
    assert stats.labels == {"real": stats.turns[0], "edited": len(bases) - stats.turns[0]}
    assert not stats.with_originals


def test_edits_are_counted_by_generator_and_turn_and_type_and_object(records, stats):
    expected = {
        generator: tuple(
            sum((one.generator, one.turn) == (generator, turn) for one in records) for turn in (1, 2, 3)
        )
        for generator in GENERATORS
    }
    assert stats.edits_by_turn == expected
    assert stats.edit_types == Counter(record.edit_type for record in records)
    assert stats.objects == Counter(record.object for record in records)
    assert stats.compositing == Counter(record.compositing for record in records)
    assert sum(stats.supercategories.values()) == len(records)
    assert {(one.generator, one.checkpoint): one.edits for one in stats.checkpoints} == Counter(
        (record.generator, record.checkpoint) for record in records
    )


def test_mask_areas_fall_into_equal_bins(records, stats):
    assert stats.mask_areas == tuple(
        sum(low / 20 <= record.mask_area < (low + 1) / 20 for record in records) for low in range(20)
    )


def test_splits_are_counted_as_their_filters_leave_them(packed, stats):
    for config, splits in stats.configs.items():
        view = CONFIGS[config]
        for split, size in splits.items():
            shards = [shard for place in view.splits[split] for shard in (packed / place).glob("*.parquet")]
            assert size.rows == sum(pq.read_table(shard, filters=view.filters).num_rows for shard in shards)
            assert size.num_bytes > 0
    assert set(stats.configs) == set(CONFIGS) - {"semantic-lora", "pairs"}
    assert split_sizes(str(packed)) == stats.configs


def test_the_configs_name_the_folders_that_are_there(packed, stats):
    present = configs_present(str(packed))
    assert {name: list(splits) for name, splits in present.items()} == {
        name: list(splits) for name, splits in stats.configs.items()
    }
    assert all(
        (packed / place).is_dir() for splits in present.values() for found in splits.values() for place in found
    )


def test_rows_of_a_lora_run_count_apart(packed, tmp_path):
    lora = make_run(tmp_path / "lora", images=4, prefix="lora", kinds=[("sdxl",)], lora="hyper-sd")
    pack(lora.url, str(tmp_path / "out"), PackOptions(lora=True, with_originals=True, progress=False))
    stats = collect(str(tmp_path / "out"))
    assert list(stats.configs) == ["semantic-lora"]
    assert stats.configs["semantic-lora"]["validation"].rows == 4
    assert sum(stats.edits_by_turn["sdxl"]) == 0
    assert [(one.lora, one.edits) for one in stats.checkpoints] == [("hyper-sd", 4)]


def test_counting_reads_no_image(run, tmp_path):
    # Were an image read, its missing bytes would be an error.
    pack(run.url, str(tmp_path / "out"), PackOptions(progress=False))
    shard = next((tmp_path / "out/data/train/edited").glob("*.parquet"))
    column = pq.read_metadata(shard).row_group(0).column(1)
    assert column.path_in_schema == "image.bytes"
    data = bytearray(shard.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 100] = bytes(100)
    shard.write_bytes(data)
    with pytest.raises(OSError, match=r"."):
        pq.read_table(shard)
    assert collect(str(tmp_path / "out")).rows == len(read_bases(run))


def test_a_folder_without_shards_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no shards"):
        collect(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("person", "person"),
        ("a tall woman", "person"),
        ("cars", "vehicle"),
        ("hot dog", "food"),
        ("dog", "animal"),
        ("two red Buses", "vehicle"),
        ("wine glass", "kitchen"),
        ("violin", "other"),
        ("carpet", "other"),
        ("", "other"),
    ],
)
def test_objects_have_the_supercategories_of_coco(name, group):
    assert supercategory(name) == group
