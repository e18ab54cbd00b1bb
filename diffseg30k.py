"""DiffSeg30k: the schema, defined once.

Label names and values, columns, configs and splits, and `DiffSeg30k`, a `datasets` builder over packed
shards. The file stands alone. It is a class on every version of `datasets`:

    from diffseg30k import DiffSeg30k

    rows = DiffSeg30k("semantic", data_dir="./diffseg30k").as_streaming_dataset(split="train")

and a loading script on those versions, up to 3.6, that still run them:

    load_dataset("diffseg30k.py", "semantic", data_dir="./diffseg30k", trust_remote_code=True)

It is never uploaded with a dataset: `datasets` 4 and later refuse a repository with a script in it, and
load the shards by the configs in the dataset card.
"""
# `datasets` 3.6 reads the import lines of a loading script as text: one module a line.

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import datasets
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
from datasets.data_files import resolve_pattern
from datasets.table import table_cast

VERSION = "1.0.0"

# ── Labels ────────────────────────────────────────────────────────────────────────────────────────

GENERATOR_NAMES: dict[str, str] = {
    "sd2": "Stable Diffusion 2",
    "sd3.5": "Stable Diffusion 3.5",
    "sdxl": "Stable Diffusion XL",
    "flux.1": "FLUX.1",
    "glide": "GLIDE",
    "kolors": "Kolors",
    "hunyuandit1.1": "HunyuanDiT 1.1",
    "kandinsky2.2": "Kandinsky 2.2",
}
"""Short id to full name, in the order of the label values: the first is 1."""

GENERATORS: tuple[str, ...] = tuple(GENERATOR_NAMES)
CLASS_NAMES: tuple[str, ...] = ("background", *GENERATORS)
"""Class `i` is the pixel value `i` of `semantic_mask`."""

BACKGROUND = 0
IGNORE = 255
"""Reserved pixel value that metrics and losses ignore; no mask of a dataset contains it."""

PALETTE: tuple[tuple[int, int, int], ...] = (
    (0, 0, 0),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (153, 153, 153),
)
"""RGB colour of each class, 0 to 255: Okabe and Ito (2008), distinguishable with colour blindness."""

LABELS: tuple[str, ...] = ("real", "edited")
SOURCES: tuple[str, ...] = ("coco", "generated")
EDIT_TYPES: tuple[str, ...] = ("attribute_change", "addition", "removal")
COMPOSITING: tuple[str, ...] = ("spliced", "regenerated")
MAX_TURNS = 3

TRAIN_SHARE = 0.8
"""Share of the base images on the train side of the 8:2 split."""

HELD_OUT_PAIRS: dict[str, tuple[str, str]] = {
    "flux-hunyuan": ("flux.1", "hunyuandit1.1"),
    "sd2-sd3.5": ("sd2", "sd3.5"),
    "glide-kolors": ("glide", "kolors"),
}
"""The held-out pairs of the paper's Tables 5 and 7, by name: ids of the two generators."""


