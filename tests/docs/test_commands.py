"""The commands of the README and of the docs: all are parsed, those that need no GPU and no network are run."""

import shutil

import pytest
import typer

from diffseg30k_cli.main import app
from tests.docs.conftest import shell
from tests.docs.pages import ALL, OURS, PAGES, commands

TYPED = typer.main.get_command(app)
RUN = [page for page in PAGES if any(command.mark is None for command in commands(page))]


def test_the_pages_have_commands_and_most_are_run():
    assert len(OURS) > 60
    assert {command.page for command in ALL} >= {"README.md", "maker.md", "trainer.md", "benchmarker.md"}
    assert sum(command.mark is None for command in OURS) > 30


@pytest.mark.parametrize("command", OURS, ids=lambda command: f"{command.page}: {command.line[:80]}")
def test_a_command_has_options_and_values_that_exist(command):
    """What the command line checks before it does anything; a missing or misspelt option is an error here."""
    _, name, *arguments = command.words
    assert name in TYPED.commands, f"there is no command {name}"
    TYPED.commands[name].make_context(name, arguments)


@pytest.mark.docs
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_the_commands_of_a_page_run_one_after_the_other(page, working_directory, tmp_path):
    folder = tmp_path / "working_directory"
    shutil.copytree(working_directory, folder, symlinks=True)
    for command in commands(page):
        if command.mark is None and command.words[0] != "make":
            done = shell(command.line, folder)
            said = f"{command.line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            assert done.returncode == command.exit_code, said
            assert "Traceback" not in done.stderr, said
