"""Folders of photographs with COCO annotations, written for a test."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

CATEGORIES = {"person": "person", "cat": "animal", "car": "vehicle", "cup": "kitchen"}
BY = {"id": 1, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"}
BY_ND = {"id": 2, "name": "Attribution-NoDerivs License", "url": "http://creativecommons.org/licenses/by-nd/2.0/"}


def square(left: float, top: float, side: float) -> list[list[float]]:
    """A square as COCO polygons."""
    return box(left, top, side, side)


def box(left: float, top: float, width: float, height: float) -> list[list[float]]:
    """A rectangle as COCO polygons."""
    return [[left, top, left + width, top, left + width, top + height, left, top + height]]


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


@dataclass
class CocoFolder:
    """A folder of pictures and the annotation file for them; both grow until `write`."""

    folder: Path
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    licenses: list[dict[str, Any]] = field(default_factory=lambda: [BY, BY_ND])

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def file(self) -> Path:
        return self.folder / "instances.json"

    def add(self, name: str, picture: bytes | np.ndarray | None, size: tuple[int, int], **entry: Any) -> int:
        """Adds a picture, as a file's bytes or pixels, and its image entry of `size` (width, height); its id."""
        if picture is not None:
            path = self.pictures / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture if isinstance(picture, bytes) else encoded(Image.fromarray(picture)))
        number = len(self.images) + 1
        width, height = size
        self.images.append({"id": number, "file_name": name, "width": width, "height": height} | entry)
        return number

    def outline(self, image: int, segmentation: Any, category: str = "cat", **entry: Any) -> None:
        self.annotations.append(
            {
                "id": len(self.annotations) + 1,
                "image_id": image,
                "category_id": list(CATEGORIES).index(category) + 1,
                "segmentation": segmentation,
                "iscrowd": 0,
            }
            | entry
        )

    def write(self) -> tuple[str, str]:
        """Writes the annotation file; the folder of the pictures and that file."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        categories = [
            {"id": number, "name": name, "supercategory": supercategory}
            for number, (name, supercategory) in enumerate(CATEGORIES.items(), start=1)
        ]
        content = {
            "images": self.images,
            "annotations": self.annotations,
            "categories": categories,
            "licenses": self.licenses,
        }
        self.file.write_text(json.dumps(content))
        return str(self.pictures), str(self.file)


def photograph_crops(count: int, side: int = 96) -> list[np.ndarray]:
    """Different crops of real photographs, (side, side, 3) uint8."""
    whole = (data.astronaut(), data.chelsea(), data.coffee(), data.rocket())
    rng = np.random.default_rng(0)
    crops = []
    for number in range(count):
        picture = whole[number % len(whole)]
        top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
        crops.append(np.ascontiguousarray(picture[top : top + side, left : left + side]))
    return crops
