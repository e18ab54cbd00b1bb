"""The dataset card: metadata that the Hub and `datasets` understand, and a text that agrees with the dataset."""

import dataclasses
import shutil
from pathlib import Path

import datasets
import pytest
import yaml
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard

from builder.dataset.manifest import MANIFEST, Version
from builder.dataset.stats import CheckpointCount, collect
from cards.card import card_text, write_card
from cards.metadata import size_category
from diffseg30k import CITATION, CONFIGS, GENERATOR_NAMES, features

REAL = (
    CheckpointCount("sd2", "sd2-community/stable-diffusion-2-inpainting@main", None, 30),
    CheckpointCount("sdxl", "someone/sdxl-finetuned@main", "watercolour", 20),
    CheckpointCount("kandinsky2.2", "folder/kandinsky", None, 12),
)


@pytest.fixture(scope="module")
def card(dataset) -> DatasetCard:
    return DatasetCard.load(dataset / "README.md")


def front_matter(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


# ── Metadata ──────────────────────────────────────────────────────────────────────────────────────


def test_datasets_reads_the_configs_and_their_sizes(card, stats):
    configs = MetadataConfigs.from_dataset_card_data(card.data)
    infos = DatasetInfosDict.from_dataset_card_data(card.data)
    assert list(configs) == list(infos) == list(CONFIGS)
    assert configs.get_default_config_name() == "semantic"
    for name, info in infos.items():
        every = features(with_originals=True)
        assert info.features == datasets.Features({one: every[one] for one in CONFIGS[name].columns or every})
        assert {split.name: split.num_examples for split in info.splits.values()} == {
            split: size.rows for split, size in stats.configs[name].items()
        }
        assert info.dataset_size == sum(split.num_bytes for split in info.splits.values()) > 0


def test_download_size_is_that_of_the_shards_that_a_config_reads(card, dataset):
    for info in card.data.to_dict()["dataset_info"]:
        places = {place for places in CONFIGS[info["config_name"]].splits.values() for place in places}
        shards = [shard for place in places for shard in (dataset / place).glob("*.parquet")]
        assert info["download_size"] == sum(shard.stat().st_size for shard in shards)


def test_only_folders_with_shards_are_listed(dataset, plain_dataset):
    for place in (dataset, plain_dataset):
        for config in front_matter((place / "README.md").read_text())["configs"]:
            for files in config["data_files"]:
                assert all(list(place.glob(pattern)) for pattern in files["path"])


def test_configs_that_can_have_no_rows_are_left_out(plain_dataset):
    names = {
        config["config_name"] for config in front_matter((plain_dataset / "README.md").read_text())["configs"]
    }
    assert "semantic" in names
    assert not names & {"pairs", "semantic-lora"}


def test_the_hub_can_search_it(card):
    assert card.data.task_categories == ["image-segmentation", "image-classification"]
    assert card.data.size_categories == ["n<1K"]
    assert card.data.pretty_name == "DiffSeg30k"
    assert card.data.language == ["en"]


@pytest.mark.parametrize(
    ("rows", "category"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (30_000, "10K<n<100K"), (20_000_000, "n>10M")],
)
def test_size_categories_are_the_hubs(rows, category):
    assert size_category(rows) == category


def test_metadata_repeats_no_part_by_reference(dataset):
    text = (dataset / "README.md").read_text().split("---\n")[1]
    assert "&id" not in text
    assert "*id" not in text


# ── Text ──────────────────────────────────────────────────────────────────────────────────────────


def test_every_column_and_field_is_explained(card):
    described = card.text.split("### Columns")[1].split("###")[0]
    for name, feature in features(with_originals=True).items():
        fields = feature.feature if isinstance(feature, datasets.List) else feature
        names = [f"{name}.{one}" for one in fields] if isinstance(fields, dict) else [name]
        for one in names:
            assert f"`{one}`" in described, one


def test_the_text_says_what_the_shards_hold(card, stats):
    for name, splits in stats.configs.items():
        line = next(line for line in card.text.splitlines() if line.startswith(f"| `{name}`"))
        for split, size in splits.items():
            assert f"{split} {size.rows}" in line
    for generator, turns in stats.edits_by_turn.items():
        counts = " | ".join(map(str, turns))
        assert f"| `{generator}` | {GENERATOR_NAMES[generator]} | {sum(turns)} | {counts} |" in card.text
    assert f"{stats.rows} rows in {stats.shards} shards" in card.text
    assert CITATION in card.text


def test_tables_are_tables(card):
    lines = card.text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("| ---"):
            columns = line.count("|")
            assert lines[index - 1].count("|") == columns
            rows = lines[index + 1 :]
            table = rows[: next(i for i, row in enumerate(rows) if not row.startswith("|"))]
            assert table
            assert all(row.count("|") == columns for row in table), table


def test_originals_are_explained_only_where_they_are(card, plain_dataset):
    assert "| `original` |" in card.text
    assert "| `original` |" not in (plain_dataset / "README.md").read_text()


def test_tiny_checkpoints_are_said_loudly_before_anything_else(card):
    warning = card.text.strip().split("\n\n")[2]
    assert warning.startswith("> [!WARNING]")
    assert "All 66 edits were" in warning
    assert "trained **for minutes" in warning


def test_a_dataset_by_real_checkpoints_carries_no_such_warning(stats):
    text = card_text(dataclasses.replace(stats, checkpoints=REAL))
    assert "tiny" not in text
    assert "WARNING" not in text


def test_where_some_checkpoints_are_tiny_it_says_how_many_edits_they_made(stats):
    mixed = (*REAL, CheckpointCount("flux.1", "tiny/flux.1", None, 1000))
    text = card_text(dataclasses.replace(stats, checkpoints=mixed))
    assert "1,000 of the 1,062 edits were" in text


def test_the_licence_of_the_weights_is_listed(stats):
    text = card_text(dataclasses.replace(stats, checkpoints=REAL))
    assert "`sd2-community/stable-diffusion-2-inpainting@main` | [CreativeML Open RAIL++-M](https://" in text
    assert (
        "with LoRA `watercolour` | [as its page says](https://huggingface.co/someone/sdxl-finetuned) | 20" in text
    )
    assert "| `folder/kandinsky` | not stated | 12 |" in text
    assert "also subject to the licence of its weights" in text


def test_classes_without_edits_are_named(stats, plain_dataset):
    text = (plain_dataset / "README.md").read_text()
    assert "There is no edit by" in text
    limits = next(line for line in text.splitlines() if "There is no edit by" in line)
    assert "GLIDE" in limits
    assert "There is no edit by" not in card_text(stats)


def test_quality_scores_are_told(stats):
    unscored = dataclasses.replace(stats, scored=0, mean_quality=None)
    assert "No image was scored" in card_text(dataclasses.replace(unscored, measured=0))
    measured = card_text(dataclasses.replace(unscored, measured=1234))
    assert "No VLM judged the images. The edits of 1,234 images were measured" in measured
    assert "No image was scored" not in measured
    scored = card_text(dataclasses.replace(stats, scored=1234, mean_quality=3.456))
    assert "1,234 images were scored from 0 to 5, on average 3.46" in scored


def test_a_dataset_whose_edits_are_not_known_has_a_card_too(stats):
    """The published archives hold images and masks, and nothing of the edits."""
    unknown = dataclasses.replace(
        stats,
        edits_by_turn=dict.fromkeys(stats.edits_by_turn, (0, 0, 0)),
        edit_types=dict.fromkeys(stats.edit_types, 0),
        objects={},
        supercategories={},
        compositing={},
        checkpoints=(),
        licenses={None: stats.rows},
    )
    text = card_text(unknown)
    assert "WARNING" not in text
    assert "There is no edit by" not in text
    assert "| not stated |" in text
    assert "The rows were imported as images and masks." in text
    assert "Every edit comes with" not in text
    assert "| 8 | `kandinsky2.2` | Kandinsky 2.2 |\n" in text


@pytest.mark.parametrize("with_examples", [True, False])
def test_paragraphs_are_apart_by_one_empty_line(stats, with_examples):
    first = Version("v1.0", "2026-11-25", 1234, 12, None, 1234, 0, 0)
    for checkpoints, versions in ((REAL, ()), (stats.checkpoints, (first,)), ((), (first, first))):
        counted = dataclasses.replace(stats, checkpoints=checkpoints)
        text = card_text(counted, with_examples=with_examples, versions=versions)
        body = text.split("---\n", 2)[2]
        assert "\n\n\n" not in body
        lines = body.splitlines()
        starts = [index for index, line in enumerate(lines) if line.startswith("#") and index]
        assert all(lines[index - 1] == lines[index + 1] == "" for index in starts if lines[index][1] in "# ")


# ── Files ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_pictures_that_the_text_shows_are_there(card, dataset):
    shown = [part.split(")")[0] for part in card.text.split("](")[1:]]
    pictures = [path for path in shown if path.endswith(".png")]
    assert pictures == ["figures/examples.png", "figures/statistics.png"]
    assert all((dataset / path).is_file() for path in pictures)


def test_written_twice_it_is_the_same_bytes(dataset, tmp_path):
    copy = tmp_path / "diffseg30k"
    shutil.copytree(dataset / "data", copy / "data")
    shutil.copy(dataset / MANIFEST, copy)
    write_card(str(copy))
    assert card_files(copy) == card_files(dataset)


def card_files(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_pictures_may_come_from_another_dataset_than_the_counts(dataset, plain_dataset, tmp_path):
    copy = tmp_path / "diffseg30k"
    shutil.copytree(dataset / "data", copy / "data")
    write_card(str(copy), pictures_from=str(plain_dataset))
    ours, theirs, mixed = card_files(dataset), card_files(plain_dataset), card_files(copy)
    assert mixed["figures/statistics.png"] == ours["figures/statistics.png"]
    assert mixed["figures/examples.png"] == theirs["figures/examples.png"]
    assert collect(str(copy)) == collect(str(dataset))


def test_a_folder_without_shards_is_an_error_and_gets_no_card(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no shards"):
        write_card(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
