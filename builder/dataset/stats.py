"""Counts the rows and edits of a packed dataset, for the card's figures and its `dataset_info`.

It reads only the columns that are counted, and no image.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.dataset.directory import DatasetDirectory, Shard, require_shards
from builder.encoding.categories import supercategory
from diffseg30k import (
    CLASS_NAMES,
    CONFIGS,
    EDIT_TYPES,
    GENERATORS,
    LABELS,
    LORA,
    MAX_TURNS,
    SOURCES,
    View,
)

MASK_AREA_BINS = 20


@dataclass(frozen=True)
class SplitSize:
    """What a split of a config holds.

    Attributes:
        rows: the rows left after the config's filter.
        num_bytes: the size of the config's columns of these rows, before compression.
    """

    rows: int
    num_bytes: int


@dataclass(frozen=True)
class CheckpointCount:
    """How many edits a checkpoint made.

    Attributes:
        generator: its short id.
        checkpoint: the weights: a Hub id with its revision, a folder, or the name of a tiny checkpoint.
        lora: the LoRA that it carried, or None.
    """

    generator: str
    checkpoint: str
    lora: str | None
    edits: int


@dataclass(frozen=True)
class Stats:
    """The counts of a dataset. What is counted over edits or images leaves the LoRA rows out.

    Attributes:
        rows: every row, the LoRA rows among them.
        shards: Parquet files.
        shard_bytes: their size together.
        folder_bytes: folder of shards (`data/train/edited`) to their size.
        with_originals: the rows carry their base images.
        configs: config to split to size, in the order of CONFIGS; only splits that have rows.
        groups: folder of shards (`data/train/edited`) to rows.
        labels: `real` and `edited` to images.
        turns: number of edits, 0 to 3, to images: Figure 3 (d).
        sources: `coco` and `generated` to images: Figure 3 (e).
        base_generators: the generators that made the `generated` bases, to images.
        edits_by_turn: generator to its edits at the first, second and third turn: Figure 3 (c). All eight.
        edit_types: edit type to edits; all three.
        objects: edited object to edits, most frequent first: Figure 3 (a).
        supercategories: the same by COCO supercategory; `other` for objects that belong to none.
        mask_areas: edits per bin of mask area, MASK_AREA_BINS equal bins from 0 to 1: Figure 3 (b).
        compositing: `spliced` and `regenerated` to edits.
        checkpoints: who made the edits, LoRA rows included; most edits first within a generator.
        licenses: licence of the base image to rows, most frequent first; None where it is not known.
        scored: images with a quality score.
        measured: images with an edit whose seam or changed share was measured.
        mean_quality: the mean of their scores; None where none is scored.
    """

    rows: int
    shards: int
    shard_bytes: int
    folder_bytes: dict[str, int]
    with_originals: bool
    configs: dict[str, dict[str, SplitSize]]
    groups: dict[str, int]
    labels: dict[str, int]
    turns: dict[int, int]
    sources: dict[str, int]
    base_generators: dict[str, int]
    edits_by_turn: dict[str, tuple[int, ...]]
    edit_types: dict[str, int]
    objects: dict[str, int]
    supercategories: dict[str, int]
    mask_areas: tuple[int, ...]
    compositing: dict[str, int]
    checkpoints: tuple[CheckpointCount, ...]
    licenses: dict[str | None, int]
    scored: int
    measured: int
    mean_quality: float | None


def collect(dataset: str) -> Stats:
    """Counts what a packed dataset holds.

    Args:
        dataset: a folder or an fsspec URL.

    Raises:
        FileNotFoundError: it holds no shards.
        ValueError: a shard cannot be read.
    """
    opened = DatasetDirectory(dataset)
    shards = require_shards(opened)
    counts = _Counts()
    sizes = _Sizes()
    for shard in shards:
        with opened.open(shard) as parquet:
            sizes.add(shard, parquet)
            for row in _rows(parquet):
                counts.add(row, shard.group == LORA)
    return _stats(shards, sizes, counts)


def configs_present(dataset: str) -> dict[str, dict[str, list[str]]]:
    """The configs and splits that have rows, each with its folders that hold shards, in the order of CONFIGS.

    Raises:
        FileNotFoundError: `dataset` holds no shards.
    """
    there = {shard.folder for shard in DatasetDirectory(dataset).shards()}
    return {
        config: {split: [place for place in CONFIGS[config].splits[split] if place in there] for split in splits}
        for config, splits in split_sizes(dataset).items()
    }


def split_sizes(dataset: str) -> dict[str, dict[str, SplitSize]]:
    """Config to split to size, from the shards' footers alone; only splits that have rows.

    Raises:
        FileNotFoundError: `dataset` holds no shards.
    """
    opened = DatasetDirectory(dataset)
    sizes = _Sizes()
    for shard in require_shards(opened):
        with opened.open(shard) as parquet:
            sizes.add(shard, parquet)
    return sizes.configs()


# ── Rows and bytes, from the shards' footers and flags ────────────────────────────────────────────


class _Sizes:
    """Rows and bytes of each folder, and of what the filters of the configs leave of it."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.with_originals = False
        self._kept: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()

    def add(self, shard: Shard, parquet: pq.ParquetFile) -> None:
        self.rows[shard.folder] += parquet.metadata.num_rows
        self.with_originals |= "original" in parquet.schema_arrow.names
        for view in CONFIGS.values():
            if any(shard.folder in places for places in view.splits.values()):
                kept, num_bytes = _view_size(view, parquet)
                self._kept[view.name, shard.folder] += kept
                self._bytes[view.name, shard.folder] += num_bytes

    def configs(self) -> dict[str, dict[str, SplitSize]]:
        found = {view.name: self._splits(view) for view in CONFIGS.values()}
        return {name: splits for name, splits in found.items() if splits}

    def _splits(self, view: View) -> dict[str, SplitSize]:
        if view.needs_originals and not self.with_originals:
            return {}
        sizes = {
            split: SplitSize(
                sum(self._kept[view.name, place] for place in places),
                sum(self._bytes[view.name, place] for place in places),
            )
            for split, places in view.splits.items()
        }
        return {split: size for split, size in sizes.items() if size.rows}


