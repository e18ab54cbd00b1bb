"""The `plan` stage: turns photographs into a run directory with base images and a plan.

The plan is written last, so a run that has a plan is complete. An interrupted call can be repeated with the same
options: existing base images are not made again.
"""

import dataclasses
import hashlib
import json
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from PIL import Image

from builder.run.bases import Base, read_bases, write_bases
from builder.run.directory import PLAN, READERS, RunDirectory, base_path
from builder.run.map_ahead import map_ahead
from builder.run.planned_edit import PlannedEdit, read_plan, write_plan
from generation.editing.executors.options import ExecutorOptions
from generation.editing.worker_options import WorkerOptions
from generation.plan.draw import plan_edits
from generation.plan.options import PlanOptions
from generation.plan.report import report_on
from generation.plan.selection import Candidate
from generation.prepare.base_images import BaseImageSources, Bases, gather_bases
from generation.prepare.captions import pictures_of
from generation.prepare.gathering import Propose
from generation.prepare.painting import Painter
from generation.prepare.repair import damaged_bases, has_whole_plan, make_again, plan_digest
from generation.prepare.report import (
    NO_REGION,
    NOT_NEEDED,
    PrepareReport,
    count_reasons,
    skip_lines,
    write_skipped,
)
from generation.prepare.run_options import settle_options
from generation.regions.annotations import propose_annotated
from generation.sources.captions_file import read_captions
from generation.sources.coco_file import CocoFile, Skip
from generation.sources.photographs import Photograph, SourceOptions, Sources, read_coco, read_folder
from generation.vlm.client import VlmClient


class NothingToEdit(ValueError):
    """No photograph can be edited; the message says why."""


def prepare_run(
    run_url: str,
    sources: SourceOptions,
    options: PlanOptions,
    client: VlmClient | None = None,
    painting: WorkerOptions | None = None,
    used: frozenset[str] = frozenset(),
    check: bool = False,
    where: ExecutorOptions | None = None,
) -> PrepareReport:
    """Plans a run and makes its base images. A run that has its plan is not changed, but for damaged files, which
    are made again.

    Args:
        run_url: a folder or an fsspec URL; it need not exist.
        sources: the photographs.
        options: the plan's options.
        client: the VLM that names objects and writes prompts; None if the plan needs none.
        painting: worker options for base images from captions, and the device for automatic regions; CPU and
            batch size 1 if left out.
        used: names of images of other runs, which are not used again.
        check: compare the content of every base image with its digest, and not only its size.
        where: the executor that paints base images from captions; one worker on this machine if left out.

    Raises:
        FileNotFoundError: the annotation file, the captions or the photographs are not there.
        ValueError: the annotation file is not COCO, no photograph can be edited, or the run was begun with other
            options.
        PicturesSubmitted: the executor is Slurm, and base images are to be painted first; what fixes them is
            written, and the call is to be repeated when they are there.
        VlmUnavailable: the VLM does not answer; earlier answers are kept.
    """
    run = RunDirectory(run_url)
    painter = Painter(run, options.side, painting or WorkerOptions(), where or ExecutorOptions())
    _check(sources, options, client)
    was_planned = run.exists(PLAN)
    if was_planned:
        settle_options(run, sources, options, client)
        if has_whole_plan(run):
            return _repaired(run, sources, options, painter, check)
    found = _read(sources)
    pictures, skipped = _pictures(run, sources, options, found.coco)
    settle_options(run, sources, options, client)
    damaged = plan_digest(run) if was_planned else None
    with warnings.catch_warnings(), _proposer(run, options, client, painting) as propose:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `image_files.MAX_PIXELS` is the limit
        available = BaseImageSources(
            _left(found.photographs, used), _left(pictures, used), sources.generated_share
        )
        bases = gather_bases(run, available, options, propose, painter)
        made = _write(run, available, bases, options, [*found.skipped, *skipped, *bases.skipped])
    if damaged and damaged != plan_digest(run):
        raise ValueError(
            f"{run.url}/{PLAN} was damaged, and planned again it is another: the photographs, or versions of "
            "libraries, have changed. Restore the file, or begin another run"
        )
    return made


def _repaired(
    run: RunDirectory, sources: SourceOptions, options: PlanOptions, painter: Painter, check: bool
) -> PrepareReport:
    """Makes the damaged base images of a planned run again."""
    bases = read_bases(run)
    if damaged := damaged_bases(run, bases, check):
        found = _read(sources)
        pictures, _ = _pictures(run, sources, options, found.coco)
        by_name = {photograph.image: photograph for photograph in [*found.photographs, *pictures]}
        make_again(run, damaged, by_name, painter)
    unedited = sum(base.num_edits == 0 for base in bases)
    remade = tuple(base.image for base in damaged)
    return PrepareReport(report_on(read_plan(run), unedited, options), was_planned=True, remade=remade)


def _left(photographs: Sequence[Photograph], used: frozenset[str]) -> tuple[Photograph, ...]:
    return tuple(photograph for photograph in photographs if photograph.image not in used)


def check_regions(sources: SourceOptions, options: PlanOptions) -> None:
    """Raises ValueError where regions are to come of annotations and there are none."""
    if sources.annotations is None and options.regions == "annotations":
        raise ValueError(
            "there are no regions without annotations: give --annotations FILE, or --regions automatic"
        )


def _check(sources: SourceOptions, options: PlanOptions, client: VlmClient | None) -> None:
    check_regions(sources, options)
    if options.asks_vlm and (client is None or client.vlm.name != options.vlm):
        raise ValueError(
            f"the plan's options name the VLM {options.vlm}, but another VLM or none is given as client"
        )


