"""The `diffseg30k` command: it parses, calls and prints."""

import json
import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from generation.editing.executors.options import ExecutorKind, ExecutorOptions, SlurmOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.editing.worker_options import WorkerOptions
    from generation.plan.options import PlanOptions
    from generation.sources.photographs import SourceOptions
    from generation.vlm.client import VlmClient

app = typer.Typer(
    name="diffseg30k",
    help="Build, publish and benchmark datasets of local, multi-turn diffusion edits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
console = Console()

BUILDING, PUBLISHING, BENCHMARK = "Building a dataset", "Publishing", "The benchmark"


class Checkpoints(StrEnum):
    """Which weights the generators run with."""

    tiny = "tiny"
    full = "full"


class RegionsFrom(StrEnum):
    """Where the regions to edit come from."""

    annotations = "annotations"
    grounded_sam = "grounded-sam"


class PromptsBy(StrEnum):
    """Who writes the prompts."""

    templates = "templates"
    vlm = "vlm"


class JudgeOf(StrEnum):
    """What a score judges."""

    image = "image"
    edit = "edit"


class Compositing(StrEnum):
    """How an edit is put back into its image."""

    spliced = "spliced"
    regenerated = "regenerated"


# ── Options that recur ────────────────────────────────────────────────────────────────────────────

Images = Annotated[str, typer.Option(help="Folder of the photographs.", show_default=False)]
Annotations = Annotated[
    str | None, typer.Option(help="COCO instances file (JSON) that names and outlines their objects.")
]
Run = Annotated[str, typer.Option(help="Run directory: a folder or an fsspec URL.", show_default=False)]
RunArgument = Annotated[str, typer.Argument(help="Run directory: a folder or an fsspec URL.", show_default=False)]
Dataset = Annotated[str, typer.Argument(help="Packed dataset: a folder.", show_default=False)]
DatasetAnywhere = Annotated[
    str, typer.Argument(help="Packed dataset: a folder, or NAMESPACE/NAME on the Hub.", show_default=False)
]
Out = Annotated[str, typer.Option(help="Folder of the packed dataset.", show_default=False)]
Size = Annotated[int, typer.Option(min=32, max=4096, help="Height and width of every image, in pixels.")]
Seed = Annotated[int, typer.Option(min=0, help="Fixes the whole plan, and so the whole dataset.")]
Count = Annotated[int | None, typer.Option(min=1, help="Images to edit; all that have regions if left out.")]
Target = Annotated[
    int | None,
    typer.Option(min=1, help="Accepted images wanted: further rounds make up for those that are discarded."),
]
Unedited = Annotated[
    int | None, typer.Option(min=0, help="Photographs to keep unedited; one for every six edited if left out.")
]
Generators = Annotated[
    str | None, typer.Option(help="Generators to use, by short id, separated by commas; all if left out.")
]
CheckpointsOption = Annotated[
    Checkpoints,
    typer.Option(
        help="`tiny`: small ones for trying things out, made on the spot; `full`: the real ones, from the Hub."
    ),
]
Replacements = Annotated[
    list[str] | None,
    typer.Option("--checkpoint", help="GENERATOR=HUB_ID or GENERATOR=FOLDER, to replace one; may be repeated."),
]
CompositingOption = Annotated[
    Compositing,
    typer.Option(help="`spliced`: outside the mask nothing changes; `regenerated`: the model's whole output."),
]
RegionsOption = Annotated[
    RegionsFrom,
    typer.Option(
        help="`annotations`: those of the COCO file; `grounded-sam`: objects that a VLM names, found anew."
    ),
]
PromptsOption = Annotated[
    PromptsBy,
    typer.Option(help="`templates`, or `vlm`: written for each edit by a VLM that looks at the image."),
]
Vlm = Annotated[
    str | None,
    typer.Option(help="qwen2.5-vl-7b, a Hub id, ID@REVISION, a folder, or an OpenAI-compatible URL."),
]
VlmModel = Annotated[str | None, typer.Option(help="What the endpoint calls its model.")]
KeepReplies = Annotated[
    bool, typer.Option("--keep-replies", help="Keep every question to the VLM whole beside its answer.")
]
Detector = Annotated[
    str | None,
    typer.Option(help="Grounding DINO: a Hub id, ID@REVISION or a folder, to replace the usual one."),
]
Segmenter = Annotated[
    str | None, typer.Option(help="SAM: a Hub id, ID@REVISION or a folder, to replace the usual one.")
]
AnyLicense = Annotated[
    bool, typer.Option("--any-license", help="Keep photographs whose licence forbids derivatives.")
]
Captions = Annotated[
    str | None, typer.Option(help="COCO captions file (JSON), from which generators make base images.")
]
GeneratedShare = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Of the edited images, those with such a base; 0.5 with --captions."),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one a processor core or GPU if left out.")]
Device = Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda` (one GPU a worker) or `cuda:N`.")]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Edits a generator makes at once; 1 on a CPU, 4 on a GPU if left out.")
]
MaxFailures = Annotated[
    int, typer.Option(min=0, help="With more edits failed than this, the command ends with an error.")
]
Judge = Annotated[
    JudgeOf,
    typer.Option(help="A VLM is shown the whole `image`, or each `edit` with its region before and after."),
]
MinQuality = Annotated[float, typer.Option(min=0, max=5, help="Images with a lower score are discarded.")]
MinChange = Annotated[
    float, typer.Option(min=0, max=1, help="Images with an edit that changed its mask by less are discarded.")
]
MaxSeam = Annotated[
    float | None, typer.Option(min=0, help="Images with an edit whose border stands out by more are discarded.")
]
MinCoverage = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Images with less of an edit's changes inside its mask are discarded."),
]
WithOriginals = Annotated[
    bool, typer.Option("--with-originals", help="Keep the base images beside the edited ones.")
]
ShardSize = Annotated[int, typer.Option(min=1, help="About how large a shard gets, in MB.")]


# ── Building ──────────────────────────────────────────────────────────────────────────────────────


@app.command(rich_help_panel=BUILDING)
def demo(
    out: Out = "diffseg30k",
    size: Size = 256,
    seed: Seed = 0,
    workers: Workers = None,
    device: Device = "auto",
) -> None:
    """Builds a small dataset from sample photographs, loads it and shows what it holds."""
    from generation.sources.demo.photographs import write_demo_sources

    run = f"{out}-run"
    images, annotations = write_demo_sources(f"{run}/photographs")
    build(
        images=images,
        annotations=annotations,
        out=out,
        run=run,
        size=size,
        seed=seed,
        workers=workers,
        device=device,
        with_originals=True,
    )
    _show(out)


@app.command(rich_help_panel=BUILDING)
def build(
    images: Images,
    out: Out,
    annotations: Annotations = None,
    run: Annotated[str | None, typer.Option(help="Run directory; OUT-run if left out.")] = None,
    count: Count = None,
    target: Target = None,
    unedited: Unedited = None,
    size: Size = 1024,
    seed: Seed = 0,
    generators: Generators = None,
    checkpoints: CheckpointsOption = Checkpoints.tiny,
    checkpoint: Replacements = None,
    compositing: CompositingOption = Compositing.spliced,
    regions: RegionsOption = RegionsFrom.annotations,
    prompts: PromptsOption = PromptsBy.templates,
    vlm: Vlm = None,
    vlm_model: VlmModel = None,
    detector: Detector = None,
    segmenter: Segmenter = None,
    keep_replies: KeepReplies = False,
    any_license: AnyLicense = False,
    captions: Captions = None,
    generated_share: GeneratedShare = None,
    workers: Workers = None,
    device: Device = "auto",
    batch_size: BatchSize = None,
    judge: Judge = JudgeOf.image,
    min_quality: MinQuality = 3.0,
    min_change: MinChange = 0.004,
    max_seam: MaxSeam = None,
    min_coverage: MinCoverage = None,
    with_originals: WithOriginals = False,
    max_failures: MaxFailures = 0,
    shard_size: ShardSize = 500,
) -> None:
    """From photographs to a packed dataset: plan, generate, score, pack and card in one go.

    Killed and started again with the same options, it goes on where it was.
    """
    from generation.prepare.prepare import prepare_run
    from generation.prepare.rounds import carry_out

    if target and count:
        raise typer.BadParameter("--target plans as many images as it needs; leave --count out")
    run = run or f"{out.rstrip('/')}-run"
    sources = _sources(images, annotations, any_license, captions, generated_share)
    looks = regions is RegionsFrom.grounded_sam
    client = _vlm_client(vlm, vlm_model, device, keep_replies)
    planners = client if looks or prompts is PromptsBy.vlm else None
    options = _plan_options(
        count,
        unedited,
        size,
        seed,
        generators,
        checkpoints,
        checkpoint,
        compositing,
        regions,
        prompts,
        planners,
        detector,
        segmenter,
    )
    painting = _worker(checkpoint, device, batch_size) if captions else None
    here = ExecutorOptions(workers=_workers(workers, device))
    complete = []

    def work(round_run: str) -> None:
        complete.append(
            _generate(round_run, checkpoint, here, device, batch_size, vlm, vlm_model, keep_replies, max_failures)
        )
        score(
            round_run,
            vlm=vlm,
            vlm_model=vlm_model,
            judge=judge,
            min_quality=min_quality,
            min_change=min_change,
            max_seam=max_seam,
            min_coverage=min_coverage,
            keep_replies=keep_replies,
            device=device,
        )

    runs: Sequence[str] = [run]
    if target:
        report = carry_out(run, target, sources, options, work, _say, planners, painting)
        _say(report.lines())
        runs = report.runs
    else:
        _say(prepare_run(run, sources, options, planners, painting).lines())
        work(run)
    for each in runs:
        _pack(each, out, with_originals, shard_size, join=bool(target))
    card(out)
    if not all(complete):
        raise typer.Exit(1)


@app.command(rich_help_panel=BUILDING)
def plan(
    run: Run,
    images: Images,
    annotations: Annotations = None,
    count: Count = None,
    unedited: Unedited = None,
    size: Size = 1024,
    seed: Seed = 0,
    generators: Generators = None,
    checkpoints: CheckpointsOption = Checkpoints.tiny,
    checkpoint: Replacements = None,
    compositing: CompositingOption = Compositing.spliced,
    regions: RegionsOption = RegionsFrom.annotations,
    prompts: PromptsOption = PromptsBy.templates,
    vlm: Vlm = None,
    vlm_model: VlmModel = None,
    detector: Detector = None,
    segmenter: Segmenter = None,
    keep_replies: KeepReplies = False,
    any_license: AnyLicense = False,
    captions: Captions = None,
    generated_share: GeneratedShare = None,
    device: Device = "auto",
    batch_size: BatchSize = None,
) -> None:
    """Fixes every edit before any is made: base images, regions, prompts, generators, seeds."""
    from generation.prepare.prepare import prepare_run

    asks = regions is RegionsFrom.grounded_sam or prompts is PromptsBy.vlm
    client = _vlm_client(vlm, vlm_model, device, keep_replies) if asks else None
    report = prepare_run(
        run,
        _sources(images, annotations, any_license, captions, generated_share),
        _plan_options(
            count,
            unedited,
            size,
            seed,
            generators,
            checkpoints,
            checkpoint,
            compositing,
            regions,
            prompts,
            client,
            detector,
            segmenter,
        ),
        client,
        _worker(checkpoint, device, batch_size) if captions else None,
    )
    _say(report.lines())


@app.command(rich_help_panel=BUILDING)
def generate(
    run: RunArgument,
    checkpoint: Replacements = None,
    workers: Workers = None,
    device: Device = "auto",
    batch_size: BatchSize = None,
    vlm: Vlm = None,
    vlm_model: VlmModel = None,
    keep_replies: KeepReplies = False,
    max_failures: MaxFailures = 0,
    executor: Annotated[ExecutorKind, typer.Option(help="Where: this machine, or a cluster.")] = "local",
    shared: Annotated[
        bool, typer.Option("--shared", help="Other machines work on the run too, each by this command.")
    ] = False,
    address: Annotated[str, typer.Option(help="Ray: of the cluster; `local` starts one here.")] = "auto",
    gpus: Annotated[int, typer.Option(min=0, help="Ray and Slurm: GPUs a worker.")] = 0,
    partition: Annotated[str | None, typer.Option(help="Slurm: the partition.")] = None,
    time_limit: Annotated[str, typer.Option(help="Slurm: of a job.")] = "24:00:00",
    setup: Annotated[str, typer.Option(help="Slurm: a command first, such as `source env/bin/activate`.")] = "",
    sbatch: Annotated[list[str] | None, typer.Option(help="Slurm: KEY=VALUE for sbatch; may be repeated.")] = None,
) -> None:
    """Makes the edits of a plan that are not made yet; those that failed are tried again."""
    slurm = None
    if executor == "slurm" or partition:
        pairs = [pair.partition("=") for pair in sbatch or ()]
        slurm = SlurmOptions(
            partition or "",
            time_limit,
            gpus=gpus,
            setup=setup,
            sbatch=tuple((key, value) for key, _, value in pairs),
        )
    if executor != "local" and workers is None:
        raise typer.BadParameter("say how many work at once on the cluster", param_hint="--workers")
    where = ExecutorOptions(executor, _workers(workers, device), shared, address, gpus, slurm)
    if not _generate(run, checkpoint, where, device, batch_size, vlm, vlm_model, keep_replies, max_failures):
        raise typer.Exit(1)


@app.command(rich_help_panel=BUILDING)
def score(
    run: RunArgument,
    vlm: Vlm = None,
    vlm_model: VlmModel = None,
    judge: Judge = JudgeOf.image,
    min_quality: MinQuality = 3.0,
    min_change: MinChange = 0.004,
    max_seam: MaxSeam = None,
    min_coverage: MinCoverage = None,
    keep_replies: KeepReplies = False,
    device: Device = "auto",
) -> None:
    """Measures every edit, lets a VLM judge it if one is named, and discards what falls short.

    An image keeps the score that a VLM gave it: said again with other limits, nothing is asked again.
    """
    from generation.quality.options import QualityOptions
    from generation.quality.score import score as score_run

    options = QualityOptions(judge.value, min_quality, min_change, max_seam, min_coverage)
    report = score_run(run, options, _vlm_client(vlm, vlm_model, device, keep_replies))
    _say(report.lines())
    if report.unscored:
        raise ValueError(
            f"{len(report.unscored)} images have no score yet, for the VLM's server gave no answer: "
            "what it answered is kept, so give the same command again"
        )


@app.command(rich_help_panel=BUILDING)
def report(
    run: RunArgument,
    out: Annotated[str, typer.Option(help="Folder of the report.", show_default=False)],
) -> None:
    """Says what of a scored run was accepted and why the rest was not; shows the best and the worst."""
    from generation.quality.report import write_report

    _say(write_report(run, out))


@app.command(rich_help_panel=BUILDING)
def status(
    run: RunArgument,
    as_json: Annotated[bool, typer.Option("--json", help="The numbers as JSON.")] = False,
    watch: Annotated[float | None, typer.Option(min=1, help="Show it again every so many seconds.")] = None,
) -> None:
    """Shows how far a run is, from its directory alone, wherever it is carried out."""
    from generation.monitoring.status import read_status
    from generation.monitoring.status_view import as_dict, show

    while True:
        found = read_status(run, time.time())
        if as_json:
            print(json.dumps(as_dict(found)))
        else:
            show(found, console)
        if watch is None or not any(wave.waiting for wave in found.waves):
            return
        time.sleep(watch)


@app.command(rich_help_panel=BUILDING)
def estimate(
    run: RunArgument,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the cluster, one GPU each.")] = 1,
    images: Annotated[int | None, typer.Option(min=1, help="Scale the plan to so many edited images.")] = None,
    seconds: Annotated[
        list[str] | None, typer.Option(help="GENERATOR=SECONDS of an edit, instead of what was measured.")
    ] = None,
    load_seconds: Annotated[float, typer.Option(min=0, help="What loading a generator takes.")] = 30.0,
    stragglers: Annotated[float, typer.Option(min=0, max=1, help="Share of workers three times as slow.")] = 0.0,
    crashes: Annotated[float, typer.Option(min=0, help="Crashes of one worker in an hour.")] = 0.0,
    scored: Annotated[bool, typer.Option("--scored", help="A VLM judges each image.")] = False,
) -> None:
    """Says what a run will take: GPU hours, storage and questions to the VLM."""
    from generation.monitoring.estimate import estimate as estimate_run
    from generation.monitoring.simulation import Cluster

    cluster = Cluster(workers, straggler_share=stragglers, crashes_per_hour=crashes)
    found = estimate_run(run, cluster, images, _seconds(seconds), load_seconds, scored)
    table = Table("generator", "edits", "seconds an edit", "GPU hours")
    for each in found.generators:
        table.add_row(each.generator, f"{each.edits:,}", f"{each.seconds:.3g}", f"{each.hours:,.2f}")
    console.print(table)
    done = found.simulated
    _say(
        [
            f"{found.images:,} edited images: {found.hours:,.2f} GPU hours of edits",
            f"{workers:,} workers: {done.seconds / 3600:,.2f} hours, {done.busy_seconds / 3600:,.2f} GPU hours; "
            f"{done.loads:,} model loads, {done.crashes:,} crashes, "
            f"{done.made - len(done.finished):,} edits made twice",
            "storage: not known before a picture is there"
            if found.bytes is None
            else f"storage of the run directory: {found.bytes / 1e9:,.3f} GB",
            f"questions to the VLM: {found.questions:,}",
        ]
    )


@app.command(rich_help_panel=BUILDING)
def pack(
    run: RunArgument,
    out: Out,
    with_originals: WithOriginals = False,
    shard_size: ShardSize = 500,
) -> None:
    """Packs the finished images of a run to Parquet shards."""
    _pack(run, out, with_originals, shard_size)


def _pack(run: str, out: str, with_originals: bool, shard_size: int, join: bool = False) -> None:
    from builder.packing.pack import PackOptions
    from builder.packing.pack import pack as pack_run

    options = PackOptions(with_originals=with_originals, shard_bytes=shard_size * 1_000_000, join=join)
    report = pack_run(run, out, options)
    _say([f"{folder}: {rows} rows" for folder, rows in sorted(report.groups.items())])
    _say(
        [
            f"shards: {report.shards_written} written, {report.shards_kept} kept, {report.shards_removed} removed",
            *(f"left out, unfinished: {image}" for image in report.unfinished),
            *(f"left out, quality too low: {image}" for image in report.rejected),
            *(f"left out, broken: {image}: {reason}" for image, reason in report.broken.items()),
        ]
    )


@app.command(rich_help_panel=BUILDING)
def card(dataset: Dataset) -> None:
    """Writes the card of a packed dataset: README.md, its figures and its pictures."""
    from cards.card import write_card

    console.print(f"card: {write_card(dataset)}")


@app.command(rich_help_panel=BUILDING)
def lora(
    run: RunArgument,
    out: Annotated[str, typer.Option(help="Packed dataset of the run, which `semantic-lora` joins.")],
    lora_run: Annotated[
        str | None, typer.Option(help="Run directory of the LoRA edits; RUN-lora if left out.")
    ] = None,
    checkpoint: Replacements = None,
    workers: Workers = None,
    device: Device = "auto",
    batch_size: BatchSize = None,
) -> None:
    """Edits the validation regions of Stable Diffusion XL again with a LoRA, into `semantic-lora`."""
    from builder.dataset.directory import DatasetDirectory
    from builder.dataset.existing import has_originals
    from builder.packing.pack import PackOptions
    from builder.packing.pack import pack as pack_run
    from generation.prepare.lora_run import plan_lora_run

    lora_run = lora_run or f"{run.rstrip('/')}-lora"
    _say(plan_lora_run(run, lora_run, dict(_replacements(checkpoint))).lines())
    here = ExecutorOptions(workers=_workers(workers, device))
    complete = _generate(lora_run, checkpoint, here, device, batch_size, None, None, False, max_failures=0)
    score(lora_run, device=device)
    originals = has_originals(DatasetDirectory(out))
    report = pack_run(lora_run, out, PackOptions(lora=True, with_originals=originals))
    _say([f"{folder}: {rows} rows" for folder, rows in sorted(report.groups.items())])
    card(out)
    if not complete:
        raise typer.Exit(1)


@app.command(rich_help_panel=BUILDING)
def generators(checkpoint: Replacements = None) -> None:
    """Lists the generators: checkpoint, size, licence, and whether the weights can be had."""
    from generation.generators.listing import HEADINGS, describe, rows

    table = Table(*HEADINGS)
    for row in rows(describe(dict(_replacements(checkpoint)))):
        table.add_row(*map(escape, row))  # a licence has brackets in its name
    console.print(table)


@app.command(rich_help_panel=PUBLISHING)
def verify(dataset: DatasetAnywhere) -> None:
    """Checks on the shards every promise that the dataset makes."""
    from builder.hub.repository import locate
    from builder.verify.verify import verify as check

    report = check(locate(dataset))
    _say([str(violation) for violation in report.violations])
    _say([f"{report.rows} rows in {report.shards} shards: {len(report.violations)} broken promises"])
    if report.violations:
        raise typer.Exit(1)


@app.command(rich_help_panel=PUBLISHING)
def push(
    dataset: Dataset,
    repository: Annotated[str, typer.Argument(help="NAMESPACE/NAME on the Hub.", show_default=False)],
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch; `main` if left out.")] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Open a pull request instead.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
) -> None:
    """Adds to the Hub what it does not have, in one commit."""
    from builder.hub.push import PushOptions
    from builder.hub.push import push as push_dataset
    from cards.card import write_card

    options = PushOptions(private=private, revision=revision, create_pr=create_pr, dry_run=dry_run)
    report = push_dataset(
        dataset, repository, lambda there, local: write_card(there, pictures_from=local), options
    )
    _say(report.lines())


@app.command(rich_help_panel=PUBLISHING)
def pull(
    repository: Annotated[str, typer.Argument(help="NAMESPACE/NAME on the Hub.", show_default=False)],
    out: Out,
    config: Annotated[str | None, typer.Option(help="One config; everything if left out.")] = None,
    split: Annotated[str | None, typer.Option(help="One split; all if left out.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
) -> None:
    """Brings a dataset, or one config or split of it, from the Hub."""
    from builder.hub.pull import PullOptions
    from builder.hub.pull import pull as pull_dataset
    from cards.card import write_card

    options = PullOptions(config=config, split=split, revision=revision)
    report = pull_dataset(repository, out, lambda there, local: write_card(there, pictures_from=local), options)
    _say(report.lines())


@app.command("import", rich_help_panel=PUBLISHING)
def import_(
    archives: Annotated[list[str], typer.Argument(help="train.zip, validation.zip: files or URLs.")],
    out: Out,
    labels: Annotated[
        str | None,
        typer.Option(help="JSON, TOML or CSV: mask value to generator. Left out: the values are counted."),
    ] = None,
    shard_size: ShardSize = 500,
) -> None:
    """Turns the published zip archives into shards, without unpacking them."""
    from builder.archives.import_archives import ImportOptions, count_mask_values, import_release

    if labels is None:
        _say(count_mask_values(archives).lines())
        raise ValueError("say with --labels FILE which of these mask values means which generator")
    report = import_release(archives, out, ImportOptions(labels=labels, shard_bytes=shard_size * 1_000_000))
    _say(report.lines())
    card(out)
    if report.skipped:
        raise typer.Exit(1)


# ── The benchmark ─────────────────────────────────────────────────────────────────────────────────

Name = Annotated[str, typer.Option(help="Packed dataset: a folder, a URL or a name on the Hub.")]
Config = Annotated[str, typer.Option(help="Its config; the name says the task.")]


TrainingSeed = Annotated[int, typer.Option(min=0, help="Where all chance comes from.")]
Side = Annotated[int | None, typer.Option(min=32, help="Side that images are brought to, in pixels.")]
Streaming = Annotated[bool, typer.Option("--streaming", help="Read rows as they are needed, without a copy.")]
BenchmarkDevice = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="auto: a GPU where there is one.")]


@app.command(rich_help_panel=BENCHMARK)
def train(
    out: Annotated[str, typer.Option(help="Folder of the training.", show_default=False)],
    dataset: Name = "diffseg30k",
    config: Config = "semantic",
    architecture: Annotated[str, typer.Option(help="A baseline, or one of segmentation-models-pytorch.")] = (
        "deeplabv3plus"
    ),
    encoder: Annotated[str | None, typer.Option(help="Its encoder; the architecture's if left out.")] = None,
    weights: Annotated[
        Literal["imagenet", "none"], typer.Option(help="imagenet: from the Hub; none: random.")
    ] = "imagenet",
    size: Side = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates; the recipe's if left out.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images an update; the recipe's by default.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The recipe's if left out.")] = None,
    scale: Annotated[
        tuple[float, float] | None, typer.Option(help="Scale images at random, by a factor between two.")
    ] = None,
    validate_every: Annotated[int | None, typer.Option(min=1, help="Steps between two validations.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Subprocesses that decode images.")] = 4,
    seed: TrainingSeed = 0,
    mixed_precision: Annotated[
        Literal["auto", "no", "fp16", "bf16"], typer.Option(help="auto: bf16 or fp16 on a GPU, no on a CPU.")
    ] = "auto",
    device: BenchmarkDevice = "auto",
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between two checkpoints.")] = 1000,
    streaming: Streaming = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
) -> None:
    """Trains a detector by the paper's protocol."""
    from benchmark.training.options import TrainOptions
    from benchmark.training.train import train as train_detector

    report = train_detector(
        TrainOptions(
            out=out,
            dataset=dataset,
            config=config,
            architecture=architecture,
            encoder=encoder,
            weights=weights,
            size=size,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            scale=scale,
            validate_every=validate_every,
            streaming=streaming,
            workers=workers,
            seed=seed,
            mixed_precision=mixed_precision,
            device=device,
            checkpoint_every=checkpoint_every,
            resume=resume,
        )
    )
    loss = "" if report.loss is None else f", loss {report.loss:.4f}"
    _say([f"{report.step} steps{loss}; detector: {report.detector}"])


@app.command(rich_help_panel=BENCHMARK)
def evaluate(
    detector: Annotated[
        str,
        typer.Argument(help="Folder of a training, FILE.py:FUNCTION or predictions:FOLDER.", show_default=False),
    ],
    out: Annotated[str, typer.Option(help="Folder of the result files.", show_default=False)],
    dataset: Name = "diffseg30k",
    config: Config = "semantic",
    split: Annotated[str | None, typer.Option(help="`test` of a held-out pair, else `validation`.")] = None,
    conditions: Annotated[str | None, typer.Option(help="Names, separated by commas; Table 3 by default.")] = None,
    size: Side = None,
    as_classifier: Annotated[
        bool, typer.Option("--as-classifier", help="Let a segmentation model score whole images.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Of the detector in the tables; its own if left out.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Only the first so many rows.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images at a time.")] = 8,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode and distort.")] = 2,
    seed: TrainingSeed = 0,
    save_predictions: Annotated[str | None, typer.Option(help="Folder for every predicted label map.")] = None,
    streaming: Streaming = False,
    device: BenchmarkDevice = "auto",
) -> None:
    """Scores a detector, clean and distorted."""
    from benchmark.data.distortions import TABLE_3
    from benchmark.evaluation.evaluate import EvaluateOptions
    from benchmark.evaluation.evaluate import evaluate as evaluate_detector

    files = evaluate_detector(
        EvaluateOptions(
            detector=detector,
            out=out,
            dataset=dataset,
            config=config,
            split=split,
            conditions=_names(conditions) or TABLE_3,
            size=size,
            as_classifier=as_classifier,
            name=name,
            count=count,
            batch_size=batch_size,
            workers=workers,
            seed=seed,
            save_predictions=save_predictions,
            streaming=streaming,
            device=device,
        )
    )
    _say(files)


@app.command(rich_help_panel=BENCHMARK)
def tables(
    results: Annotated[list[str], typer.Argument(help="Result files.")],
    out: Annotated[str, typer.Option(help="Folder of the tables and figures.", show_default=False)],
) -> None:
    """Prints the paper's tables from result files, the paper's own numbers beside them."""
    from benchmark.tables.tables import write_tables

    written = write_tables(results, out)
    _say(
        [
            path
            for path in (written.markdown, written.latex, written.json, written.figure_5, written.figure_6)
            if path
        ]
    )


# ── Parsing and printing ──────────────────────────────────────────────────────────────────────────


def _sources(
    images: str,
    annotations: str | None,
    any_license: bool,
    captions: str | None,
    generated_share: float | None,
) -> "SourceOptions":
    from generation.sources.photographs import SourceOptions

    share = (0.5 if captions else 0.0) if generated_share is None else generated_share
    return SourceOptions(images, annotations, any_license=any_license, captions=captions, generated_share=share)


def _plan_options(
    count: int | None,
    unedited: int | None,
    size: int,
    seed: int,
    generators: str | None,
    checkpoints: Checkpoints,
    checkpoint: list[str] | None,
    compositing: Compositing,
    regions: RegionsFrom,
    prompts: PromptsBy,
    client: "VlmClient | None",
    detector: str | None,
    segmenter: str | None,
) -> "PlanOptions":
    from generation.generators import registry
    from generation.plan.options import PlanOptions
    from generation.regions.grounding.options import DETECTOR, SEGMENTER

    looks = regions is RegionsFrom.grounded_sam
    return PlanOptions(
        side=size,
        seed=seed,
        count=count,
        unedited=unedited,
        generators=registry.settings(_names(generators), checkpoints.value, dict(_replacements(checkpoint))),
        compositing=compositing.value,
        regions=regions.value,
        prompts=prompts.value,
        vlm=client.vlm.name if client else None,
        detector=(detector or DETECTOR) if looks else None,
        segmenter=(segmenter or SEGMENTER) if looks else None,
    )


def _vlm_client(vlm: str | None, model: str | None, device: str, keep_replies: bool) -> "VlmClient | None":
    """The VLM that the options name, or none."""
    from generation.editing.devices import resolve_device
    from generation.vlm.client import VlmClient
    from generation.vlm.options import VlmOptions

    if vlm is None:
        return None
    device = resolve_device(device)
    return VlmClient(
        VlmOptions.named(vlm, model, device=device, batch_size=1 if device == "cpu" else 8), keep_replies
    )


def _generate(
    run: str,
    checkpoint: list[str] | None,
    where: ExecutorOptions,
    device: str,
    batch_size: int | None,
    vlm: str | None,
    vlm_model: str | None,
    keep_replies: bool,
    max_failures: int,
) -> bool:
    """Makes or submits the edits of a plan; whether no more of them failed than may. The VLM is the plan's where
    none is named.
    """
    from builder.run.directory import RunDirectory
    from generation.editing import run as carry_out
    from generation.prepare.run_options import read_vlm

    if where.kind != "local":
        device = "cuda" if where.gpus else "cpu"
    options = _worker(checkpoint, device, batch_size, here=where.kind == "local")
    if where.kind == "slurm":
        jobs = carry_out.submit(run, options, where)
        _say([f"submitted: {', '.join(jobs)}", f"to follow it: diffseg30k status {run}"])
        return True
    planned = read_vlm(RunDirectory(run))
    if vlm is None:
        vlm, vlm_model = planned.get("vlm"), vlm_model or planned.get("model")
    report = carry_out.generate(run, options, where, _vlm_client(vlm, vlm_model, options.device, keep_replies))
    _say(report.lines())
    return len(report.failures) + report.lost <= max_failures


def _worker(
    checkpoint: list[str] | None, device: str, batch_size: int | None, here: bool = True
) -> "WorkerOptions":
    from generation.editing.devices import resolve_device
    from generation.editing.worker_options import WorkerOptions

    device = resolve_device(device) if here else device
    return WorkerOptions(device, batch_size or (1 if device == "cpu" else 4), _replacements(checkpoint))


def _seconds(pairs: list[str] | None) -> dict[str, float]:
    found = {}
    for pair in pairs or ():
        name, _, value = pair.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{pair!r} is not GENERATOR=SECONDS", param_hint="--seconds") from None
    return found


def _workers(workers: int | None, device: str) -> int:
    from generation.editing.devices import resolve_device, resolve_workers

    return workers or resolve_workers(None, resolve_device(device))


def _names(text: str | None) -> tuple[str, ...] | None:
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else None


def _replacements(pairs: list[str] | None) -> tuple[tuple[str, str], ...]:
    split = [pair.partition("=") for pair in pairs or ()]
    if bad := [pair for pair, (name, _, place) in zip(pairs or (), split, strict=True) if not (name and place)]:
        raise typer.BadParameter(
            f"{bad[0]!r} is not GENERATOR=HUB_ID or GENERATOR=FOLDER", param_hint="--checkpoint"
        )
    return tuple((name, place) for name, _, place in split)


def _say(lines: list[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _show(dataset: str) -> None:
    """Loads every config of a packed dataset as its users will and shows what it holds."""
    from datasets import get_dataset_config_names, load_dataset

    folder = str(Path(dataset).resolve())
    table = Table(title=f'load_dataset("{dataset}", CONFIG)')
    for heading in ("config", "split", "rows", "columns"):
        table.add_column(heading)
    for config in get_dataset_config_names(folder):
        for split, rows in load_dataset(folder, config).items():
            table.add_row(config, split, str(len(rows)), ", ".join(rows.column_names))
    console.print(table)
    console.print(f"pictures: {Path(dataset) / 'figures'}", highlight=False)


USER_ERRORS = (ValueError, OSError, ImportError)


def main() -> None:
    """Runs the command; a mistake of the user's is one line on stderr and exit code 1."""
    try:
        app()
    except USER_ERRORS as error:
        if os.environ.get("DIFFSEG30K_TRACEBACK"):
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"diffseg30k: {message}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
