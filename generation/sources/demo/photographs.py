"""Writes the demo's sources: crops of photographs from scikit-image and scikit-learn, with COCO annotations.

`annotations.json` is a COCO instances file for the whole photographs with two additional keys per image: `crops`,
the square windows, and `photograph`, the id that all crops of one photograph share and that decides the 8:2 split.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

MIN_SHARE = 0.01
"""Least share of a crop that an object covers to be annotated on it."""

MIN_VISIBLE = 0.3
"""Least share of an object inside a crop to be annotated there, unless it covers LARGE of the crop."""

LARGE = 0.15


@dataclass(frozen=True)
class Crop:
    """A square window of a photograph, in pixels."""

    left: int
    top: int
    side: int

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """The window of an (H, W) or (H, W, 3) array."""
        return pixels[self.top : self.top + self.side, self.left : self.left + self.side]


def write_demo_sources(folder: str) -> tuple[str, str]:
    """Writes the demo's crops as PNG files, and COCO annotations for them.

    Args:
        folder: the output folder, made if it is missing.

    Returns:
        The folder of the images, `FOLDER/images`, and the annotation file, `FOLDER/instances.json`.

    Raises:
        ImportError: scikit-image or scikit-learn, which contain the photographs, is not installed.
    """
    whole = _annotations()
    images_folder = os.path.join(folder, "images")
    os.makedirs(images_folder, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for photograph in whole["images"]:
        pixels = _pixels(photograph)
        objects = [(entry, _mask(entry, photograph)) for entry in _of(whole, photograph)]
        for number, window in enumerate(photograph["crops"], start=1):
            crop = Crop(*window)
            image = _image(photograph, number, crop, len(images) + 1)
            _save(crop.cut(pixels), os.path.join(images_folder, image["file_name"]))
            images.append(image)
            for entry, mask in objects:
                if _is_seen(mask, crop):
                    annotations.append(_annotation(entry, crop.cut(mask), image, len(annotations) + 1))
    content = {key: whole[key] for key in ("info", "licenses", "categories")}
    file = os.path.join(folder, "instances.json")
    with open(file, "w", encoding="utf-8") as opened:
        json.dump(content | {"images": images, "annotations": annotations}, opened, ensure_ascii=False)
    return images_folder, file


def _annotations() -> dict[str, Any]:
    return json.loads(resources.files(__package__).joinpath("annotations.json").read_text(encoding="utf-8"))


def _of(whole: dict[str, Any], photograph: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (entry for entry in whole["annotations"] if entry["image_id"] == photograph["id"])


def _pixels(photograph: dict[str, Any]) -> np.ndarray:
    """Reads a photograph, (H, W, 3) uint8, from the installed package that contains it."""
    package, path = photograph["file_name"].split("/", 1)
    found = find_spec(package)  # finds the package without importing it, which takes seconds
    if found is None or not found.submodule_search_locations:
        raise ImportError(
            f"the demo's photographs are those of scikit-image and scikit-learn, and {package} is not installed: "
            "pip install 'diffseg30k[generation]'"
        )
    with Image.open(os.path.join(found.submodule_search_locations[0], path)) as image:
        return np.asarray(image.convert("RGB"))


def _save(pixels: np.ndarray, path: str) -> None:
    # level 1 takes a fifth of the default's time; the files are temporary
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, compress_level=1)


def _mask(entry: dict[str, Any], photograph: dict[str, Any]) -> np.ndarray:
    """The (H, W) bool mask of an object on the whole photograph."""
    from pycocotools import mask as coco_mask

    runs = coco_mask.frPyObjects(entry["segmentation"], photograph["height"], photograph["width"])
    return coco_mask.decode(coco_mask.merge(runs)).astype(bool)


def _is_seen(mask: np.ndarray, crop: Crop) -> bool:
    share = crop.cut(mask).mean()
    visible = np.count_nonzero(crop.cut(mask)) / np.count_nonzero(mask)
    return bool(share >= MIN_SHARE and (visible >= MIN_VISIBLE or share >= LARGE))


def _image(photograph: dict[str, Any], number: int, crop: Crop, key: int) -> dict[str, Any]:
    kept = {name: photograph[name] for name in ("license", "photograph", "photographer", "url")}
    return {
        "id": key,
        "file_name": f"{photograph['photograph']}-{number}.png",
        "width": crop.side,
        "height": crop.side,
        **kept,
    }


def _annotation(entry: dict[str, Any], mask: np.ndarray, image: dict[str, Any], key: int) -> dict[str, Any]:
    from pycocotools import mask as coco_mask

    runs = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {
        "id": key,
        "image_id": image["id"],
        "category_id": entry["category_id"],
        "iscrowd": 0,
        "area": int(coco_mask.area(runs)),
        "bbox": coco_mask.toBbox(runs).tolist(),
        "segmentation": {"size": [image["height"], image["width"]], "counts": runs["counts"].decode("ascii")},
    }
