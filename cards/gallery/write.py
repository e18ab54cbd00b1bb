"""Writes a gallery: chooses the rows, makes their pictures in threads, and writes the pages."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from builder.dataset.directory import DatasetDirectory
from builder.encoding.images import decode_mask
from builder.encoding.whole_file import UNFINISHED, write_whole
from builder.hub.repository import locate, plain_errors
from builder.run.map_ahead import map_ahead
from cards.gallery import facts, pictures, site
from cards.gallery.options import GalleryOptions, Predictions
from cards.gallery.selection import ChosenRow, choose_rows
from diffseg30k import CLASS_NAMES, EDIT_TYPES, GENERATOR_NAMES, PALETTE

_PICTURES = ("pictures", "thumbnails")
_IMAGES = ("image", "original")


@dataclass(frozen=True)
class GalleryReport:
    """What a gallery holds.

    Attributes:
        page: path of the page to open.
        rows: rows in it.
        of: rows of the dataset.
        predicted: rows with a prediction of the detector; None without a detector.
        pictures: pictures that were made now; the others were there.
    """

    page: str
    rows: int
    of: int
    predicted: int | None
    pictures: int

    def lines(self) -> list[str]:
        sample = "" if self.rows == self.of else f" of {self.of:,}"
        shown = [f"gallery: {self.rows:,} rows{sample}, {self.pictures:,} pictures made now"]
        if self.predicted is not None:
            shown.append(f"with a prediction: {self.predicted:,} rows")
        return [*shown, f"open it in a browser: {self.page}"]


@dataclass(frozen=True)
class _ReadRow:
    """A chosen row with its columns; without its images where its pictures are there."""

    chosen: ChosenRow
    columns: dict[str, Any]


@dataclass(frozen=True)
class _Shown:
    """What a row adds to the gallery."""

    grid: facts.GridRow
    details: dict[str, Any]
    made: int


def write_gallery(dataset: str, out: str, options: GalleryOptions | None = None) -> GalleryReport:
    """Writes a packed dataset as a static website, which browsers open from the disk.

    Pictures that an earlier call made are kept while their rows are the same; those of other rows are removed.

    Args:
        dataset: a folder, an fsspec URL or `NAMESPACE/NAME` on the Hub.
        out: folder of the gallery: new, empty, or a gallery.
        options: which rows, how large, and a detector's predictions.

    Raises:
        FileNotFoundError: there is no such dataset, or it holds no shards.
        ValueError: `out` holds something else, a shard or a picture cannot be read, or no row has a prediction.
    """
    options = options or GalleryOptions()
    url = locate(dataset)
    _check_folder(out)
    with plain_errors(url):
        return _write(DatasetDirectory(url), out, options, dataset)


def _check_folder(out: str) -> None:
    if os.path.isfile(out):
        raise ValueError(f"{out} is a file: give another folder with --out")
    if os.path.isdir(out) and os.listdir(out) and not os.path.isfile(os.path.join(out, site.MARK)):
        raise ValueError(f"{out} holds files that are no gallery: give a new or empty folder with --out")


def _write(dataset: DatasetDirectory, out: str, options: GalleryOptions, name: str) -> GalleryReport:
    rows, of = choose_rows(dataset, options.rows, options.side)
    predicted = _predicted_rows(rows, options.predictions)
    title = os.path.basename(name.rstrip("/")) if os.path.exists(name) else name
    site.write_mark(out, {"dataset": title})
    threads = options.workers or os.cpu_count() or 1
    data, made = site.DataFiles(out), 0
    with (
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(rows), desc="gallery", unit="row", disable=None if options.progress else True) as bar,
    ):
        read = _read_rows(dataset, rows, out)
        for shown in map_ahead(pool, lambda row: _show(row, out, options), read, 4 * threads):
            data.add(shown.grid, shown.details)
            made += shown.made
            bar.update()
    data.finish()
    with_originals = any(os.path.exists(_picture(out, row, "base")) for row in rows)
    about = _about(title, len(rows), of, data.grid_parts, with_originals, options.predictions)
    written = {*data.written, *site.write_pages(out, about, f"{title} gallery")}
    site.write_mark(out, about)
    _remove_others(out, {row.key for row in rows}, written)
    return GalleryReport(os.path.join(out, "index.html"), len(rows), of, predicted, made)


def _predicted_rows(rows: list[ChosenRow], predictions: Predictions | None) -> int | None:
    if predictions is None:
        return None
    predicted = sum(row.id in predictions.files for row in rows)
    if not predicted:
        raise ValueError(
            f"none of the {len(rows):,} rows has a prediction of {predictions.detector}: "
            "were the results made with this dataset?"
        )
    return predicted


def _read_rows(dataset: DatasetDirectory, rows: list[ChosenRow], out: str) -> Iterator[_ReadRow]:
    """The rows with their columns; of a row group whose pictures are there, no image is read."""
    for shard, of_shard in groupby(rows, key=lambda row: row.shard):
        with dataset.open(shard) as parquet:
            columns = parquet.schema_arrow.names
            for group, chosen in groupby(of_shard, key=lambda row: row.row_group):
                members = list(chosen)
                done = all(_pictures_exist(out, row, "original" in columns) for row in members)
                wanted = [column for column in columns if not (done and column in _IMAGES)]
                table = parquet.read_row_group(group, columns=wanted)
                for row in members:
                    yield _ReadRow(row, table.slice(row.index, 1).to_pylist()[0])


def _show(read: _ReadRow, out: str, options: GalleryOptions) -> _Shown:
    row, chosen = read.columns, read.chosen
    try:
        labels = decode_mask(row["semantic_mask"]["bytes"])
        made = _make_pictures(row, chosen, labels, out, options.side) if "image" in row else 0
        details = facts.details(row, labels, labels.shape)
    except (ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise ValueError(f"{chosen.shard.path}, row {chosen.id}: a picture cannot be read: {error}") from error
    details["base"]["picture"] = os.path.exists(_picture(out, chosen, "base"))
    agreed = None
    if options.predictions and chosen.id in options.predictions.files:
        predicted = _read_prediction(options.predictions.files[chosen.id], labels)
        details["prediction"], agreed = facts.prediction(labels, predicted, options.predictions.binary)
    area = float((labels > 0).mean())
    return _Shown(facts.grid_row(row, chosen.shard, chosen.key, area, agreed), details, made)


def _read_prediction(file: str, labels: np.ndarray) -> np.ndarray:
    try:
        with Image.open(file) as image:
            predicted = np.asarray(image if image.mode in ("P", "L") else image.convert("L"))
    except OSError as error:
        raise ValueError(f"{file} is not a predicted label map: {error}") from error
    if predicted.max(initial=0) >= len(CLASS_NAMES):
        raise ValueError(f"{file} holds the value {predicted.max()}; label values are 0 to {len(CLASS_NAMES) - 1}")
    return pictures.nearest(predicted, labels.shape[::-1])


def _make_pictures(row: dict[str, Any], chosen: ChosenRow, labels: np.ndarray, out: str, side: int) -> int:
    image = _rgb(row["image"])
    if image.size != labels.shape[::-1]:
        raise ValueError(f"the image is {image.size} and its mask {labels.shape[::-1]}")
    write_whole(_picture(out, chosen, ""), pictures.reduced(image, side))
    write_whole(_thumbnail(out, chosen), pictures.thumbnail(image, labels))
    if not row.get("original"):
        return 2
    write_whole(_picture(out, chosen, "base"), pictures.reduced(_rgb(row["original"]), side))
    return 3


def _rgb(encoded: dict[str, Any]) -> Image.Image:
    with Image.open(BytesIO(encoded["bytes"])) as image:
        return image.convert("RGB")


def _picture(out: str, row: ChosenRow, which: str) -> str:
    return os.path.join(out, "pictures", row.key[:2], f"{row.key}{'.' if which else ''}{which}.webp")


def _thumbnail(out: str, row: ChosenRow) -> str:
    return os.path.join(out, "thumbnails", row.key[:2], f"{row.key}.webp")


def _pictures_exist(out: str, row: ChosenRow, with_original: bool) -> bool:
    files = [
        _picture(out, row, ""),
        _thumbnail(out, row),
        *([_picture(out, row, "base")] if with_original else []),
    ]
    return all(map(os.path.exists, files))


def _about(
    title: str, rows: int, of: int, parts: int, with_originals: bool, predictions: Predictions | None
) -> dict[str, Any]:
    return {
        "dataset": title,
        "rows": rows,
        "of": of,
        "parts": parts,
        "grid_rows": site.GRID_ROWS,
        "detailed_rows": site.DETAILED_ROWS,
        "with_originals": with_originals,
        "generators": [
            {
                "id": name,
                "name": GENERATOR_NAMES[name],
                "value": value,
                "colour": f"#{bytes(PALETTE[value]).hex()}",
            }
            for value, name in enumerate(CLASS_NAMES)
            if value
        ],
        "types": list(EDIT_TYPES),
        "detector": predictions.detector if predictions else None,
        "condition": predictions.condition if predictions else None,
        "binary": predictions.binary if predictions else None,
    }


def _remove_others(out: str, keys: set[str], written: set[str]) -> None:
    """Removes the pictures and data of rows that the gallery shows no more, and what a killed call left behind."""
    for folder in (*_PICTURES, "data"):
        for parent, _, names in os.walk(os.path.join(out, folder)):
            for name in names:
                path = os.path.join(parent, name)
                wanted = (
                    os.path.relpath(path, out).replace(os.sep, "/") in written
                    if folder == "data"
                    else name.partition(".")[0] in keys and not name.endswith(UNFINISHED)
                )
                if not wanted:
                    os.remove(path)
