"""Decodes image files of any origin: checks them, applies the EXIF orientation and crops the central square."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base as ExifTag

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF", "HEIF")
"""Accepted formats, those of cameras and the web. Others, such as PostScript, are executed when decoded."""

MAX_PIXELS = 178_956_970
"""Largest number of pixels, checked before decoding: Pillow's limit for decompression bombs."""

DRAFT_GAP = 4
"""A JPEG this many times larger than needed is decoded at 1/2, 1/4 or 1/8 of its size."""

TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to the operation that makes the image upright; 1 needs none."""

SWAPPING = (5, 6, 7, 8)
"""The orientations that swap width and height."""

_DECODING_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    *(IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError),
)


_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
"""The first brands of HEIF files, as phones write them."""


class UnusablePicture(ValueError):
    """A file is not an image that can be edited; the message is the same for every file with the same cause."""


@dataclass(frozen=True)
class Header:
    """Size and orientation of an image file, from its header.

    Attributes:
        width: width of the stored image, in pixels.
        height: height of the stored image, in pixels.
        orientation: EXIF orientation, 1 to 8.
    """

    width: int
    height: int
    orientation: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as displayed, in pixels."""
        if self.orientation in SWAPPING:
            return self.height, self.width
        return self.width, self.height


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    if not data:
        raise UnusablePicture("the file is empty")
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        _register_heif()
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


def _register_heif() -> None:
    """Lets Pillow read HEIF, by an extra.

    Raises:
        UnusablePicture: the extra is not installed.
    """
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise UnusablePicture("a HEIF file (.heic): pip install 'diffseg30k[heif]' reads them") from error
    register_heif_opener()


def read_header(data: bytes) -> Header:
    """Reads the size and orientation of an image file.

    Raises:
        UnusablePicture: it is empty, not an image or too large.
    """
    with _opened(data) as image:
        orientation = _orientation(image)
        # for TIFF Pillow gives the displayed size, and applies the orientation while decoding
        is_swapped = image.format == "TIFF" and orientation in SWAPPING
        width, height = reversed(image.size) if is_swapped else image.size
        return Header(width, height, orientation)


def _orientation(image: Image.Image) -> int:
    orientation = image.getexif().get(ExifTag.Orientation, 1)
    return orientation if orientation in TURNS else 1


def centre_square(width: int, height: int) -> tuple[int, int, int]:
    """Left, top and side of the largest central square, in pixels."""
    edge = min(width, height)
    return (width - edge) // 2, (height - edge) // 2, edge


def decode_square(data: bytes, side: int) -> np.ndarray:
    """Decodes an image file, applies its orientation, crops the central square and resizes it.

    Transparent images are composited over white, 16-bit grey is scaled to 8 bits, CMYK and grey are converted to
    RGB. Of an animation the first frame is used.

    Args:
        data: content of the file.
        side: height and width of the result, in pixels.

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        UnusablePicture: it is empty, not an image, too large, truncated or damaged.
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
    """Scales 16-bit grey to 8 bits; Pillow would clip it at 255."""
    values = np.asarray(image).astype(np.int64).clip(0, 65535)
    return Image.fromarray((values / 257).round().astype(np.uint8))
