"""With `--shared` a failure may be another machine's, and new: it is kept while that machine is at work."""

import os
from pathlib import Path

import pytest

from builder.run.directory import RunDirectory
from builder.run.records import EditFailure, read_failures, write_failure
from generation.editing.chunk_claims import ACTIVE, Claims
from generation.editing.executors.options import ExecutorOptions
from generation.editing.run import generate
from generation.editing.wave_run import SHARED
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from performance.editing.sleeper import Sleeper
from tests.generation.editing.test_failed_edits import SIDE, write_run

TOGETHER = ExecutorOptions(workers=1, shared=True)
ALONE = ExecutorOptions(workers=1)


@pytest.fixture
def run(tmp_path, monkeypatch) -> RunDirectory:
    """Of two edits, the second has failed."""
    monkeypatch.setattr(registry, "load", lambda *_, **__: Sleeper(SIDE, 0.0))
    write_run(tmp_path, ["a dog", "a cat"])
    run = RunDirectory(str(tmp_path))
    write_failure(run, EditFailure("01", 1, "sd2", "no room"))
    return run


def elsewhere_works(run: RunDirectory) -> Path:
    """Another machine asks for a chunk; the file that says so."""
    Claims(run, SHARED, 1, "elsewhere-1-00000").held()
    return Path(run.url) / f"claims/{SHARED}/turn-1/now.elsewhere-1-00000"


def test_while_another_machine_is_at_work_a_failure_counts_and_is_not_tried_again(run):
    elsewhere_works(run)
    report = generate(run.url, WorkerOptions(), TOGETHER)
    assert (report.made, [failure.reason for failure in report.failures]) == (1, ["no room"])


def test_when_nobody_else_is_at_work_it_is_tried_again(run):
    sign = elsewhere_works(run)
    written = sign.stat().st_mtime - ACTIVE - 1
    os.utime(sign, (written, written))
    report = generate(run.url, WorkerOptions(), TOGETHER)
    assert (report.made, report.failures) == (2, ())
    assert read_failures(run, 1) == []


def test_a_command_that_is_alone_tries_it_again_whoever_else_is_there(run):
    elsewhere_works(run)
    assert (generate(run.url, WorkerOptions(), ALONE).made, read_failures(run, 1)) == (2, [])
