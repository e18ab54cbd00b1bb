"""Checks every row of a packed dataset, with one small function for each property.

A check returns one line for each violation, and none where a value that it needs is null: rows of the published
archives have no turns and prompts.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np

from builder.checks.loaded_row import LoadedRow
from builder.run.scores import HIGHEST, LOWEST
from diffseg30k import CLASS_NAMES, COMPOSITING, EDIT_TYPES, LABELS, MAX_TURNS, SOURCES

AREA_TOLERANCE = 1e-6
"""What single precision may take from an area that is a share of a few million pixels."""

Check = Callable[[LoadedRow], Iterator[str]]


def values_are_known(row: LoadedRow) -> Iterator[str]:
    fields = row.fields
    if not fields["id"]:
        yield "the id is empty"
    yield from _outside("label", fields["label"], len(LABELS))
    yield from _outside("base.source", (fields["base"] or {}).get("source"), len(SOURCES))
    for generator in (*row.generators, *(edit["generator"] for edit in row.edits)):
        if generator is None or not 1 <= generator < len(CLASS_NAMES):
            yield f"{generator} is not the number of a generator"
    for edit in row.edits:
        yield from _outside("edit_type", edit["edit_type"], len(EDIT_TYPES))
        if edit["compositing"] not in (None, *COMPOSITING):
            yield f"compositing is {edit['compositing']!r}"


def _outside(name: str, value: int | None, count: int) -> Iterator[str]:
    if value is not None and not 0 <= value < count:
        yield f"{name} is {value}, and there are {count}"


_SHARES = (
    "mask_area",
    "inside_change",
    "outside_change",
    "coverage",
    "changed_share",
    "removal_dilation",
)


def measures_are_shares(row: LoadedRow) -> Iterator[str]:
    for number, edit in enumerate(row.edits, start=1):
        for name in _SHARES:
            if edit[name] is not None and not 0 <= edit[name] <= 1:
                yield f"{name} of edit {number} is {edit[name]}"
        if edit["seam"] is not None and not 0 <= edit["seam"] < math.inf:
            yield f"seam of edit {number} is {edit['seam']}"


def scores_are_in_range(row: LoadedRow) -> Iterator[str]:
    for number, edit in enumerate(row.edits, start=1):
        if edit["quality_score"] is not None and not LOWEST <= edit["quality_score"] <= HIGHEST:
            yield f"quality_score of edit {number} is {edit['quality_score']}"
    score = row.fields["quality_score"]
    if score is not None and not LOWEST <= score <= HIGHEST:
        yield f"quality_score is {score}"


def masks_have_the_image_size(row: LoadedRow) -> Iterator[str]:
    if row.image is None:
        return
    height, width = row.image.shape[:2]
    masks = {"binary_mask": row.binary, "semantic_mask": row.semantic, "original": row.original}
    masks |= {f"the mask of edit {number}": mask for number, mask in enumerate(row.turns, start=1)}
    for name, mask in masks.items():
        if mask is not None and mask.shape[:2] != (height, width):
            yield f"{name} is {mask.shape[1]}x{mask.shape[0]}, the image {width}x{height}"


def binary_is_semantic_above_zero(row: LoadedRow) -> Iterator[str]:
    if row.binary is None or row.semantic is None or row.binary.shape != row.semantic.shape:
        return
    if differing := np.count_nonzero((row.binary > 0) != (row.semantic > 0)):
        yield f"they differ at {differing} pixels"


def semantic_is_the_turns_painted(row: LoadedRow) -> Iterator[str]:
    if row.semantic is None or not _turns_fit(row):
        return
    painted = np.zeros_like(row.semantic)
    for edit, mask in zip(row.edits, row.turns, strict=True):
        painted[mask != 0] = edit["generator"]
    if differing := np.count_nonzero(painted != row.semantic):
        yield f"it differs at {differing} pixels"


def semantic_holds_the_generators(row: LoadedRow) -> Iterator[str]:
    if row.semantic is None:
        return
    strangers = set(np.unique(row.semantic).tolist()) - {0} - set(row.generators)
    if strangers:
        names = ", ".join(CLASS_NAMES[value] for value in sorted(strangers))
        yield f"it holds {names}, which did not edit the image"


def label_is_edited_where_there_are_edits(row: LoadedRow) -> Iterator[str]:
    edited = bool(row.generators)
    if row.fields["label"] != LABELS.index("edited" if edited else "real"):
        yield f"the label is {row.fields['label']}, and {len(row.generators)} generators edited the image"
    if not edited and row.semantic is not None and row.semantic.any():
        yield "no generator edited the image, and its semantic_mask is not empty"


def edits_agree(row: LoadedRow) -> Iterator[str]:
    edits, generators = row.edits, row.generators
    count = row.fields["num_edits"]
    if count is not None and (count != len(generators) or count > MAX_TURNS):
        yield f"num_edits is {count}, and there are {len(generators)} generators"
    if not edits:
        return
    if [edit["generator"] for edit in edits] != generators:
        yield "the generators of the edits are not those of the row"
    turns = [edit["turn"] for edit in edits]
    if None not in turns and turns != list(range(1, len(edits) + 1)):
        yield f"the turns are {turns}"


def mask_area_is_the_masks(row: LoadedRow) -> Iterator[str]:
    for number, (edit, mask) in enumerate(zip(row.edits, row.turns, strict=True), start=1):
        if mask is None or edit["mask_area"] is None:
            continue
        share = np.count_nonzero(mask) / mask.size
        if not share:
            yield f"the mask of edit {number} is empty"
        if abs(share - edit["mask_area"]) > AREA_TOLERANCE:
            yield f"mask_area of edit {number} is {edit['mask_area']:.6f}, the mask covers {share:.6f}"


def spliced_changes_nothing_outside(row: LoadedRow) -> Iterator[str]:
    for number, edit in enumerate(row.edits, start=1):
        if edit["compositing"] == "spliced" and edit["outside_change"]:
            yield f"outside_change of edit {number} is {edit['outside_change']}"


def outside_the_masks_is_the_original(row: LoadedRow) -> Iterator[str]:
    if row.original is None or row.image is None or row.binary is None:
        return
    if any(edit["compositing"] != "spliced" for edit in row.edits) or len(row.edits) != len(row.generators):
        return
    if row.original.shape == row.image.shape and row.binary.shape == row.image.shape[:2]:
        changed = (row.original != row.image).any(axis=2) & (row.binary == 0)
        if count := np.count_nonzero(changed):
            yield f"{count} pixels outside the masks differ"


def _turns_fit(row: LoadedRow) -> bool:
    """Whether every turn has a mask of the semantic mask's size; an unedited row has none."""
    if len(row.edits) != len(row.generators) or row.semantic is None:
        return False
    fits = all(mask is not None and mask.shape == row.semantic.shape for mask in row.turns)
    return fits and all(edit["generator"] is not None for edit in row.edits)


ROW_CHECKS: dict[str, Check] = {
    "class numbers and names are those of the schema": values_are_known,
    "changes, shares, coverage, dilation and mask_area are 0 to 1, and seam is finite": measures_are_shares,
    "quality scores lie between 0 and 5": scores_are_in_range,
    "masks have the image's size": masks_have_the_image_size,
    "binary_mask is semantic_mask > 0": binary_is_semantic_above_zero,
    "semantic_mask is the turns' masks painted in order": semantic_is_the_turns_painted,
    "semantic_mask holds only the row's generators": semantic_holds_the_generators,
    "label says whether the image was edited": label_is_edited_where_there_are_edits,
    "num_edits, generators and edits agree": edits_agree,
    "mask_area is the share that the mask covers": mask_area_is_the_masks,
    "a spliced edit changes nothing outside its mask": spliced_changes_nothing_outside,
    "outside its masks a spliced image is its original, bit for bit": outside_the_masks_is_the_original,
}
"""Promise to check."""


def check_row(row: LoadedRow) -> list[tuple[str, str]]:
    """The violated promises of a row, each with the violation."""
    broken = [(promise, detail) for promise, check in ROW_CHECKS.items() for detail in check(row)]
    return row.problems + broken