def unit_hash(text: str) -> float:
    """A uniformly distributed hash of `text` in [0, 1)."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def derived_seed(*names: str | int) -> int:
    """A seed from 0 to 2**31 - 1 that depends on the names alone, and not on what was drawn before."""
    text = "\0".join(map(str, names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") % 2**31


def side(base_id: str) -> str:
    """The side of the 8:2 split of a base image: `train` for eight in ten, else `validation`, by a hash of its
    id."""
    return "train" if unit_hash(base_id) < TRAIN_SHARE else "validation"


def label_value(generator: str) -> int:
    """The pixel value of a generator in `semantic_mask`: 1 to 8.

    Raises:
        ValueError: `generator` is not one of the eight ids.
    """
    if generator not in GENERATORS:
        raise ValueError(f"{generator!r} is not a generator; the eight are {', '.join(GENERATORS)}")
    return CLASS_NAMES.index(generator)


def held_out_column(pair: str) -> str:
    """The boolean column that the configs of a held-out pair filter on, such as `heldout_flux_hunyuan`.

    It is true where the pair made all of a row's edits or none of them, and false where it made some, or
    where a row of the same base image belongs to the other side of that config.
    """
    return "heldout_" + pair.replace("-", "_").replace(".", "")


# ── Columns ───────────────────────────────────────────────────────────────────────────────────────

HELD_OUT_COLUMNS: tuple[str, ...] = tuple(held_out_column(pair) for pair in HELD_OUT_PAIRS)


def features(with_originals: bool = False) -> datasets.Features:
    """The columns of a packed dataset.

    Args:
        with_originals: whether there is a column `original` with the base image, before the boolean columns.
    """
    generator = datasets.ClassLabel(names=list(CLASS_NAMES))
    edit = {
        "turn": datasets.Value("int8"),
        "generator": generator,
        "checkpoint": datasets.Value("string"),
        "lora": datasets.Value("string"),
        "edit_type": datasets.ClassLabel(names=list(EDIT_TYPES)),
        "object": datasets.Value("string"),
        "prompt": datasets.Value("string"),
        "seed": datasets.Value("int64"),
        "steps": datasets.Value("int32"),
        "guidance": datasets.Value("float32"),
        "compositing": datasets.Value("string"),
        "mask": datasets.Image(),
        "mask_area": datasets.Value("float32"),
        "quality_score": datasets.Value("float32"),
        "quality_reason": datasets.Value("string"),
        "inside_change": datasets.Value("float32"),
        "outside_change": datasets.Value("float32"),
        "seam": datasets.Value("float32"),
        "coverage": datasets.Value("float32"),
        "changed_share": datasets.Value("float32"),
        "removal_dilation": datasets.Value("float32"),
    }
    base = {
        "source": datasets.ClassLabel(names=list(SOURCES)),
        "id": datasets.Value("string"),
        "generator": generator,
        "prompt": datasets.Value("string"),
        "license": datasets.Value("string"),
        "url": datasets.Value("string"),
    }
    columns = {
        "id": datasets.Value("string"),
        "image": datasets.Image(),
        "binary_mask": datasets.Image(),
        "semantic_mask": datasets.Image(),
        "label": datasets.ClassLabel(names=list(LABELS)),
        "generators": [generator],
        "num_edits": datasets.Value("int8"),
        "base": base,
        "edits": [edit],
        "quality_score": datasets.Value("float32"),
    }
    if with_originals:
        columns["original"] = datasets.Image()
    columns |= {name: datasets.Value("bool") for name in HELD_OUT_COLUMNS}
    return datasets.Features(columns)


# ── Folders of the shards ─────────────────────────────────────────────────────────────────────────

SIDES: tuple[str, ...] = ("train", "validation")
"""The two sides of the 8:2 split."""

EDITED = "edited"
UNEDITED = "unedited"
MORE_UNEDITED = "unedited-more"
LORA = "lora"
UNEDITED_IN_TRAIN = 5000
"""Number of unedited photographs in the train split of `semantic` and `binary`; others are in MORE_UNEDITED."""


def only_by(pair: str) -> str:
    """The group of the rows that only the two generators of a held-out pair edited."""
    return f"only-{pair}"


EDITED_GROUPS: tuple[str, ...] = (EDITED, *(only_by(pair) for pair in HELD_OUT_PAIRS))
GROUPS: tuple[str, ...] = (*EDITED_GROUPS, UNEDITED, MORE_UNEDITED, LORA)
"""The groups of rows. Every row is in one group of one side: the shards `data/SIDE/GROUP/*.parquet`.

A config's filter applies to all of its splits, so rows that belong to only one split need their own group.
"""


def folder(side: str, group: str) -> str:
    """The folder of a group's shards, relative to the dataset: `data/train/edited`."""
    return f"data/{side}/{group}"


