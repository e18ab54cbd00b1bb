"""How finished images are judged."""

from dataclasses import dataclass
from typing import Literal, get_args

from builder.run.scores import HIGHEST, LOWEST

Judge = Literal["image", "edit"]
"""What a score judges: the whole picture, as in the paper, or each edit with its region before and after."""


@dataclass(frozen=True)
class QualityOptions:
    """How finished images are judged.

    Attributes:
        judge: one of `Judge`: what a VLM is shown.
        min_quality: an image with a lower score is discarded, 0 to 5 (paper, 3.2).
        min_change: an image is discarded where an edit changed the inside of its mask by less, 0 to 1. Below about
            a level of 255, nothing was edited there.
        max_seam: an image is discarded where an edit's seam is higher; None for any. The borders of real objects
            have a median near 1.7, and 1 in 20 is over 4.6.
        min_coverage: an image is discarded where less of what an edit changed lies inside its mask, 0 to 1; None
            for any. Only `regenerated` edits change anything outside it.

    Raises:
        ValueError: an option has a value that it cannot have.
    """

    judge: Judge = "image"
    min_quality: float = 3.0
    min_change: float = 0.004
    max_seam: float | None = None
    min_coverage: float | None = None

    def __post_init__(self) -> None:
        if self.judge not in get_args(Judge):
            raise ValueError(f"judge is {' or '.join(get_args(Judge))}, not {self.judge!r}")
        for name, value, highest in (
            ("min-quality", self.min_quality, HIGHEST),
            ("min-change", self.min_change, 1.0),
            ("min-coverage", self.min_coverage, 1.0),
        ):
            if value is not None and not LOWEST <= value <= highest:
                raise ValueError(f"{name} is from 0 to {highest:g}, not {value}")
        if self.max_seam is not None and self.max_seam <= 0:
            raise ValueError(f"max-seam is over 0, not {self.max_seam}")
