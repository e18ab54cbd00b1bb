"""Plans the LoRA run: validation images that Stable Diffusion XL edited are edited again, by it with a LoRA.

The paper's Table 4 compares the two. Regions, prompts, seeds and all other generators stay the same. The turns
before an image's first edit with the LoRA are copied; that turn and all later ones are made again, because their
input pixels differ.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.run.bases import Base, read_bases, write_bases
from builder.run.directory import PLAN, RunDirectory, base_path, image_path, mask_path, record_path
from builder.run.file_digest import REPAIR, DamagedFile, FileDigest, check
from builder.run.planned_edit import PlannedEdit, read_plan, write_plan
from builder.run.records import read_record
from diffseg30k import side
from generation.generators import registry
from generation.prepare.prepare import row_id
from generation.prepare.repair import damaged_bases
from generation.prompts.vlm_prompts import WrittenPrompts

GENERATOR = "sdxl"


@dataclass(frozen=True)
class LoraReport:
    """Counts of a LoRA run.

    Attributes:
        images: number of images that are edited again.
        with_lora: number of edits with the LoRA.
        others: number of edits without it that are made again, because they follow one with it.
        copied: number of edits that were copied.
        loras: names of the LoRAs.
        was_planned: whether the run had its plan already.
    """

    images: int
    with_lora: int
    others: int
    copied: int
    loras: tuple[str, ...]
    was_planned: bool

    def lines(self) -> list[str]:
        """Lines to print."""
        return [
            f"{self.images} images of the validation side to edit again: {self.with_lora} edits with "
            f"{', '.join(self.loras)}, {self.others} later ones by other generators, {self.copied} copied"
            + (" (planned before)" if self.was_planned else "")
        ]


def plan_lora_run(run_url: str, lora_run_url: str, replacements: Mapping[str, str] | None = None) -> LoraReport:
    """Plans the LoRA run of a run and copies the unchanged turns into it; `generate` then makes the other edits.

    A call that was interrupted can be repeated; a LoRA run that has its plan is not changed.

    Args:
        run_url: a run directory whose edits are finished.
        lora_run_url: another run directory, which need not exist.
        replacements: LoRA id to the file or Hub name that replaces the published LoRA.

    Raises:
        FileNotFoundError: the run has no plan.
        ValueError: no image of its validation side was edited by Stable Diffusion XL, edits of such images are not
            finished, or the LoRA run was planned for another run.
    """
    run, lora_run = RunDirectory(run_url), RunDirectory(lora_run_url)
    chosen = _chosen(run)
    edits = {
        image: [_with_lora(edit, replacements or {}) for edit in planned] for image, planned in chosen.items()
    }
    flat = [edit for image in sorted(edits) for edit in edits[image]]
    was_planned = lora_run.exists(PLAN)
    if was_planned and read_plan(lora_run) != flat:
        raise ValueError(f"{lora_run_url} was planned for another run or LoRA; give another folder")
    if was_planned:
        for base in damaged_bases(lora_run, read_bases(lora_run)):
            lora_run.write(base_path(base.image), _checked(run, base_path(base.image), base.digest))
    else:
        bases = [base for base in read_bases(run) if base.image in edits]
        for base in bases:
            _copy(run, lora_run, base, _turns_before(edits[base.image]))
        write_bases(lora_run, [_base(base, edits[base.image]) for base in bases])
        write_plan(lora_run, flat)
    return _report(list(edits.values()), was_planned)


def _chosen(run: RunDirectory) -> dict[str, list[PlannedEdit]]:
    """The edits of each finished validation image that the generator edited, in order of turn."""
    planned = defaultdict(list)
    for edit in read_plan(run):
        planned[edit.image].append(edit)
    validation = {base.image for base in read_bases(run) if side(base.base_id) == "validation"}
    chosen = {
        image: sorted(edits, key=lambda edit: edit.turn)
        for image, edits in planned.items()
        if image in validation and any(edit.generator == GENERATOR for edit in edits)
    }
    if not chosen:
        raise ValueError(f"{run.url}: no image of the validation side is edited by {GENERATOR}")
    finished = {turn: run.finished(turn) for turn in {edit.turn for edits in chosen.values() for edit in edits}}
    open_edits = [edit for edits in chosen.values() for edit in edits if edit.image not in finished[edit.turn]]
    if open_edits:
        raise ValueError(
            f"{run.url}: {len(open_edits)} edits are not finished, the one of {open_edits[0].image} at turn "
            f"{open_edits[0].turn} among them; finish them with `diffseg30k generate {run.url}`"
        )
    return _with_prompts(run, chosen)


def _with_prompts(run: RunDirectory, chosen: Mapping[str, list[PlannedEdit]]) -> dict[str, list[PlannedEdit]]:
    """The edits with the prompts that the VLM wrote in the first run, so that it is not asked again."""
    whole = defaultdict(list)
    for edit in WrittenPrompts(run).added_to([edit for edits in chosen.values() for edit in edits]):
        whole[edit.image].append(dataclasses.replace(edit, prompt_by=None))
    return dict(whole)


def _with_lora(edit: PlannedEdit, replacements: Mapping[str, str]) -> PlannedEdit:
    if edit.generator != GENERATOR:
        return edit
    settings = registry.lora_settings(GENERATOR, edit.checkpoint, replacements)
    return dataclasses.replace(edit, lora=settings.lora, steps=settings.steps, guidance=settings.guidance)


def _turns_before(edits: Sequence[PlannedEdit]) -> int:
    """Number of turns before the first one with a LoRA."""
    return min(edit.turn for edit in edits if edit.lora) - 1


def _base(base: Base, edits: Sequence[PlannedEdit]) -> Base:
    return dataclasses.replace(base, row_id=row_id(base.image, edits))


def _copy(run: RunDirectory, lora_run: RunDirectory, base: Base, turns: int) -> None:
    """Copies a base image and its first turns; each turn's record last, because it marks the turn as finished."""
    digests: dict[str, FileDigest | None] = {base_path(base.image): base.digest}
    for turn in range(1, turns + 1):
        record = read_record(run, base.image, turn)
        digests |= {
            image_path(base.image, turn): record.image_file,
            mask_path(base.image, turn): record.mask_file,
            record_path(base.image, turn): None,
        }
    for path, digest in digests.items():
        if not lora_run.exists(path):
            lora_run.write(path, _checked(run, path, digest))


def _checked(run: RunDirectory, path: str, digest: FileDigest | None) -> bytes:
    try:
        return check(run.read(path), digest, f"{run.url}/{path}")
    except DamagedFile as error:
        raise DamagedFile(f"{error}; {REPAIR}") from error


def _report(images: Sequence[Sequence[PlannedEdit]], was_planned: bool) -> LoraReport:
    flat = [edit for planned in images for edit in planned]
    copied = sum(_turns_before(planned) for planned in images)
    with_lora = sum(edit.lora is not None for edit in flat)
    return LoraReport(
        images=len(images),
        with_lora=with_lora,
        others=len(flat) - with_lora - copied,
        copied=copied,
        loras=tuple(sorted({edit.lora for edit in flat if edit.lora})),
        was_planned=was_planned,
    )
