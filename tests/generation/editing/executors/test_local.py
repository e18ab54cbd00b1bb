"""The pool of worker processes: who is in it, what it says of errors, and that it ends with its command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from generation.editing import worker
from generation.editing.executors.local import PoolExecutor, local_executor
from generation.editing.executors.options import ExecutorOptions
from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from tests.generation.editing.executors.steps import AsksForCuda, RaisesAwkwardly, WritesItsProcess
from tests.generation.editing.test_failed_edits import write_run
from tests.generation.editing.test_worker_kills import RECORDS
from tests.kills import ROOT, Kill, Kills, states

EDITS = 24
NEVER = {"TESTS_SECONDS_AN_EDIT": "86400"}
"""For workers that are at an edit whenever the command ends: an edit takes a day."""

ASLEEP = "from tests.generation.editing.sleeping_wave import generate_asleep; generate_asleep(*sys.argv[1:])"
PRELOADING = (
    "from generation.editing.executors.local import local_executor;"
    "from tests.generation.editing.executors.steps import WritesItsProcess;"
    "local_executor(WritesItsProcess(sys.argv[1]), 2, sys.argv[1] + '/logs').run()"
)


@contextmanager
def started(code: str, folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen]:
    """A command, which is killed with all that it started when the test is done with it."""
    settings = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-c", f"import sys; {code}", str(folder), *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=settings, start_new_session=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def descendants(pid: int) -> list[int]:
    below = children(pid)
    return below + [one for child in below for one in descendants(child)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(pids: list[int]) -> None:
    """Waits for processes to end, without a limit: a test that hangs fails."""
    while any(alive(pid) for pid in pids):
        time.sleep(0.01)


def server_of(process: subprocess.Popen) -> int:
    """The process id of the fork server, as soon as there is one."""
    while process.poll() is None:
        for child in children(process.pid):
            if "forkserver" in Path(f"/proc/{child}/cmdline").read_text():
                return child
    raise AssertionError("the command ended before there was a fork server")


@pytest.mark.kills
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_the_command(tmp_path, device, sent):
    write_run(tmp_path, [f"a dog, {number}" for number in range(EDITS)])
    with started(ASLEEP, tmp_path, device, **NEVER) as process:
        while len(states(tmp_path, "claims/*/turn-1/now.*")) < 2:
            assert process.poll() is None, "it ended by itself"
            time.sleep(0.01)
        processes = descendants(process.pid)
        assert len(processes) >= 3, "two workers, and what multiprocessing starts beside them"

        process.send_signal(sent)
        assert process.wait() != 0
        wait_until_gone(processes)


@pytest.mark.kills
def test_a_fork_server_that_is_still_importing_does_not_outlive_the_command(tmp_path):
    with started(PRELOADING, tmp_path) as process:
        server = server_of(process)
        os.kill(server, signal.SIGSTOP)  # so that it cannot be done with its imports before the command is gone
        process.kill()
        process.wait()
        os.kill(server, signal.SIGCONT)
        wait_until_gone([server])
    assert not list(tmp_path.glob("rank-*")), "its imports were done and it had workers"


@pytest.mark.kills
def test_a_fork_server_that_is_killed_costs_nothing_but_its_workers_edits(tmp_path):
    run = tmp_path / "run"
    write_run(run, [f"a dog, {number}" for number in range(EDITS)])
    kills = Kills(run, tmp_path / "kills", (Kill(RECORDS, 3, "parent"),))
    with started(ASLEEP, run, **kills.environment()) as process:
        assert process.wait() == 0
    (before,) = kills.done()
    assert len(states(run, RECORDS)) == EDITS
    assert states(run, RECORDS).items() >= before.items(), "an edit was made twice"


@pytest.mark.kills
def test_each_worker_of_a_cuda_run_can_use_cuda_and_has_a_gpu_of_its_own(tmp_path, monkeypatch):
    write_run(tmp_path, [f"a dog, {number}" for number in range(48)])
    monkeypatch.setattr(worker, "EditWave", AsksForCuda)
    generate(str(tmp_path), WorkerOptions("cuda"), ExecutorOptions(workers=2))
    found = sorted(path.read_text() for path in tmp_path.glob("cuda-?"))
    assert found == ["False cuda:0", "False cuda:1"]


@pytest.mark.kills
def test_workers_stay_between_tasks_and_completed_ranks_are_skipped(tmp_path):
    def executor() -> PoolExecutor:
        return PoolExecutor(
            [WritesItsProcess(str(tmp_path))], tasks=6, workers=2, logging_dir=str(tmp_path / "logs")
        )

    executor().run()
    written = sorted(tmp_path.glob("rank-*"))
    assert len(written) == 6
    assert len({path.read_text() for path in written}) <= 2
    assert str(os.getpid()) not in {path.read_text() for path in written}

    for path in written:
        path.unlink()
    (tmp_path / "logs" / "completions" / "00003").unlink()
    executor().run()
    assert [path.name for path in tmp_path.glob("rank-*")] == ["rank-3"]
    assert executor().run() is None


@pytest.mark.kills
def test_an_error_that_cannot_be_sent_is_not_taken_for_a_killed_worker(tmp_path):
    with pytest.raises(RuntimeError, match="Awkward: there is no room"):
        local_executor(RaisesAwkwardly(), 2, str(tmp_path)).run()
