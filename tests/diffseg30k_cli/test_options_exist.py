"""Every option that a message, a help text, a docstring or a page names exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from diffseg30k_cli.main import app

ROOT = Path(__file__).parents[2]
PACKAGES = ("benchmark", "builder", "cards", "diffseg30k_cli", "generation")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
SOURCES = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9_-]*[a-z0-9]")
OF_OTHERS = {
    "--help",
    "--limit-mm-per-prompt",
    "--num_processes",
    "--nproc-per-node",
    "--repo-type",
    "--revision",
    "--include",
    "--exclude",
}
"""Of torchrun, Accelerate, vLLM and `hf`."""

OF_SCRIPTS = {
    name
    for folder in ("examples", "generation", "performance")
    for file in (ROOT / folder).rglob("*.py")
    for name in re.findall(r"add_argument\(\s*\"(--[a-z-]+)", file.read_text())
}


def commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from commands(each)


def options_of(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


EVERY = {name: options_of(each) for each in commands(typer.main.get_command(app)) if (name := each.name)}


@pytest.mark.parametrize("file", [*PAGES, *SOURCES], ids=lambda file: str(file.relative_to(ROOT)))
def test_what_it_names_is_an_option_of_some_command(file):
    existing = set().union(*EVERY.values()) | OF_SCRIPTS | OF_OTHERS
    assert set(OPTION.findall(file.read_text())) - existing == set()


LINES = [
    (file, line.strip())
    for file in PAGES
    for line in file.read_text().splitlines()
    if re.match(r"\s*(?:\$ )?diffseg30k [a-z]+ ", line)
]


@pytest.mark.parametrize(("file", "line"), LINES, ids=[line for _, line in LINES])
def test_a_command_on_a_page_has_the_options_that_it_is_given(file, line):
    name = line.removeprefix("$ ").split()[1]
    assert name in EVERY
    assert set(OPTION.findall(line.split("#")[0])) - EVERY[name] - OF_OTHERS == set()
