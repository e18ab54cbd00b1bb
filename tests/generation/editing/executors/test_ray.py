"""Ray on this machine gives the same run, also when its workers or the command itself are killed."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.generation.editing.executors.conftest import GENERATE, contents
from tests.kills import ROOT, Kill, Kills, states

pytest.importorskip("ray")
RECORDS = "turn-*/*.json"


def run_on_ray(run: str, kills: Kills) -> int:
    """The exit code of a command with two workers."""
    command = [*GENERATE, run, "--executor", "ray", "--address", "local", "--workers", "2"]
    return subprocess.run(command, cwd=ROOT, env=kills.environment(), start_new_session=True).returncode


@pytest.mark.frameworks
def test_ray_makes_the_same_as_one_worker_though_workers_and_commands_are_killed(planned, tmp_path):
    run = planned.copy()
    # The command, and Ray with it. Then one of Ray's workers: datatrove edits in a child of it, and does not
    # notice when that one alone is killed.
    moments = (Kill(RECORDS, 1, "command"), Kill(RECORDS, 2, "parent"))
    kills = Kills(Path(run), tmp_path / "kills", moments)
    assert [run_on_ray(run, kills) for _ in range(2)] == [-signal.SIGKILL, 0]

    assert kills.all_done()
    assert contents(run) == planned.contents
    for before in kills.done():
        assert states(Path(run), RECORDS).items() >= before.items(), "an edit was made twice"
