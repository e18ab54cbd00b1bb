"""The types of options that several commands have."""

from typing import Annotated

import typer

MEGABYTE = 1_000_000

RunArgument = Annotated[str, typer.Argument(help="Run directory: a folder or an fsspec URL.", show_default=False)]
Dataset = Annotated[str, typer.Argument(help="Packed dataset: a folder.", show_default=False)]
Out = Annotated[str, typer.Option(help="Folder of the packed dataset.", show_default=False)]
Size = Annotated[int, typer.Option(min=32, max=4096, help="Height and width of every image, in pixels.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the plan, and so of the whole dataset.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one a processor core or GPU if left out.")]
Device = Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda` (one GPU a worker) or `cuda:N`.")]
MaxFailures = Annotated[
    int, typer.Option(min=0, help="With more failed edits than this the command ends with an error.")
]
Check = Annotated[
    bool,
    typer.Option("--check", help="Compare every file of the run with its SHA-256; damaged ones are made again."),
]
ShardSize = Annotated[int, typer.Option(min=1, help="Approximate size of a shard, in MB.")]
AsJson = Annotated[bool, typer.Option("--json", help="The report as JSON.")]


def worker_count(workers: int | None, device: str) -> int:
    """The number of workers asked for, or one a processor core or GPU."""
    from generation.editing.devices import resolve_device, resolve_workers

    return workers or resolve_workers(None, resolve_device(device))


def default_run(out: str) -> str:
    """The run directory of a dataset where none is named."""
    return f"{out.rstrip('/')}-run"


def names(text: str | None) -> tuple[str, ...] | None:
    """Splits names separated by commas; None for None."""
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else None
