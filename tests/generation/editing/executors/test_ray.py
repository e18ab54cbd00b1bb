"""Ray on this machine gives the same run, also when its workers or the command itself are killed."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from builder.run.directory import RunDirectory
from tests.generation.editing.executors.conftest import GENERATE, contents

pytest.importorskip("ray")
ROOT = Path(__file__).parents[4]


def start(run: str) -> subprocess.Popen:
    command = [*GENERATE, run, "--executor", "ray", "--address", "local", "--workers", "2"]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


def stop(process: subprocess.Popen, kill: int = signal.SIGKILL) -> None:
    os.killpg(process.pid, kill)
    process.wait()


def finished(run: str) -> int:
    return sum(len(RunDirectory(run).finished(turn)) for turn in (1, 2, 3))


def wait_for(run: str, edits: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 200
    while finished(run) < edits and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)


def workers_of(process: subprocess.Popen) -> list[int]:
    """The processes that run a task of Ray, below the command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "cmdline").read_bytes()
            session = os.getsid(int(folder.name))
        except (OSError, ValueError):
            continue
        if name.startswith(b"ray::") and b"IDLE" not in name and session == process.pid:
            found.append(int(folder.name))
    return found


@pytest.mark.frameworks
def test_ray_makes_the_same_as_one_worker_though_workers_and_commands_are_killed(planned):
    run = planned.copy()
    first = start(run)
    wait_for(run, 1, first)
    stop(first)  # the command, and Ray with it
    done = contents(run)
    times = {name: os.stat(f"{run}/{name}").st_mtime_ns for name in done if name.endswith(".json")}

    second = start(run)
    wait_for(run, 1 + len(times), second)
    if workers := workers_of(second):
        os.kill(workers[0], signal.SIGKILL)
    assert second.wait(timeout=300) == 0

    assert contents(run) == planned.contents
    assert {name: os.stat(f"{run}/{name}").st_mtime_ns for name in times} == times, "an edit was made twice"