def _read(sources: SourceOptions) -> Sources:
    if sources.annotations is None:
        return read_folder(sources.images)
    return read_coco(sources.images, sources.annotations, sources.any_license)


def _pictures(
    run: RunDirectory, sources: SourceOptions, options: PlanOptions, coco: CocoFile | None
) -> tuple[tuple[Photograph, ...], list[Skip]]:
    """The pictures that can be generated from captions, and the captions that cannot be used."""
    if sources.captions is None or not sources.generated_share:
        return (), []
    captions, skipped = read_captions(sources.captions)
    pictures = pictures_of(captions, run, options, coco if options.regions == "annotations" else None)
    if not pictures:
        raise ValueError(f"no caption of {sources.captions} describes a photograph of {sources.annotations}")
    return pictures, skipped


@contextmanager
def _automatic(run: RunDirectory, options: PlanOptions, device: str) -> Iterator[Propose]:
    from generation.regions.automatic.options import NAMING_DETECTOR, AutomaticOptions
    from generation.regions.automatic.proposer import AutomaticRegions
    from generation.regions.grounding.options import SEGMENTER

    models = AutomaticOptions(options.segmenter or SEGMENTER, options.detector or NAMING_DETECTOR, device)
    automatic = AutomaticRegions(run, options.side, models)
    try:
        yield automatic.propose
    finally:
        automatic.close()


@contextmanager
def _proposer(
    run: RunDirectory, options: PlanOptions, client: VlmClient | None, painting: WorkerOptions | None
) -> Iterator[Propose]:
    """The function that finds regions: from annotations, or by models."""
    if options.regions == "annotations":
        yield partial(propose_annotated, side=options.side)
        return
    if options.regions == "automatic":
        with _automatic(run, options, (painting or WorkerOptions()).device) as propose:
            yield propose
        return
    assert client is not None  # `_check` has seen to it
    from generation.regions.grounding.options import DETECTOR, SEGMENTER, GroundingOptions
    from generation.regions.grounding.proposer import GroundedSam
    from generation.vlm.client import open_vlm

    vlm = open_vlm(client.vlm)
    models = GroundingOptions(options.detector or DETECTOR, options.segmenter or SEGMENTER, client.vlm.device)
    grounded = GroundedSam(run, options.side, vlm, client.reply_store(run), models)
    try:
        yield grounded.propose
    finally:
        vlm.close()
        grounded.close()


def _write(
    run: RunDirectory, available: BaseImageSources, bases: Bases, options: PlanOptions, skipped: Sequence[Skip]
) -> PrepareReport:
    """Writes the list of base images and, last, the plan."""
    dropped = count_reasons(bases.dropped)
    if not bases.edited:
        reasons = [*skip_lines(skipped), *(f"{count} objects: {reason}" for reason, count in dropped)]
        raise NothingToEdit(f"no photograph can be edited. {'. '.join(reasons) or 'No object was named'}")
    used = [*bases.edited, *bases.unedited]
    edits = plan_edits(bases.edited, options)
    unused = _unused(available.photographs, bases, skipped)
    write_skipped(run, [*skipped, *unused])
    write_bases(run, _bases(run, [*available.photographs, *available.pictures], used, edits))
    write_plan(run, edits)
    return PrepareReport(
        plan=report_on(edits, len(bases.unedited), options),
        photographs=len(available.photographs),
        captions=len(available.pictures) if available.share else None,
        generated=bases.generated,
        generated_share=available.share,
        examined=bases.examined,
        skipped=tuple(skipped),
        unused=tuple(unused),
        dropped=dropped,
    )


def _unused(photographs: Sequence[Photograph], bases: Bases, skipped: Sequence[Skip]) -> list[Skip]:
    """The usable photographs that are not in the plan, with reasons."""
    gone = {candidate.image for candidate in (*bases.edited, *bases.unedited)}
    named = {skip.name for skip in skipped}
    return [
        Skip(each.file_name, NO_REGION if each.image in bases.without_regions else NOT_NEEDED)
        for each in photographs
        if each.image not in gone and each.file_name not in named
    ]


def _bases(
    run: RunDirectory,
    photographs: Sequence[Photograph],
    used: Sequence[Candidate],
    edits: Sequence[PlannedEdit],
) -> list[Base]:
    by_name = {photograph.image: photograph for photograph in photographs}
    planned = defaultdict(list)
    for edit in edits:
        planned[edit.image].append(edit)
    names = sorted(candidate.image for candidate in used)
    with ThreadPoolExecutor(READERS) as pool:
        files = map_ahead(pool, lambda name: run.read(base_path(name)), names, 2 * READERS)
        return [
            _base(by_name[name], planned[name]).with_file(data) for name, data in zip(names, files, strict=True)
        ]


def _base(photograph: Photograph, edits: Sequence[PlannedEdit]) -> Base:
    painting = photograph.painting
    return Base(
        image=photograph.image,
        row_id=row_id(photograph.image, edits),
        base_id=photograph.base_id,
        source="generated" if painting else "coco",
        generator=painting.settings.generator if painting else None,
        prompt=painting.prompt if painting else None,
        license=photograph.license,
        url=photograph.url,
        num_edits=len(edits),
    )


def row_id(image: str, edits: Sequence[PlannedEdit]) -> str:
    """The id of an image's dataset row: its name, and for an edited image a digest of its planned edits."""
    if not edits:
        return image
    text = json.dumps([dataclasses.asdict(edit) for edit in edits], sort_keys=True)
    return f"{image}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"
