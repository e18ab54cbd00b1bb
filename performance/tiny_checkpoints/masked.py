"""What is inpainted: random regions of the demo's photographs, which training never saw."""

import tempfile
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from generation.sources.demo.photographs import write_demo_sources
from generation.sources.photographs import base_image, read_coco

CORNERS = 24


@dataclass(frozen=True)
class Masked:
    """A region of a photograph.

    Attributes:
        image: (S, S, 3) uint8.
        mask: (S, S) bool.
        photograph: its name.
    """

    image: np.ndarray
    mask: np.ndarray
    photograph: str


def demo_regions(side: int, count: int) -> list[Masked]:
    """So many regions, one of each photograph in turn.

    They are random curves and not the photographs' objects: an object has an edge of its own, so that the seam
    around it is 1.6 before anything is edited.

    Args:
        side: of the photographs, in pixels.
    """
    with tempfile.TemporaryDirectory() as folder:
        photographs = read_coco(*write_demo_sources(folder)).photographs
        images = [(each.image, base_image(each, side)) for each in photographs]
    return [
        Masked(image, region(np.random.default_rng(number), side), name)
        for number, (name, image) in zip(range(count), images * (count // len(images) + 1), strict=False)
    ]


def region(draw: np.random.Generator, side: int) -> np.ndarray:
    """(side, side) bool, true inside a random curve."""
    picture = Image.new("1", (side, side))
    ImageDraw.Draw(picture).polygon([tuple(point) for point in curve(draw, side, side)], fill=1)
    return np.asarray(picture)


def curve(draw: np.random.Generator, width: int, height: int) -> np.ndarray:
    """(CORNERS, 2) float64 of a closed curve around a random point, in pixels."""
    angles = np.arange(CORNERS) * 2 * np.pi / CORNERS
    wave = 1 + 0.25 * np.sin(2 * angles + draw.uniform(0, 7)) + 0.15 * np.sin(3 * angles + draw.uniform(0, 7))
    radius = min(width, height) * draw.uniform(0.12, 0.24) * wave
    centre = draw.uniform(0.25, 0.75, 2) * (width, height)
    points = centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return points.clip(0, (width, height))
