"""Turns a row of a dataset into what the gallery's pages show of it.

What the grid filters and sorts by is kept apart from the rest (`GridRow`), since it is loaded for every row.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from builder.dataset.directory import Shard
from builder.encoding.images import decode_mask
from builder.encoding.secrets import redact
from cards.gallery.pictures import agreement, overlay
from cards.licenses import license_of
from cards.markup import is_web_page
from diffseg30k import CLASS_NAMES, EDIT_TYPES, LORA, SOURCES, label_value

_MEASURED = (
    "mask_area",
    "inside_change",
    "outside_change",
    "seam",
    "coverage",
    "changed_share",
    "removal_dilation",
)
_DIGITS = 4


@dataclass(frozen=True)
class GridRow:
    """What the grid knows of a row; its fields are the columns of the grid's data.

    Attributes:
        id: the row's id.
        key: the stem of its pictures' names.
        generators: bit `i` is set where label value `i` was used; 0 for an unedited photograph.
        types: bit `i` is set where edit type `i` occurs.
        turns: number of edits; None where it is not known.
        source: `coco` or `generated`.
        split: `train` or `validation`, the side of the 8:2, or `semantic-lora`.
        objects: the edited objects, separated by commas.
        quality: 0 to 5; None where no VLM judged the image.
        area: share of the image that was edited, 0 to 1.
        change: mean absolute change inside the masks, averaged over the edits, 0 to 1; None where not measured.
        iou: of the predicted and the truly edited pixels; None without a prediction, and where neither has any.
        called: share of the pixels that are predicted as edited; None without a prediction.
    """

    id: str
    key: str
    generators: int
    types: int
    turns: int | None
    source: str | None
    split: str
    objects: str
    quality: float | None
    area: float
    change: float | None
    iou: float | None
    called: float | None


def grid_row(row: dict[str, Any], shard: Shard, key: str, area: float, agreed: dict | None) -> GridRow:
    """What the grid knows of a row.

    Args:
        row: its columns but the images.
        shard: where it lies.
        key: the stem of its pictures' names.
        area: share of the image that was edited.
        agreed: of `pictures.agreement`; None without a prediction.
    """
    edits = row["edits"] or []
    changes = [edit["inside_change"] for edit in edits if edit["inside_change"] is not None]
    source = row["base"]["source"]
    return GridRow(
        id=row["id"],
        key=key,
        generators=_bits(row["generators"] or []),
        types=_bits(edit["edit_type"] for edit in edits if edit["edit_type"] is not None),
        turns=row["num_edits"],
        source=None if source is None else SOURCES[source],
        split="semantic-lora" if shard.group == LORA else shard.side,
        objects=", ".join(dict.fromkeys(edit["object"] for edit in edits if edit["object"])),
        quality=_rounded(row["quality_score"]),
        area=round(area, _DIGITS),
        change=_rounded(sum(changes) / len(changes)) if changes else None,
        iou=_rounded(agreed["iou"]) if agreed else None,
        called=_rounded(agreed["called"]) if agreed else None,
    )


def details(row: dict[str, Any], labels: np.ndarray, shape: tuple[int, int]) -> dict[str, Any]:
    """Everything that a row's own page shows beside its pictures.

    Args:
        row: its columns but the images.
        labels: (H, W) uint8, its `semantic_mask`.
        shape: height and width of the image.
    """
    base = row["base"]
    license = license_of(base["license"])
    return {
        "id": row["id"],
        "height": shape[0],
        "width": shape[1],
        "base": {
            "id": base["id"],
            "generator": None if base["generator"] is None else CLASS_NAMES[base["generator"]],
            "prompt": base["prompt"],
            "license": redact(license.name),
            "license_url": _web_page(license.url),
            "url": _web_page(base["url"]),
        },
        "edits": [_edit(edit) for edit in row["edits"] or []],
        "labels": overlay(labels) if labels.any() else None,
    }


def prediction(labels: np.ndarray, predicted: np.ndarray, binary: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """A detector's label map for a row's page, and how it agrees with the truth.

    Args:
        labels: (H, W) uint8, the truth.
        predicted: the same shape.
        binary: whether `predicted` says only "edited"; it is shown in the colour of value 1 then.
    """
    agreed = agreement(labels, predicted, binary)
    shown = {name: _rounded(value) for name, value in agreed.items()}
    return shown | {"mask": overlay(predicted) if predicted.any() else None}, agreed


def _edit(edit: dict[str, Any]) -> dict[str, Any]:
    generator = CLASS_NAMES[edit["generator"]]
    mask = decode_mask(edit["mask"]["bytes"]) if edit["mask"] else None
    kind = edit["edit_type"]
    return {
        "turn": edit["turn"],
        "generator": generator,
        "type": None if kind is None else EDIT_TYPES[kind],
        "object": edit["object"],
        "prompt": edit["prompt"],
        "checkpoint": redact(edit["checkpoint"] or "") or None,
        "lora": edit["lora"],
        # as text: JavaScript's numbers are exact to 53 bits only
        "seed": None if edit["seed"] is None else str(edit["seed"]),
        "steps": edit["steps"],
        "guidance": _rounded(edit["guidance"]),
        "compositing": edit["compositing"],
        "quality": _rounded(edit["quality_score"]),
        "reason": edit["quality_reason"],
        "mask": None if mask is None else overlay((mask > 0).astype(np.uint8) * label_value(generator)),
        **{name: _rounded(edit.get(name)) for name in _MEASURED},
    }


def _bits(values: Any) -> int:
    found = 0
    for value in values:
        found |= 1 << value
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), _DIGITS)


def _web_page(url: str | None) -> str | None:
    """A URL that a link may have: a web page's, without secrets; None for any other."""
    return redact(url) if url and is_web_page(url) else None