# ── Configs ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class View:
    """One config: some columns of the rows in some folders.

    Attributes:
        name: the config's name.
        about: one sentence for the dataset card.
        columns: the columns that are read; None for all.
        splits: split name to the folders whose shards it holds. A folder need not exist.
        filter_column: only rows with true in this boolean column are included; None for all rows.
        needs_originals: the config exists only where the base images were kept.
    """

    name: str
    about: str
    columns: tuple[str, ...] | None
    splits: dict[str, tuple[str, ...]]
    filter_column: str | None = None
    needs_originals: bool = False

    @property
    def filters(self) -> list[list] | None:
        """The filter in the format of `datasets` and `pyarrow.parquet`."""
        return [[self.filter_column, "==", True]] if self.filter_column else None


def _folders(side: str, *groups: str) -> tuple[str, ...]:
    return tuple(folder(side, group) for group in groups)


_SEGMENTATION_SPLITS = {
    "train": _folders("train", *EDITED_GROUPS, UNEDITED),
    "validation": _folders("validation", *EDITED_GROUPS),
}
_CLASSIFICATION_SPLITS = {
    "train": _folders("train", *EDITED_GROUPS, UNEDITED, MORE_UNEDITED),
    "validation": _folders("validation", *EDITED_GROUPS, UNEDITED),
}
_EDITED_SPLITS = {side: _folders(side, *EDITED_GROUPS) for side in SIDES}
_CLASSIFICATION_COLUMNS = ("id", "image", "label", "generators")


def _held_out(pair: str, task: str, columns: tuple[str, ...], unedited: tuple[str, ...]) -> View:
    others = [group for group in EDITED_GROUPS if group != only_by(pair)]
    one, other = (GENERATOR_NAMES[generator] for generator in HELD_OUT_PAIRS[pair])
    return View(
        name=f"{task}-heldout-{pair}",
        about=f"`{task}` that trains without {one} and {other} and tests on images edited by them alone.",
        columns=columns,
        splits={
            "train": _folders("train", *others, *unedited),
            "test": (
                *_folders("train", only_by(pair)),
                *_folders("validation", only_by(pair), UNEDITED),
            ),
        },
        filter_column=held_out_column(pair),
    )


_VIEWS = (
    View(
        "semantic",
        "Which generator last changed each pixel.",
        ("id", "image", "semantic_mask"),
        _SEGMENTATION_SPLITS,
    ),
    View(
        "binary",
        "Which pixels any generator changed.",
        ("id", "image", "binary_mask"),
        _SEGMENTATION_SPLITS,
    ),
    View(
        "classification",
        "Whether an image was edited, and by which generators in which order.",
        _CLASSIFICATION_COLUMNS,
        _CLASSIFICATION_SPLITS,
    ),
    View("edits", "Every column of the edited rows.", None, _EDITED_SPLITS),
    *(_held_out(pair, "binary", ("id", "image", "binary_mask"), (UNEDITED,)) for pair in HELD_OUT_PAIRS),
    *(
        _held_out(pair, "classification", _CLASSIFICATION_COLUMNS, (UNEDITED, MORE_UNEDITED))
        for pair in HELD_OUT_PAIRS
    ),
    View(
        "semantic-lora",
        "The validation regions of Stable Diffusion XL, edited again by it with a LoRA.",
        ("id", "image", "semantic_mask"),
        {"validation": _folders("validation", LORA)},
    ),
    View(
        "pairs",
        "The edited image beside its base image.",
        ("id", "image", "original", "binary_mask"),
        _EDITED_SPLITS,
        needs_originals=True,
    ),
)

CONFIGS: dict[str, View] = {view.name: view for view in _VIEWS}
DEFAULT_CONFIG = "semantic"

CITATION = """\
@misc{diffseg30k,
  title = {{DiffSeg30k}: A Multi-Turn Diffusion Editing Benchmark for Localized {AIGC} Detection},
  author = {Ci, Hai and Peng, Ziheng and Yang, Pei and Xuan, Yingxin and Shou, Mike Zheng},
  year = {2025},
  eprint = {2511.19111},
  archivePrefix = {arXiv},
  url = {https://arxiv.org/abs/2511.19111}
}"""

