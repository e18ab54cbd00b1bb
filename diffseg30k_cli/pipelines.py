"""Runs several stages in one call: builds a packed dataset from photographs, or adds the LoRA set to one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from builder.dataset.directory import DatasetDirectory
from builder.dataset.existing import has_originals
from builder.packing.options import PackOptions
from builder.packing.pack import pack
from cards.card import write_card
from diffseg30k_cli.options.common import default_run
from diffseg30k_cli.printing import Files, Report, show_stage
from generation.editing.executors.options import ExecutorOptions
from generation.editing.run import RunReport, generate
from generation.editing.worker_options import WorkerOptions
from generation.plan.options import PlanOptions
from generation.prepare.lora_run import plan_lora_run
from generation.prepare.prepare import prepare_run
from generation.prepare.rounds import carry_out
from generation.quality.options import QualityOptions
from generation.quality.score import score
from generation.sources.photographs import SourceOptions
from generation.vlm.client import VlmClient

ReportStage = Callable[[str, Report], None]
"""Is given the name of a stage and what it has done."""


@dataclass(frozen=True)
class BuildOptions:
    """The options of a build besides sources and plan.

    Attributes:
        run: the run directory; None for `OUT-run`.
        target: number of accepted images; further rounds compensate for discarded ones. The plan's `count` has to
            be None then.
        worker: device, batch size and replaced checkpoints.
        where: the executor.
        client: the VLM that writes prompts, names objects and judges; None for none.
        quality: the options of the quality filter.
        packing: the options of packing.
        check: compare every file of the run with its digest, and make damaged ones again.
        max_failures: with more failed or lost edits than this the build is not complete.
    """

    run: str | None = None
    target: int | None = None
    worker: WorkerOptions = field(default_factory=WorkerOptions)
    where: ExecutorOptions = field(default_factory=ExecutorOptions)
    client: VlmClient | None = None
    quality: QualityOptions = field(default_factory=QualityOptions)
    packing: PackOptions = field(default_factory=PackOptions)
    max_failures: int = 0
    check: bool = False


def check_target(target: int | None, plan: PlanOptions) -> None:
    """Raises ValueError where both a target and a count are given."""
    if target and plan.count:
        raise ValueError("--target determines the number of planned images: leave out --count")


def build_dataset(
    sources: SourceOptions,
    plan: PlanOptions,
    out: str,
    options: BuildOptions | None = None,
    report: ReportStage = show_stage,
) -> bool:
    """Builds a packed dataset with its card from photographs: plan, generate, score, pack and card.

    An interrupted build continues when it is called again with the same options, and ends in the same bytes.

    Args:
        sources: the photographs.
        plan: the plan's options.
        out: folder of the packed dataset.
        options: how it is built.
        report: is given each stage's report; by default it is printed.

    Returns:
        Whether no more edits failed than may, and no image was left out for a damaged file.

    Raises:
        ValueError, FileNotFoundError: raised by a stage; see `prepare_run`, `generate`, `score` and `pack`.
    """
    options = options or BuildOptions()
    check_target(options.target, plan)
    run = options.run or default_run(out)
    runs, complete = _edited_runs(run, sources, plan, options, report)
    for each in runs:
        packed = pack(each, out, options.packing)
        report("pack", packed)
        complete = complete and not packed.broken
    report("card", Files("card", (write_card(out),)))
    return complete


def _edited_runs(
    run: str, sources: SourceOptions, plan: PlanOptions, options: BuildOptions, report: ReportStage
) -> tuple[tuple[str, ...], bool]:
    """Plans, edits and scores, in rounds where a target is given.

    Returns:
        The run directories, and whether no more edits failed than may.
    """
    complete: list[bool] = []

    def work(url: str) -> None:
        complete.append(_generate_and_score(url, options, report))

    planner = options.client if plan.asks_vlm else None
    painting = options.worker if sources.captions or plan.regions == "automatic" else None
    if options.target:
        rounds = carry_out(
            run,
            options.target,
            sources,
            plan,
            work,
            partial(report, "plan"),
            planner,
            painting,
            options.check,
            options.where,
        )
        report("rounds", rounds)
        return rounds.runs, all(complete)
    planned = prepare_run(run, sources, plan, planner, painting, check=options.check, where=options.where)
    report("plan", planned)
    work(run)
    return (run,), all(complete)


def _generate_and_score(run: str, options: BuildOptions, report: ReportStage) -> bool:
    made = generate(run, options.worker, options.where, options.client, options.check)
    report("generate", made)
    scored = score(run, options.quality, options.client)
    report("score", scored)
    scored.check()
    return is_complete(made, options.max_failures) and not scored.unreadable


def is_complete(made: RunReport, max_failures: int) -> bool:
    """Whether at most `max_failures` edits failed or were lost."""
    return len(made.failures) + made.lost <= max_failures


def add_lora_edits(
    run: str,
    out: str,
    lora_run: str | None = None,
    options: BuildOptions | None = None,
    report: ReportStage = show_stage,
) -> bool:
    """Edits the validation images of Stable Diffusion XL again with a LoRA, and packs them as `semantic-lora`.

    Args:
        run: the run directory of the dataset.
        out: the packed dataset of the run.
        lora_run: run directory of the LoRA edits; None for `RUN-lora`.
        options: its `worker`, `where`, `quality` and `max_failures` count.
        report: is given each stage's report; by default it is printed.

    Returns:
        Whether no more edits failed than may.

    Raises:
        ValueError, FileNotFoundError: the run has no such edits, or a stage raises it.
    """
    options = options or BuildOptions()
    lora_run = lora_run or f"{run.rstrip('/')}-lora"
    report("plan", plan_lora_run(run, lora_run, dict(options.worker.replacements)))
    complete = _generate_and_score(lora_run, options, report)
    packing = PackOptions(lora=True, with_originals=has_originals(DatasetDirectory(out)))
    packed = pack(lora_run, out, packing)
    report("pack", packed)
    report("card", Files("card", (write_card(out),)))
    return complete and not packed.broken