def _view_size(view: View, parquet: pq.ParquetFile) -> tuple[int, int]:
    """The rows that a config keeps of a shard, and their bytes in the config's columns."""
    rows = num_bytes = 0
    for index in range(parquet.num_row_groups):
        group = parquet.metadata.row_group(index)
        kept = _kept(parquet, index, view.filter_column) if view.filter_column else group.num_rows
        columns = [group.column(column) for column in range(group.num_columns)]
        size = sum(
            column.total_uncompressed_size
            for column in columns
            if view.columns is None or column.path_in_schema.split(".")[0] in view.columns
        )
        rows += kept
        num_bytes += size * kept // group.num_rows
    return rows, num_bytes


def _kept(parquet: pq.ParquetFile, index: int, flag: str) -> int:
    """The rows of a row group whose flag is true; read from its statistics where they tell."""
    group = parquet.metadata.row_group(index)
    columns = (group.column(column) for column in range(group.num_columns))
    statistics = next(column.statistics for column in columns if column.path_in_schema == flag)
    if statistics is not None and statistics.has_min_max and statistics.min == statistics.max:
        return group.num_rows if statistics.max else 0
    return pc.sum(parquet.read_row_group(index, columns=[flag])[flag]).as_py() or 0


# ── Counts over the rows ──────────────────────────────────────────────────────────────────────────

_EDIT_FIELDS = (
    "turn",
    "generator",
    "checkpoint",
    "lora",
    "edit_type",
    "object",
    "compositing",
    "mask_area",
    "seam",
    "changed_share",
)
_COLUMNS = (
    "label",
    "generators",
    "num_edits",
    "quality_score",
    "base.source",
    "base.generator",
    "base.license",
    *(f"edits.list.element.{name}" for name in _EDIT_FIELDS),
)
_BATCH_ROWS = 1024


def _rows(parquet: pq.ParquetFile) -> Iterator[dict]:
    for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=list(_COLUMNS)):
        yield from pa.Table.from_batches([batch]).to_pylist()


