"""The options of a gallery."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Predictions:
    """A detector's label maps, to be shown beside the truth.

    Attributes:
        detector: its name.
        condition: the distortion that it saw the images with; `clean` for none.
        binary: whether the label maps say only "edited", 1, and not the generator, 1 to 8.
        files: row id to a PNG whose pixels are label values.
    """

    detector: str
    condition: str
    binary: bool
    files: Mapping[str, str]


@dataclass(frozen=True)
class GalleryOptions:
    """The options of a gallery.

    Attributes:
        rows: number of rows, chosen by a hash of their ids; None for all.
        side: longest side of the pictures in pixels; smaller ones stay as they are.
        predictions: a detector's label maps; None for none.
        workers: threads that make pictures; None for one a processor core.
        progress: whether a progress bar is shown.
    """

    rows: int | None = None
    side: int = 768
    predictions: Predictions | None = None
    workers: int | None = None
    progress: bool = True
