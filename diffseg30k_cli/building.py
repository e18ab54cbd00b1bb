"""The commands that build a dataset: `build`, one for each stage, and `labels` before them."""

from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from builder.run.directory import RunDirectory, require_bases, require_plan
from diffseg30k_cli.app import BUILDING, app
from diffseg30k_cli.network import go_offline_if_unreachable
from diffseg30k_cli.options.choices import (
    CheckpointChoices,
    ExecutorChoices,
    PackChoices,
    PlanChoices,
    ScoreChoices,
    SourceChoices,
    VlmChoices,
    WorkChoices,
)
from diffseg30k_cli.options.common import (
    AsJson,
    Check,
    Dataset,
    Device,
    MaxFailures,
    Out,
    RunArgument,
    Workers,
    default_run,
    worker_count,
)
from diffseg30k_cli.options.groups import grouped
from diffseg30k_cli.printing import Files, Submitted, announce, show, show_next, show_stage
from generation.editing.executors.options import ExecutorOptions

Run = Annotated[str, typer.Option(help="Run directory: a folder or an fsspec URL.", show_default=False)]
Target = Annotated[
    int | None,
    typer.Option(min=1, help="Number of accepted images: further rounds compensate for discarded ones."),
]


@app.command(rich_help_panel=BUILDING)
@grouped
def build(
    out: Out,
    sources: SourceChoices,
    plan: PlanChoices,
    replaced: CheckpointChoices,
    vlm: VlmChoices,
    work: WorkChoices,
    scoring: ScoreChoices,
    packing: PackChoices,
    run: Annotated[str | None, typer.Option(help="Run directory; OUT-run if left out.")] = None,
    target: Target = None,
    workers: Workers = None,
    max_failures: MaxFailures = 0,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Builds a packed dataset from photographs: runs plan, generate, score, pack and card.

    An interrupted build continues when it is started again with the same options.
    """
    announce(
        f"Builds {out} of {sources.images}: plans, edits, scores and packs; run {run or default_run(out)}.",
        as_json,
    )
    build_and_report(
        out,
        sources,
        plan,
        replaced,
        vlm,
        work,
        scoring,
        packing,
        run,
        target,
        workers,
        max_failures,
        check,
        as_json,
    )
    show_next(f"diffseg30k verify {out}", f"diffseg30k gallery {out} --out {out}-gallery", as_json=as_json)


def build_and_report(
    out: str,
    sources: SourceChoices,
    plan: PlanChoices,
    replaced: CheckpointChoices,
    vlm: VlmChoices,
    work: WorkChoices,
    scoring: ScoreChoices,
    packing: PackChoices,
    run: str | None = None,
    target: int | None = None,
    workers: int | None = None,
    max_failures: int = 0,
    check: bool = False,
    as_json: bool = False,
) -> None:
    """Builds a dataset and prints each stage's report; ends with exit code 1 if the dataset is not complete."""
    found = sources.sources()
    found.check()
    if plan.needs_hub or vlm.needs_hub:
        go_offline_if_unreachable()
    client = vlm.client(work.device)
    planned = plan.plan(replaced, client if plan.asks_vlm else None)
    from diffseg30k_cli.pipelines import BuildOptions, build_dataset, check_target
    from generation.prepare.prepare import check_regions

    check_target(target, planned)
    check_regions(found, planned)

    options = BuildOptions(
        run=run,
        target=target,
        worker=work.worker(replaced),
        where=ExecutorOptions(workers=worker_count(workers, work.device)),
        client=client,
        quality=scoring.quality(),
        packing=packing.packing(),
        max_failures=max_failures,
        check=check,
    )
    if not build_dataset(found, planned, out, options, partial(show_stage, as_json=as_json)):
        raise typer.Exit(1)


@app.command(rich_help_panel=BUILDING)
@grouped
def plan(
    run: Run,
    sources: SourceChoices,
    choices: PlanChoices,
    replaced: CheckpointChoices,
    vlm: VlmChoices,
    work: WorkChoices,
    executing: ExecutorChoices,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Fixes every edit before any is made: base images, regions, prompts, generators, seeds.

    With --captions the executor paints base images first. With --executor slurm they are submitted, and the
    command is given again when the jobs have ended.
    """
    found = sources.sources()
    found.check()
    announce(f"Plans edits of {sources.images} into {run}.", as_json)
    if choices.needs_hub or (choices.asks_vlm and vlm.needs_hub):
        go_offline_if_unreachable()
    from generation.prepare.painting import PicturesSubmitted
    from generation.prepare.prepare import prepare_run

    client = vlm.client(work.device) if choices.asks_vlm else None
    if executing.executor != "local" and not sources.captions:
        raise typer.BadParameter("it paints base images: give --captions", param_hint="--executor")
    where = executing.where(work.device) if sources.captions else None
    painting = None
    if where or choices.regions == "automatic":
        painting = work.on(where or ExecutorOptions()).worker(replaced, where is None or where.kind == "local")
    planned = choices.plan(replaced, client)
    try:
        show(prepare_run(run, found, planned, client, painting, check=check, where=where), as_json)
        show_next(f"diffseg30k generate {run}", as_json=as_json)
    except PicturesSubmitted as waiting:
        again = "when the jobs have ended, give the same command again: it makes the plan"
        show(Submitted(run, waiting.jobs, again), as_json)


@app.command(rich_help_panel=BUILDING)
@grouped
def generate(
    run: RunArgument,
    replaced: CheckpointChoices,
    vlm: VlmChoices,
    work: WorkChoices,
    executing: ExecutorChoices,
    max_failures: MaxFailures = 0,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Makes the unfinished edits of a plan; those that failed are tried again."""
    require_plan(RunDirectory(run))
    announce(f"Makes the unfinished edits of {run}.", as_json)
    go_offline_if_unreachable()
    where = executing.where(work.device)
    _generate(run, replaced, vlm, work, where, max_failures, check, as_json)


def _generate(
    run: str,
    replaced: CheckpointChoices,
    vlm: VlmChoices,
    work: WorkChoices,
    where: ExecutorOptions,
    max_failures: int,
    check: bool,
    as_json: bool,
) -> None:
    """Makes or submits the edits of a plan; without a named VLM that of the plan is used."""
    from diffseg30k_cli.pipelines import is_complete
    from generation.editing.run import generate as make_edits
    from generation.editing.run import submit
    from generation.prepare.run_options import read_vlm

    options = work.on(where).worker(replaced, where.kind == "local")
    if where.kind == "slurm":
        show(Submitted(run, tuple(submit(run, options, where))), as_json)
        return
    if vlm.vlm is None:
        planned = read_vlm(RunDirectory(run))
        vlm = replace(vlm, vlm=planned.get("vlm"), vlm_model=vlm.vlm_model or planned.get("model"))
    report = make_edits(run, options, where, vlm.client(options.device), check)
    show(report, as_json)
    if not is_complete(report, max_failures):
        raise typer.Exit(1)
    show_next(f"diffseg30k score {run}", as_json=as_json)


@app.command(rich_help_panel=BUILDING)
@grouped
def score(
    run: RunArgument, vlm: VlmChoices, scoring: ScoreChoices, device: Device = "auto", as_json: AsJson = False
) -> None:
    """Measures every edit, lets a VLM judge it if one is named, and discards what falls short.

    A VLM's scores are kept: with other limits the command can be repeated without new questions.
    """
    require_bases(RunDirectory(run))
    announce(f"Scores the finished images of {run}.", as_json)
    if vlm.needs_hub:
        go_offline_if_unreachable()
    from generation.quality.score import score as score_run

    report = score_run(run, scoring.quality(), vlm.client(device))
    show(report, as_json)
    report.check()
    if report.unreadable:
        raise typer.Exit(1)
    show_next(
        f"diffseg30k report {run} --out {run}-report", f"diffseg30k pack {run} --out DATASET", as_json=as_json
    )


@app.command(rich_help_panel=BUILDING)
@grouped
def pack(
    run: RunArgument,
    out: Out,
    packing: PackChoices,
    partial_run: Annotated[
        bool, typer.Option("--partial", help="Images may be unfinished: they are left out without an error.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Packs the finished images of a run to Parquet shards.

    It ends with exit code 1 if a file of the run is missing or damaged, and with 3 if images are unfinished; what
    can be packed is packed in either case.
    """
    announce(f"Packs the finished images of {run} into {out}.", as_json)
    from builder.packing.pack import pack as pack_run

    report = pack_run(run, out, packing.packing())
    show(report, as_json)
    if report.broken:
        raise typer.Exit(1)
    if report.unfinished and not partial_run:
        raise typer.Exit(3)
    show_next(f"diffseg30k card {out}", as_json=as_json)


@app.command(rich_help_panel=BUILDING)
def card(
    dataset: Dataset,
    gallery: Annotated[
        str | None, typer.Option(help="URL of the dataset's gallery, to which the card links from now on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Writes the card of a packed dataset: README.md, its figures and its pictures."""
    announce(f"Counts {dataset} and writes its card.", as_json)
    from cards.card import write_card

    show(Files("card", (write_card(dataset, gallery=gallery),)), as_json)
    show_next(f"diffseg30k verify {dataset}", f"diffseg30k push {dataset} NAMESPACE/NAME", as_json=as_json)


@app.command(rich_help_panel=BUILDING)
@grouped
def lora(
    run: RunArgument,
    out: Annotated[str, typer.Option(help="Packed dataset of the run, to which `semantic-lora` is added.")],
    replaced: CheckpointChoices,
    work: WorkChoices,
    lora_run: Annotated[
        str | None, typer.Option(help="Run directory of the LoRA edits; RUN-lora if left out.")
    ] = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Edits the validation images of Stable Diffusion XL again with a LoRA, as the config `semantic-lora`."""
    require_plan(RunDirectory(run))
    announce(f"Edits images of {run} again with a LoRA, and adds them to {out}.", as_json)
    go_offline_if_unreachable()
    from diffseg30k_cli.pipelines import BuildOptions, add_lora_edits

    where = ExecutorOptions(workers=worker_count(workers, work.device))
    options = BuildOptions(worker=work.worker(replaced), where=where)
    if not add_lora_edits(run, out, lora_run, options, partial(show_stage, as_json=as_json)):
        raise typer.Exit(1)
    show_next(f"diffseg30k verify {out}", as_json=as_json)


@app.command(rich_help_panel=BUILDING)
def labels(
    folder: Annotated[str, typer.Argument(help="Folder of .json files of Labelme or .txt files of YOLO.")],
    images: Annotated[str, typer.Option(help="Folder of the photographs.", show_default=False)],
    out: Annotated[str, typer.Option(help="The COCO instances file to write.")] = "instances.json",
    as_json: AsJson = False,
) -> None:
    """Converts label files of Labelme or YOLO to a COCO instances file, for `build --annotations`.

    CVAT, Label Studio and Roboflow export COCO themselves.
    """
    announce(f"Converts the label files in {folder} to {out}.", as_json)
    from generation.sources.label_files import convert_labels

    show(convert_labels(folder, images, out), as_json)
    show_next(f"diffseg30k build --images {images} --annotations {out} --out diffseg30k", as_json=as_json)
