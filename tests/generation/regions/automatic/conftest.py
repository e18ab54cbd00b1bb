"""Tiny models, and a folder of photographs as people have them."""

import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from skimage import data

from tests.generation.regions.automatic.tiny_models import build_namer, build_sure_segmenter

SIDE = 96
ORIENTATION = 274


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The folders of a segmenter and of a detector."""
    folder = tmp_path_factory.mktemp("automatic")
    return build_sure_segmenter(folder / "sam"), build_namer(folder / "detector")


def picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image).resize((SIDE, SIDE))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(scope="session")
def ugly_photographs(tmp_path_factory):
    """Fourteen files, nine of them photographs that can be edited."""
    folder = tmp_path_factory.mktemp("photographs")
    cat, cup, person = picture(data.chelsea()), picture(data.coffee()), picture(data.astronaut())
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    pillow_heif.register_heif_opener()
    sixteen = Image.fromarray(np.asarray(cat.convert("L"), np.uint16) * 257)
    transparent = person.convert("RGBA")
    transparent.putalpha(128)
    jpeg = encoded(cup, "JPEG")
    files = {
        "phone.HEIC": encoded(cat, "HEIF"),
        "new.avif": encoded(cup, "AVIF"),
        "print.jpg": encoded(person.convert("CMYK"), "JPEG"),
        "turned.jpg": encoded(cat.rotate(90, expand=True), "JPEG", exif=turned),
        "grey.png": encoded(cup.convert("L"), "PNG"),
        "sixteen-bit.png": encoded(sixteen, "PNG"),
        "transparent.png": encoded(transparent, "PNG"),
        "moving.gif": encoded(cat.convert("P"), "GIF", save_all=True, append_images=[cup.convert("P")]),
        "Urlaub 2019/früh am Morgen.webp": encoded(person, "WEBP"),
        "truncated.jpg": jpeg[: len(jpeg) // 2],
        "empty.png": b"",
        "text.jpg": b"not a photograph",
        "notes.txt": b"remember the milk",
        "page.pdf": b"%PDF-1.4",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
