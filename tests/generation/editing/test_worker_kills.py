"""Workers, and the command that they belong to, are killed at random moments: nothing is lost or made twice."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from performance.sleeper import Sleeper
from tests.generation.editing.sleeping_wave import SIDE
from tests.generation.editing.test_failed_edits import pictures, write_run
from tests.test_build import pool_workers

ROOT = Path(__file__).parents[3]
EDITS = 96
KILLS = ("worker", "worker", "command") * 2
_COMMAND = (
    "import sys; from tests.generation.editing.sleeping_wave import generate_asleep; generate_asleep(sys.argv[1])"
)


def start(run: Path) -> subprocess.Popen:
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    with (run / "log").open("ab") as log:
        command = [sys.executable, "-c", _COMMAND, str(run)]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, start_new_session=True)


def records(run: Path) -> dict[str, tuple[int, int]]:
    """What is finished; a file that was written again is another."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in run.glob("turn-1/*.json")}


def wait_for_more(run: Path, process: subprocess.Popen, more: int = 1) -> None:
    """Waits until so many more records are on disk."""
    wanted, end = len(records(run)) + more, time.monotonic() + 120
    while len(records(run)) < wanted and process.poll() is None:
        assert time.monotonic() < end, (run / "log").read_text()
        time.sleep(0.01)


def kill(victim: str, process: subprocess.Popen, rng: random.Random) -> None:
    """Kills the command with all that it started, or one of its workers as soon as there is one."""
    if victim == "command":
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return
    while True:
        assert process.poll() is None, "the command ended before the kill"
        with suppress(ProcessLookupError, IndexError):  # the last ones are ending, or none is there
            os.kill(rng.choice(pool_workers(process.pid)), signal.SIGKILL)
            return
        time.sleep(0.01)


@pytest.mark.kills
def test_killed_workers_and_commands_cost_nothing_that_was_finished(tmp_path, monkeypatch):
    run, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
    for folder in (run, undisturbed):
        write_run(folder, [f"a dog, {number}" for number in range(EDITS)])
    monkeypatch.setattr(registry, "load", lambda *_, **__: Sleeper(SIDE, 0.0))
    assert generate(str(undisturbed), WorkerOptions()).made == EDITS

    rng, process = random.Random(0), start(run)
    for victim in KILLS:
        wait_for_more(run, process, rng.randint(1, 4))
        before = records(run)
        assert len(before) < EDITS, "all was finished before the last kill"
        kill(victim, process, rng)
        if victim == "command":
            process = start(run)
        assert records(run).items() >= before.items(), "an edit was made twice"
    between = records(run)
    assert process.wait(timeout=120) == 0, (run / "log").read_text()

    assert records(run).items() >= between.items(), "an edit was made twice"
    assert pictures(run) == pictures(undisturbed)


@pytest.mark.kills
def test_a_worker_that_is_killed_as_soon_as_it_is_at_work_is_not_waited_for(tmp_path):
    write_run(tmp_path, [f"a dog, {number}" for number in range(48)])
    process = start(tmp_path)
    while len(list(tmp_path.glob("claims/*/turn-1/now.*"))) < 2 and process.poll() is None:  # both have a task
        time.sleep(0.005)
    kill("worker", process, random.Random(0))
    try:
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert len(records(tmp_path)) == 48