class _Counts:
    def __init__(self) -> None:
        self.labels: Counter[str] = Counter()
        self.turns: Counter[int] = Counter()
        self.sources: Counter[str] = Counter()
        self.base_generators: Counter[str] = Counter()
        self.by_turn: Counter[tuple[str, int]] = Counter()
        self.edit_types: Counter[str] = Counter()
        self.objects: Counter[str] = Counter()
        self.mask_areas: Counter[int] = Counter()
        self.compositing: Counter[str] = Counter()
        self.checkpoints: Counter[tuple[str, str, str | None]] = Counter()
        self.licenses: Counter[str | None] = Counter()
        self.scores: list[float] = []
        self.measured = 0

    def add(self, row: dict, lora: bool) -> None:
        self.licenses[row["base"]["license"]] += 1
        for edit in row["edits"] or []:
            if edit["checkpoint"] is not None:
                self.checkpoints[CLASS_NAMES[edit["generator"]], edit["checkpoint"], edit["lora"]] += 1
        if not lora:
            self._add_image(row)
            for edit in row["edits"] or []:
                self._add_edit(edit)

    def _add_image(self, row: dict) -> None:
        self.labels[LABELS[row["label"]]] += 1
        if row["num_edits"] is not None:
            self.turns[row["num_edits"]] += 1
        base = row["base"]
        if base["source"] is not None:
            self.sources[SOURCES[base["source"]]] += 1
        if base["generator"] is not None:
            self.base_generators[CLASS_NAMES[base["generator"]]] += 1
        if row["quality_score"] is not None:
            self.scores.append(row["quality_score"])
        edits = row["edits"] or []
        self.measured += any(edit["seam"] is not None or edit["changed_share"] is not None for edit in edits)

    def _add_edit(self, edit: dict) -> None:
        if edit["turn"] is not None:
            self.by_turn[CLASS_NAMES[edit["generator"]], edit["turn"]] += 1
        if edit["edit_type"] is not None:
            self.edit_types[EDIT_TYPES[edit["edit_type"]]] += 1
        if edit["object"] is not None:
            self.objects[edit["object"]] += 1
        if edit["compositing"] is not None:
            self.compositing[edit["compositing"]] += 1
        if edit["mask_area"] is not None:
            self.mask_areas[min(int(edit["mask_area"] * MASK_AREA_BINS), MASK_AREA_BINS - 1)] += 1


def _stats(shards: list[Shard], sizes: _Sizes, counts: _Counts) -> Stats:
    supercategories: Counter[str] = Counter()
    for name, edits in counts.objects.items():
        supercategories[supercategory(name)] += edits
    checkpoints = sorted(counts.checkpoints.items(), key=lambda item: (GENERATORS.index(item[0][0]), -item[1]))
    scores = counts.scores
    folder_bytes: Counter[str] = Counter()
    for shard in shards:
        folder_bytes[shard.folder] += shard.size
    return Stats(
        rows=sum(sizes.rows.values()),
        shards=len(shards),
        shard_bytes=sum(shard.size for shard in shards),
        folder_bytes=dict(folder_bytes),
        with_originals=sizes.with_originals,
        configs=sizes.configs(),
        groups=dict(sizes.rows),
        labels={label: counts.labels[label] for label in LABELS},
        turns={turns: counts.turns[turns] for turns in range(MAX_TURNS + 1)},
        sources={source: counts.sources[source] for source in SOURCES},
        base_generators=dict(counts.base_generators.most_common()),
        edits_by_turn={
            generator: tuple(counts.by_turn[generator, turn] for turn in range(1, MAX_TURNS + 1))
            for generator in GENERATORS
        },
        edit_types={name: counts.edit_types[name] for name in EDIT_TYPES},
        objects=dict(counts.objects.most_common()),
        supercategories=dict(supercategories.most_common()),
        mask_areas=tuple(counts.mask_areas[index] for index in range(MASK_AREA_BINS)),
        compositing=dict(counts.compositing.most_common()),
        checkpoints=tuple(CheckpointCount(*key, edits) for key, edits in checkpoints),
        licenses=dict(counts.licenses.most_common()),
        scored=len(scores),
        measured=counts.measured,
        mean_quality=sum(scores) / len(scores) if scores else None,
    )
