"""The Typer application that the groups of commands register with."""

from importlib.metadata import version
from typing import Annotated

import typer

from diffseg30k_cli.network import network_restored

BUILDING, PUBLISHING, BENCHMARK = "Building a dataset", "Publishing", "The benchmark"

app = typer.Typer(
    name="diffseg30k",
    help="Build, publish and benchmark datasets of local, multi-turn diffusion edits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"diffseg30k {version('diffseg30k')}")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    context.with_resource(network_restored())