# ── The `datasets` builder ────────────────────────────────────────────────────────────────────────


@dataclass
class DiffSeg30kConfig(datasets.BuilderConfig):
    """A config of CONFIGS as a `datasets.BuilderConfig`."""

    columns: list[str] | None = None
    filters: list[list] | None = None
    folders: dict[str, list[str]] = field(default_factory=dict)


def _builder_config(view: View) -> DiffSeg30kConfig:
    return DiffSeg30kConfig(
        name=view.name,
        version=datasets.Version(VERSION),
        description=view.about,
        columns=None if view.columns is None else list(view.columns),
        filters=view.filters,
        folders={split: list(folders) for split, folders in view.splits.items()},
    )


class DiffSeg30k(datasets.ArrowBasedBuilder):
    """Loads a config from the shards of a packed dataset.

    Args:
        config_name: a name of CONFIGS; `semantic` if left out.
        data_dir: the packed dataset, a folder or a URL that fsspec reads, such as `hf://datasets/NAME`.
        kwargs: as for any `datasets` builder, `cache_dir` among them.

    Raises:
        FileNotFoundError: `data_dir` holds no shards of the config.
    """

    BUILDER_CONFIG_CLASS = DiffSeg30kConfig
    BUILDER_CONFIGS: ClassVar = [_builder_config(view) for view in _VIEWS]
    DEFAULT_CONFIG_NAME = DEFAULT_CONFIG

    def __init__(self, config_name: str | None = None, data_dir: str | None = None, **kwargs):
        super().__init__(config_name=config_name, data_dir=data_dir, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(description=self.config.description, citation=CITATION)

    def _split_generators(self, dl_manager) -> list[datasets.SplitGenerator]:
        if self.config.data_dir is None:
            raise ValueError("data_dir is missing: the folder or URL of the packed dataset")
        generators = []
        for split, folders in self.config.folders.items():
            shards = [shard for place in folders for shard in _shards(self.config.data_dir, place)]
            if shards:
                files = dl_manager.download(shards)
                generators.append(datasets.SplitGenerator(name=split, gen_kwargs={"files": files}))
        if not generators:
            raise FileNotFoundError(f"{self.config.data_dir} holds no shards of the config {self.config.name!r}")
        self.info.features = self._features(generators[0].gen_kwargs["files"][0])
        return generators

    def _features(self, file: str) -> datasets.Features:
        with open(file, "rb") as opened:
            names = pyarrow.parquet.read_schema(opened).names
        known = features(with_originals="original" in names)
        wanted = self.config.columns or list(known)
        if missing := [name for name in wanted if name not in names]:
            raise ValueError(f"{file} has no column {', '.join(missing)}, which {self.config.name!r} needs")
        return datasets.Features({name: known[name] for name in wanted})

    def _generate_tables(self, files: list[str]) -> Iterator[tuple]:
        where = pyarrow.parquet.filters_to_expression(self.config.filters) if self.config.filters else None
        schema = self.info.features.arrow_schema
        for file_index, file in enumerate(files):
            with open(file, "rb") as opened:
                fragment = pyarrow.dataset.ParquetFileFormat().make_fragment(opened)
                batches = fragment.to_batches(
                    columns=list(self.info.features),
                    filter=where,
                    batch_size=fragment.row_groups[0].num_rows if fragment.row_groups else 1,
                    batch_readahead=0,
                    fragment_readahead=0,
                )
                for batch_index, batch in enumerate(batches):
                    # 3.6 lacks some feature types that newer versions write to the metadata
                    table = pa.Table.from_batches([batch]).replace_schema_metadata(None)
                    yield (file_index, batch_index), table_cast(table, schema)


def _shards(data_dir: str, place: str) -> list[str]:
    try:
        return resolve_pattern(f"{place}/*.parquet", data_dir)
    except FileNotFoundError:
        return []
