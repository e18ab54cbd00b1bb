"""The options of the quality filter: what a VLM judges, and the limits for accepting an image."""

from dataclasses import dataclass
from typing import Literal, get_args

from builder.run.scores import HIGHEST, LOWEST

Judge = Literal["image", "edit"]
"""What a VLM scores: the whole image, as in the paper, or each edit with its region before and after."""


@dataclass(frozen=True)
class QualityOptions:
    """The options of the quality filter.

    Attributes:
        judge: what a VLM scores, one of `Judge`.
        min_quality: an image with a lower quality score is discarded, 0 to 5 (paper, 3.2).
        min_change: an image is discarded if an edit changed the inside of its mask by less, 0 to 1. A change below
            about 1/255 means that nothing was edited.
        max_seam: an image is discarded if an edit has a higher seam; None for no limit. Of the borders of objects
            in photographs 1 in 20 is over 1.5.
        min_coverage: an image is discarded if a smaller share of the pixels that an edit changed lies inside its
            mask, 0 to 1; None for no limit. Only `regenerated` edits change pixels outside.
        min_changed_share: an image is discarded if an edit changed a smaller share of its mask's pixels, 0 to 1;
            None for no limit.

    Raises:
        ValueError: an option has an invalid value.
    """

    judge: Judge = "image"
    min_quality: float = 3.0
    min_change: float = 0.004
    max_seam: float | None = None
    min_coverage: float | None = None
    min_changed_share: float | None = None

    def __post_init__(self) -> None:
        if self.judge not in get_args(Judge):
            raise ValueError(f"judge is {' or '.join(get_args(Judge))}, not {self.judge!r}")
        for name, value, highest in (
            ("min-quality", self.min_quality, HIGHEST),
            ("min-change", self.min_change, 1.0),
            ("min-coverage", self.min_coverage, 1.0),
            ("min-changed-share", self.min_changed_share, 1.0),
        ):
            if value is not None and not LOWEST <= value <= highest:
                raise ValueError(f"{name} is from 0 to {highest:g}, not {value}")
        if self.max_seam is not None and self.max_seam <= 0:
            raise ValueError(f"max-seam is over 0, not {self.max_seam}")
