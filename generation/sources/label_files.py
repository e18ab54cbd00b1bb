"""Converts label files of other tools to a COCO instances file: Labelme's JSON and YOLO's segmentation text.

CVAT, Label Studio and Roboflow export COCO themselves.
"""

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from builder.encoding.categories import supercategory
from builder.encoding.whole_file import write_whole
from generation.sources.coco_file import Skip
from generation.sources.image_files import UnusablePicture, read_header
from generation.sources.photographs import SUFFIXES

CIRCLE_POINTS = 64
"""Corners of the polygon that stands for a circle."""

_NAMES_FILES = ("data.yaml", "dataset.yaml", "classes.txt")

Polygon = list[float]
"""x and y of each corner in turn, in pixels, as COCO writes it."""


@dataclass(frozen=True)
class _Outline:
    """One object of a label file."""

    image: str
    label: str
    polygon: Polygon


@dataclass(frozen=True)
class LabelReport:
    """What was converted.

    Attributes:
        file: the COCO instances file.
        images: images with at least one object.
        objects: their objects.
        categories: the objects' labels.
        skipped: label files, shapes and images that cannot be used, with reasons.
    """

    file: str
    images: int
    objects: int
    categories: tuple[str, ...]
    skipped: tuple[Skip, ...]

    def lines(self) -> list[str]:
        left_out = [f"left out: {skip.name}: {skip.reason}" for skip in self.skipped]
        found = f"{self.images:,} images with {self.objects:,} objects of {len(self.categories)} kinds"
        return [*left_out, f"{found}: {self.file}"]


def convert_labels(labels: str, images: str, out: str) -> LabelReport:
    """Writes a COCO instances file of a folder of label files.

    A `.json` file is Labelme's and names its image; a `.txt` file is YOLO's, its image has the same stem, and the
    names of its classes are in `data.yaml` or `classes.txt` in the folder of the labels or above it.

    Args:
        labels: the folder of the label files; subfolders are included.
        images: the folder of the images.
        out: the file to write.

    Raises:
        FileNotFoundError: a folder is not there, or holds no label file; or YOLO's names are not there.
        ValueError: no object can be used.
    """
    for option, folder in (("LABELS", labels), ("--images", images)):
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"{option} {folder}: there is no such folder")
    files = sorted(path for path in Path(labels).rglob("*") if path.suffix in (".json", ".txt"))
    files = [path for path in files if path.name not in _NAMES_FILES]
    if not files:
        raise FileNotFoundError(f"{labels} holds no label files: .json of Labelme or .txt of YOLO")
    pictures = _Pictures(images)
    skipped: list[Skip] = []
    outlines: list[_Outline] = []
    for file in files:
        read = _labelme if file.suffix == ".json" else _yolo
        for found in read(file, pictures, labels):
            if isinstance(found, Skip):
                skipped.append(found)
            else:
                outlines.append(found)
    if not outlines:
        reasons = "; ".join(f"{skip.name}: {skip.reason}" for skip in skipped[:3])
        raise ValueError(f"no object in {labels} can be used. {reasons}")
    content = _coco(outlines, pictures)
    write_whole(out, json.dumps(content).encode())
    categories = tuple(category["name"] for category in content["categories"])
    return LabelReport(out, len(content["images"]), len(outlines), categories, tuple(skipped))


class _Pictures:
    """The images of a folder, found by path or stem."""

    def __init__(self, folder: str):
        paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES)
        self.folder = folder
        self._paths = {path.relative_to(folder).as_posix(): path for path in paths}
        self._by_stem: dict[str, list[str]] = {}
        for name in self._paths:
            self._by_stem.setdefault(Path(name).stem, []).append(name)
        self._sizes: dict[str, tuple[int, int]] = {}

    def named(self, name: str) -> str | None:
        """The image of a path, or of its file name; None where there is none or several."""
        name = name.replace("\\", "/").lstrip("./")
        if name in self._paths:
            return name
        same = [path for path in self._by_stem.get(Path(name).stem, []) if Path(path).name == Path(name).name]
        return same[0] if len(same) == 1 else None

    def of_stem(self, stem: str) -> str | None:
        """The image of a stem; None where there is none or several."""
        found = self._by_stem.get(stem, [])
        return found[0] if len(found) == 1 else None

    def size(self, name: str) -> tuple[int, int]:
        """Width and height as displayed, in pixels.

        Raises:
            UnusablePicture: the file is no image.
        """
        if name not in self._sizes:
            self._sizes[name] = read_header(self._paths[name].read_bytes()).upright_size
        return self._sizes[name]


