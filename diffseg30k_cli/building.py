"""The commands that build a dataset: `demo`, `build`, and one for each stage."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from diffseg30k_cli.app import BUILDING, app
from diffseg30k_cli.option_groups import grouped
from diffseg30k_cli.options import (
    AsJson,
    Check,
    CheckpointChoices,
    Dataset,
    Device,
    ExecutorChoices,
    MaxFailures,
    Out,
    PackChoices,
    PlanChoices,
    RunArgument,
    ScoreChoices,
    Seed,
    Size,
    SourceChoices,
    VlmChoices,
    WorkChoices,
    Workers,
    worker_count,
)
from diffseg30k_cli.printing import Files, Submitted, console, show, show_stage, show_table
from generation.editing.executors.options import ExecutorOptions

Run = Annotated[str, typer.Option(help="Run directory: a folder or an fsspec URL.", show_default=False)]
Target = Annotated[
    int | None,
    typer.Option(min=1, help="Number of accepted images: further rounds compensate for discarded ones."),
]


@app.command(rich_help_panel=BUILDING)
def demo(
    out: Out = "diffseg30k",
    size: Size = 256,
    seed: Seed = 0,
    workers: Workers = None,
    device: Device = "auto",
) -> None:
    """Builds a small dataset from sample photographs, loads it and prints its contents."""
    from generation.sources.demo.photographs import write_demo_sources

    images, annotations = write_demo_sources(f"{out}-run/photographs")
    _build(
        out,
        SourceChoices(images, annotations),
        PlanChoices(size=size, seed=seed),
        CheckpointChoices(),
        VlmChoices(),
        WorkChoices(device),
        ScoreChoices(),
        PackChoices(with_originals=True),
        workers=workers,
    )
    _show(out)


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
    _build(
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


def _build(
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
    from diffseg30k_cli.pipelines import BuildOptions, build_dataset

    client = vlm.client(work.device)
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
    planned = plan.plan(replaced, client if plan.asks_vlm else None)
    if not build_dataset(sources.sources(), planned, out, options, partial(show_stage, as_json=as_json)):
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
    from generation.prepare.painting import PicturesSubmitted
    from generation.prepare.prepare import prepare_run

    client = vlm.client(work.device) if choices.asks_vlm else None
    if executing.executor != "local" and not sources.captions:
        raise typer.BadParameter("it paints base images: give --captions", param_hint="--executor")
    where = executing.where(work.device) if sources.captions else None
    painting = work.on(where).worker(replaced, where.kind == "local") if where else None
    planned = choices.plan(replaced, client)
    try:
        show(prepare_run(run, sources.sources(), planned, client, painting, check=check, where=where), as_json)
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
    from builder.run.directory import RunDirectory
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


@app.command(rich_help_panel=BUILDING)
@grouped
def score(
    run: RunArgument, vlm: VlmChoices, scoring: ScoreChoices, device: Device = "auto", as_json: AsJson = False
) -> None:
    """Measures every edit, lets a VLM judge it if one is named, and discards what falls short.

    A VLM's scores are kept: with other limits the command can be repeated without new questions.
    """
    from generation.quality.score import score as score_run

    report = score_run(run, scoring.quality(), vlm.client(device))
    show(report, as_json)
    report.check()
    if report.unreadable:
        raise typer.Exit(1)


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
    from builder.packing.pack import pack as pack_run

    report = pack_run(run, out, packing.packing())
    show(report, as_json)
    if report.broken:
        raise typer.Exit(1)
    if report.unfinished and not partial_run:
        raise typer.Exit(3)


@app.command(rich_help_panel=BUILDING)
def card(
    dataset: Dataset,
    gallery: Annotated[
        str | None, typer.Option(help="URL of the dataset's gallery, to which the card links from now on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Writes the card of a packed dataset: README.md, its figures and its pictures."""
    from cards.card import write_card

    show(Files("card", (write_card(dataset, gallery=gallery),)), as_json)


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
    from diffseg30k_cli.pipelines import BuildOptions, add_lora_edits

    where = ExecutorOptions(workers=worker_count(workers, work.device))
    options = BuildOptions(worker=work.worker(replaced), where=where)
    if not add_lora_edits(run, out, lora_run, options, partial(show_stage, as_json=as_json)):
        raise typer.Exit(1)


def _show(dataset: str) -> None:
    """Loads every config of a packed dataset with `load_dataset` and prints its contents."""
    from datasets import get_dataset_config_names, load_dataset

    folder = str(Path(dataset).resolve())
    rows = [
        (config, split, str(len(loaded)), ", ".join(loaded.column_names))
        for config in get_dataset_config_names(folder)
        for split, loaded in load_dataset(folder, config).items()
    ]
    show_table(("config", "split", "rows", "columns"), rows, title=f'load_dataset("{dataset}", CONFIG)')
    console.print(f"pictures: {Path(dataset) / 'figures'}", highlight=False)
