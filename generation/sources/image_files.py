"""Picture files as they come, opened with care: checked, turned upright, cut square."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base as ExifTag

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000")
"""What cameras and the web use; others, PostScript among them, are programs rather than pictures."""

MAX_PIXELS = 178_956_970
"""More is refused before anything is decoded. It is where Pillow sees a decompression bomb."""

DRAFT_GAP = 4
"""A JPEG this many times larger than needed is decoded at half, a quarter or an eighth of its size."""

TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to what makes the picture upright; 1 is upright already."""

SWAPPING = (5, 6, 7, 8)
"""The orientations that swap width and height."""

_DECODING_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    *(IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError),
)


class UnusablePicture(ValueError):
    """A file is no picture that can be edited; the message says why and is the same for every such file."""


@dataclass(frozen=True)
class Header:
    """What a picture file says of itself.

    Attributes:
        width: of the stored pixels.
        height: of the stored pixels.
        orientation: EXIF orientation, 1 to 8.
    """

    width: int
    height: int
    orientation: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as shown."""
        if self.orientation in SWAPPING:
            return self.height, self.width
        return self.width, self.height


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    if not data:
        raise UnusablePicture("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except Image.DecompressionBombError as error:
        raise UnusablePicture(f"more than {MAX_PIXELS // 1_000_000} million pixels") from error
    except UnidentifiedImageError as error:
        raise UnusablePicture("not an image in a format known here") from error
    except UnusablePicture:
        raise
    except _DECODING_ERRORS as error:
        raise UnusablePicture("the image is truncated or damaged") from error


def read_header(data: bytes) -> Header:
    """The size and orientation of a picture file.

    Raises:
        UnusablePicture: it is empty, not an image or enormous.
    """
    with _opened(data) as image:
        orientation = _orientation(image)
        # of a TIFF, Pillow gives the size as shown, and turns it by itself when it is decoded
        is_swapped = image.format == "TIFF" and orientation in SWAPPING
        width, height = reversed(image.size) if is_swapped else image.size
        return Header(width, height, orientation)


def _orientation(image: Image.Image) -> int:
    orientation = image.getexif().get(ExifTag.Orientation, 1)
    return orientation if orientation in TURNS else 1


def centre_square(width: int, height: int) -> tuple[int, int, int]:
    """Left, top and edge length of the largest square in the middle."""
    edge = min(width, height)
    return (width - edge) // 2, (height - edge) // 2, edge


def decode_square(data: bytes, side: int) -> np.ndarray:
    """A picture file upright, its middle square brought to `side` by `side`.

    Transparent pixels are laid over white, 16-bit grey is brought to 8 bits, CMYK and grey to RGB. Of an
    animation it is the first picture.

    Args:
        data: the file.
        side: height and width of the result.

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        UnusablePicture: it is empty, not an image, enormous, truncated or damaged.
    """
    with _opened(data) as image:
        image.draft(image.mode, (DRAFT_GAP * side, DRAFT_GAP * side))
        picture = _rgb(image)
        orientation = _orientation(image)
        if orientation in TURNS:
            picture = picture.transpose(TURNS[orientation])
        left, top, edge = centre_square(*picture.size)
        box = (left, top, left + edge, top + edge)
        return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS, box=box))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _eight_bit(image).convert("RGB")
    if image.mode == "F":
        raise UnusablePicture("the image's pixels are floating-point numbers of unknown range")
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, which Pillow would clip at 255 and not scale."""
    values = np.asarray(image).astype(np.int64).clip(0, 65535)
    return Image.fromarray((values / 257).round().astype(np.uint8))
