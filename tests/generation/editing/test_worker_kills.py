"""Workers, and the command that they belong to, are killed on the way: nothing is lost or made twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from performance.editing.sleeper import Sleeper
from tests.generation.editing.sleeping_wave import SIDE
from tests.generation.editing.test_failed_edits import pictures, write_run
from tests.kills import ROOT, Kill, Kills, states

EDITS = 32
RECORDS = "turn-1/*.json"
VICTIMS = {2: "worker", 5: "worker", 8: "command", 11: "worker", 12: "worker", 20: "command"}
"""Who is killed when so many edits are finished."""

COMMAND = (
    "import sys; from tests.generation.editing.sleeping_wave import generate_asleep; generate_asleep(sys.argv[1])"
)


def run_command(run: Path, kills: Kills) -> int:
    """The exit code of a command with two workers."""
    command = [sys.executable, "-c", COMMAND, str(run)]
    return subprocess.run(command, cwd=ROOT, env=kills.environment(), start_new_session=True).returncode


@pytest.mark.kills
def test_killed_workers_and_commands_cost_nothing_that_was_finished(tmp_path, monkeypatch):
    run, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
    for folder in (run, undisturbed):
        write_run(folder, [f"a dog, {number}" for number in range(EDITS)])
    monkeypatch.setattr(registry, "load", lambda *_, **__: Sleeper(SIDE, 0.0))
    assert generate(str(undisturbed), WorkerOptions()).made == EDITS

    moments = tuple(Kill(RECORDS, number, victim) for number, victim in VICTIMS.items())
    kills = Kills(run, tmp_path / "kills", moments)
    assert [run_command(run, kills) for _ in range(3)] == [-signal.SIGKILL, -signal.SIGKILL, 0]

    assert kills.all_done()
    finished = states(run, RECORDS)
    for before in kills.done():
        assert finished.items() >= before.items(), "an edit was made twice"
    assert pictures(run) == pictures(undisturbed)


@pytest.mark.kills
def test_a_worker_that_is_killed_as_soon_as_it_is_at_work_is_not_waited_for(tmp_path):
    run = tmp_path / "run"
    write_run(run, [f"a dog, {number}" for number in range(EDITS)])
    both_have_a_task = Kill("claims/*/turn-1/now.*", 2, "worker")
    kills = Kills(run, tmp_path / "kills", (both_have_a_task,))
    assert run_command(run, kills) == 0
    assert kills.all_done()
    assert len(states(run, RECORDS)) == EDITS
