"""Makes one edit: inpaints a region, composites the result into the image and measures the change."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from builder.run.planned_edit import PlannedEdit
from generation.generators.masks import dilated, grown_to_grid
from generation.generators.pipelines.inpainter import Inpainter, InpaintRequest
from generation.generators.resize import resize_image

REMOVAL_SEED = 2**30
"""Added to the seed of an addition for its removal step, so that the two steps start from different noise."""


class EditFailed(ValueError):
    """An edit gave no usable result; the message says why."""


FULL_CHANGE = 3 * 255
"""The largest possible sum of a pixel's channels."""


@dataclass(frozen=True)
class EditOutcome:
    """A finished edit.

    Attributes:
        image: (H, W, 3) uint8.
        mask: (H, W) bool, true inside the edited region.
        inside_change: mean absolute difference to the input inside the mask, 0 to 1.
        outside_change: the same outside the mask; exactly 0 when spliced.
    """

    image: np.ndarray
    mask: np.ndarray
    inside_change: float
    outside_change: float


@dataclass(frozen=True)
class Inpainted:
    """A generator's result for an image, before compositing.

    Attributes:
        image: (H, W, 3) uint8, the image after the previous turn.
        cleared: the same after the removal step of an addition; for other edit types `image`.
        result: (H, W, 3) uint8, the generator's whole output.
        mask: (H, W) bool.
        compositing: one of `diffseg30k.COMPOSITING`.
    """

    image: np.ndarray
    cleared: np.ndarray
    result: np.ndarray
    mask: np.ndarray
    compositing: str

    def finish(self) -> EditOutcome:
        """Composites the result into the image and measures the change."""
        return _outcome(self.image, composite(self.cleared, self.result, self.mask, self.compositing), self.mask)


def apply_edits(
    inpainter: Inpainter, edits: Sequence[PlannedEdit], images: Sequence[np.ndarray]
) -> list[EditOutcome]:
    """Makes edits of one generator: `inpaint`, then `Inpainted.finish`."""
    return [one.finish() for one in inpaint(inpainter, edits, images)]


def inpaint(inpainter: Inpainter, edits: Sequence[PlannedEdit], images: Sequence[np.ndarray]) -> list[Inpainted]:
    """Runs a generator on planned edits that name it.

    An addition takes two steps, as in SEED-Data-Edit (Ge et al. 2024): remove the object, then add another one in
    the same place. Whatever removes an object paints more than its region (`PlannedEdit.removal_dilation`); the
    exact region is what is composited.

    Args:
        inpainter: the generator.
        edits: the planned edits; all have the same steps and guidance.
        images: (H, W, 3) uint8, one for each edit, after the previous turn.

    Raises:
        EditFailed: a mask is empty or not of the image's size, or a result is NaN or black.
        MemoryError: the device has too little memory for so many edits at a time.
    """
    masks = [_checked_mask(edit, image) for edit, image in zip(edits, images, strict=True)]
    cleared = list(images)
    if additions := [index for index, edit in enumerate(edits) if edit.removal_prompt]:
        results = _inpaint(
            inpainter,
            [images[index] for index in additions],
            [_dilated(masks[index], edits[index]) for index in additions],
            [edits[index] for index in additions],
            [edits[index].removal_prompt or "" for index in additions],
            REMOVAL_SEED,
        )
        for index, result in zip(additions, results, strict=True):
            cleared[index] = composite(images[index], result, masks[index], edits[index].compositing)
    painted = [
        _dilated(mask, edit) if edit.edit_type == "removal" else mask
        for mask, edit in zip(masks, edits, strict=True)
    ]
    results = _inpaint(inpainter, cleared, painted, edits, [edit.prompt for edit in edits])
    return [
        Inpainted(image, before, result, mask, edit.compositing)
        for image, before, result, mask, edit in zip(images, cleared, results, masks, edits, strict=True)
    ]


def _dilated(mask: np.ndarray, edit: PlannedEdit) -> np.ndarray:
    return dilated(mask, edit.removal_dilation) if edit.removal_dilation else mask


def _checked_mask(edit: PlannedEdit, image: np.ndarray) -> np.ndarray:
    mask = edit.mask()
    if mask.shape != image.shape[:2]:
        raise EditFailed(f"{edit.image}: its mask is {mask.shape} and its image {image.shape[:2]}")
    if not mask.any():
        raise EditFailed(f"{edit.image}: its mask is empty")
    return mask


def _inpaint(
    inpainter: Inpainter,
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    edits: Sequence[PlannedEdit],
    prompts: Sequence[str],
    seed_offset: int = 0,
) -> list[np.ndarray]:
    """The generator's whole outputs, resized to the images' own size."""
    requests = [
        InpaintRequest(
            image=resize_image(image, inpainter.side),
            mask=grown_to_grid(mask, inpainter.side, inpainter.cell),
            prompt=prompt,
            seed=(edit.seed + seed_offset) % 2**31,
            steps=edit.steps,
            guidance=edit.guidance,
        )
        for image, mask, edit, prompt in zip(images, masks, edits, prompts, strict=True)
    ]
    try:
        results = inpainter(requests)
    except FloatingPointError as error:
        raise EditFailed(str(error)) from error
    for result in results:
        if not result.any():
            raise EditFailed("the result is black")
    return [resize_image(result, image.shape[0]) for result, image in zip(results, images, strict=True)]


def composite(before: np.ndarray, result: np.ndarray, mask: np.ndarray, compositing: str) -> np.ndarray:
    """The result as it is (`regenerated`), or pasted into `before` inside the mask only (`spliced`)."""
    if compositing == "regenerated":
        return result
    return np.where(mask[..., None], result, before)


def _outcome(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> EditOutcome:
    change = np.maximum(after, before)
    change -= np.minimum(after, before)
    inside, everywhere = (int(part.sum(dtype=np.int64)) for part in (change[mask], change))
    area = int(mask.sum())
    return EditOutcome(
        image=after,
        mask=mask,
        inside_change=inside / (area * FULL_CHANGE),
        outside_change=(everywhere - inside) / ((mask.size - area) * FULL_CHANGE) if area < mask.size else 0.0,
    )
