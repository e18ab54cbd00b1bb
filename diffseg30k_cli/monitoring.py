"""The commands about a run, `status`, `estimate` and `report`, and the list of generators, `generators`."""

import time
from typing import Annotated

import typer

from builder.run.directory import RunDirectory, require_bases, require_plan
from diffseg30k_cli.app import BUILDING, app
from diffseg30k_cli.network import go_offline_if_unreachable
from diffseg30k_cli.options.choices import CheckpointChoices
from diffseg30k_cli.options.common import AsJson, Device, RunArgument, Seed
from diffseg30k_cli.options.groups import grouped
from diffseg30k_cli.printing import (
    Files,
    announce,
    console,
    print_columns,
    print_json,
    print_lines,
    show,
    show_table,
)
from generation.plan.choices import CheckpointKind


@app.command(rich_help_panel=BUILDING)
def report(
    run: RunArgument,
    out: Annotated[str, typer.Option(help="Folder of the report.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Reports accepted and discarded images of a scored run with causes, and draws both ends of their ranking."""
    require_bases(RunDirectory(run))
    announce(f"Reports the scored images of {run}.", as_json)
    from generation.quality.report import write_report

    files = tuple(write_report(run, out))
    show(Files("", files), as_json)


@app.command(rich_help_panel=BUILDING)
def status(
    run: RunArgument,
    as_json: AsJson = False,
    watch: Annotated[float | None, typer.Option(min=1, help="Repeat every so many seconds.")] = None,
) -> None:
    """Shows the progress of a run, read from its directory."""
    from generation.monitoring.status import read_status
    from generation.monitoring.status_view import as_dict, show_status

    while True:
        found = read_status(run, time.time())
        if as_json:
            print_json(as_dict(found))
        else:
            show_status(found, console)
        if watch is None or not any(wave.waiting for wave in found.waves):
            return
        time.sleep(watch)


@app.command(rich_help_panel=BUILDING)
def estimate(
    run: RunArgument,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the cluster, one GPU each.")] = 1,
    images: Annotated[int | None, typer.Option(min=1, help="Scale the plan to so many edited images.")] = None,
    seconds: Annotated[
        list[str] | None, typer.Option(help="GENERATOR=SECONDS per edit, instead of the measured value.")
    ] = None,
    load_seconds: Annotated[float, typer.Option(min=0, help="Seconds to load a generator.")] = 30.0,
    stragglers: Annotated[float, typer.Option(min=0, max=1, help="Share of workers three times as slow.")] = 0.0,
    crashes: Annotated[float, typer.Option(min=0, help="Crashes of one worker in an hour.")] = 0.0,
    scored: Annotated[bool, typer.Option("--scored", help="A VLM judges each image.")] = False,
    as_json: AsJson = False,
) -> None:
    """Estimates a run's GPU hours, storage and VLM questions."""
    require_plan(RunDirectory(run))
    announce(f"Estimates {run}.", as_json)
    from generation.monitoring.estimate import estimate as estimate_run
    from generation.monitoring.simulation import Cluster

    cluster = Cluster(workers, straggler_share=stragglers, crashes_per_hour=crashes)
    found = estimate_run(run, cluster, images, _seconds(seconds), load_seconds, scored)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.generator, f"{each.edits:,}", f"{each.seconds:.3g}", f"{each.hours:,.2f}")
        for each in found.generators
    ]
    print_lines(f"WARNING: {caveat}" for caveat in found.caveats)
    show_table(("generator", "edits", "seconds an edit", "GPU hours"), rows)
    print_lines(found.lines())


def _seconds(pairs: list[str] | None) -> dict[str, float]:
    found = {}
    for pair in pairs or ():
        name, _, value = pair.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{pair!r} is not GENERATOR=SECONDS", param_hint="--seconds") from None
    return found


@app.command(rich_help_panel=BUILDING)
@grouped
def generators(
    replaced: CheckpointChoices,
    name: Annotated[list[str] | None, typer.Argument(help="Generators, by short id; all if left out.")] = None,
    try_them: Annotated[
        bool, typer.Option("--try", help="Edit a sample photograph with each, and show what that takes.")
    ] = False,
    checkpoints: Annotated[
        CheckpointKind, typer.Option(help="--try: `tiny`, or `full`, the published ones.")
    ] = "full",
    out: Annotated[str, typer.Option(help="--try: folder of the pictures.")] = "generators-try",
    device: Device = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Lists the generators: checkpoint, size, licence, and availability of the weights.

    With --try it ends with exit code 1 if one of them made no edit.
    """
    if try_them:
        announce(
            f"Edits a sample photograph with {' '.join(name or ['each generator'])}, {checkpoints} checkpoints.",
            as_json,
        )
        if checkpoints == "full":
            go_offline_if_unreachable()
        _try_generators(name, checkpoints, replaced, out, device, seed, as_json)
        return
    from generation.generators.listing import HEADINGS, describe

    found = describe(dict(replaced.replacements()), name or None)
    if as_json:
        print_json(found)
        return
    print_columns(HEADINGS, [status.row() for status in found.generators])
    print_lines(["", *found.details()])


def _try_generators(
    names: list[str] | None,
    checkpoints: CheckpointKind,
    replaced: CheckpointChoices,
    out: str,
    device: str,
    seed: int,
    as_json: bool,
) -> None:
    from generation.editing.devices import resolve_device
    from generation.editing.worker_options import WorkerOptions
    from generation.generators import registry
    from generation.monitoring.trial import HEADINGS, try_generators

    settings = registry.settings(names or None, checkpoints, dict(replaced.replacements()))
    options = WorkerOptions(resolve_device(device), 1, replaced.replacements())
    trials = []
    with console.status("") as shown:
        for each, trial in zip(settings, try_generators(settings, options, out, seed), strict=True):
            trials.append(trial)
            shown.update(f"{each.generator} is done")
    if as_json:
        print_json(trials)
    else:
        print_columns(HEADINGS, [trial.row() for trial in trials])
        print_lines(f"{trial.generator}: {trial.problem}" for trial in trials if trial.problem)
    if any(trial.problem for trial in trials):
        raise typer.Exit(1)
