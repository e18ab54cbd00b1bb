"""Several workers, several commands at once: the same run, each edit made once."""

import subprocess
from pathlib import Path

import pytest

from builder.run.directory import RunDirectory
from builder.run.records import count_loads
from generation.editing.executors.options import ExecutorOptions
from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from tests.generation.editing.executors.conftest import GENERATE, contents

ROOT = Path(__file__).parents[4]


@pytest.mark.kills
def test_three_workers_make_the_same_as_one(planned):
    run = planned.copy()
    report = generate(run, WorkerOptions(), ExecutorOptions(workers=3))
    assert (report.made, report.failures) == (planned.edits, ())
    assert contents(run) == planned.contents


@pytest.mark.kills
def test_two_commands_at_once_share_the_run(planned):
    run = planned.copy()
    command = [*GENERATE, run, "--shared", "--workers", "1"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert contents(run) == planned.contents
    assert all(f"edits: {planned.edits} of {planned.edits} finished" in output for output in outputs)
    loads = sum(count_loads(RunDirectory(run), turn).total() for turn in (1, 2, 3))
    assert loads <= 2 * 2 * 2, "turns × generators × workers"