def _labelme(file: Path, pictures: _Pictures, root: str) -> Iterator[_Outline | Skip]:
    name = file.relative_to(root).as_posix()
    try:
        content = json.loads(file.read_bytes())
        shapes = [(str(shape["label"]), shape["shape_type"], shape["points"]) for shape in content["shapes"]]
        path = str(content["imagePath"])
    except (ValueError, KeyError, TypeError) as error:
        yield Skip(name, f"it is no file of Labelme ({error})")
        return
    image = pictures.named(path)
    if image is None:
        yield Skip(name, f"its image {path} is not in {pictures.folder}, or several are")
        return
    try:
        pictures.size(image)
    except UnusablePicture as error:
        yield Skip(image, str(error))
        return
    for place, (label, kind, points) in enumerate(shapes, start=1):
        polygon = _shape(kind, points)
        if polygon is None:
            yield Skip(name, f"shape {place} ({label}) is a {kind}, which outlines nothing")
        else:
            yield _Outline(image, label, polygon)


def _shape(kind: str, points: Sequence[Sequence[float]]) -> Polygon | None:
    """The outline of a shape of Labelme; None for one that has none, such as a line."""
    if kind == "polygon" and len(points) >= 3:
        return [float(value) for point in points for value in point[:2]]
    if kind == "rectangle" and len(points) >= 2:
        xs, ys = zip(*points, strict=True)
        left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
        return [float(value) for value in (left, top, right, top, right, bottom, left, bottom)]
    if kind == "circle" and len(points) == 2:
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        angles = [2 * math.pi * place / CIRCLE_POINTS for place in range(CIRCLE_POINTS)]
        return [value for a in angles for value in (x + radius * math.cos(a), y + radius * math.sin(a))]
    return None


def _yolo(file: Path, pictures: _Pictures, root: str) -> Iterator[_Outline | Skip]:
    name = file.relative_to(root).as_posix()
    image = pictures.of_stem(file.stem)
    if image is None:
        yield Skip(name, f"no image in {pictures.folder} has this name, or several have")
        return
    try:
        width, height = pictures.size(image)
    except UnusablePicture as error:
        yield Skip(image, str(error))
        return
    names = _names(file.parent, Path(root))
    for place, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label, *values = line.split()
            corners = [float(value) for value in values]
            named = names[int(label)]
        except (ValueError, KeyError):
            yield Skip(name, f"line {place} is not a class and corners: {line[:40]!r}")
            continue
        if len(corners) < 6 or len(corners) % 2:
            yield Skip(name, f"line {place} is a box, not an outline: export segmentation labels")
        else:
            scaled = [value * (height if index % 2 else width) for index, value in enumerate(corners)]
            yield _Outline(image, named, scaled)


def _names(folder: Path, root: Path) -> dict[int, str]:
    """YOLO's names of classes by number, from the nearest file that has them."""
    for place in (folder, *folder.parents):
        for file in (place / name for name in _NAMES_FILES):
            if file.is_file():
                return _read_names(file)
        if place == root.parent:
            break
    raise FileNotFoundError(f"the names of YOLO's classes are not there: put data.yaml or classes.txt into {root}")


def _read_names(file: Path) -> dict[int, str]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".txt":
        return dict(enumerate(line.strip() for line in text.splitlines() if line.strip()))
    try:
        names: Any = yaml.safe_load(text)["names"]
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(number): str(name) for number, name in pairs}
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} is no data.yaml of YOLO: it has no names of classes ({error})") from error


def _coco(outlines: Sequence[_Outline], pictures: _Pictures) -> dict[str, list[dict[str, Any]]]:
    images = {name: place for place, name in enumerate(sorted({each.image for each in outlines}), start=1)}
    labels = {name: place for place, name in enumerate(sorted({each.label for each in outlines}), start=1)}
    sizes = {name: pictures.size(name) for name in images}
    return {
        "images": [
            {"id": place, "file_name": name, "width": sizes[name][0], "height": sizes[name][1]}
            for name, place in images.items()
        ],
        "annotations": [
            {
                "id": place,
                "image_id": images[each.image],
                "category_id": labels[each.label],
                "segmentation": [each.polygon],
                "iscrowd": 0,
            }
            for place, each in enumerate(outlines, start=1)
        ],
        "categories": [
            {"id": place, "name": name, "supercategory": supercategory(name)} for name, place in labels.items()
        ],
    }
