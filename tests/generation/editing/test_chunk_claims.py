"""Workers claim different chunks by files in the run directory."""

import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path

from builder.run.directory import RunDirectory
from generation.editing.chunk_claims import ACTIVE, STALE, Claims

WORKERS = 4
CHUNKS = 30


def _take_all(url: str, worker: str, start, log: str) -> None:
    claims = Claims(RunDirectory(url), "s", 1, worker)
    start.wait()
    taken = [chunk for chunk in range(CHUNKS) if claims.take(chunk)]
    Path(log).write_text("\n".join(map(str, taken)))


def test_no_two_processes_ever_get_the_same_chunk(tmp_path):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(WORKERS)
    logs = [tmp_path / f"log-{number}" for number in range(WORKERS)]
    processes = [
        context.Process(target=_take_all, args=(str(tmp_path / "run"), f"w{number}", start, str(log)))
        for number, log in enumerate(logs)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    taken = [line for log in logs if log.exists() for line in log.read_text().split()]
    assert taken
    assert len(taken) == len(set(taken))


def test_a_chunk_that_was_let_go_can_be_taken_and_one_without_a_sign_of_life_too(tmp_path):
    run = RunDirectory(str(tmp_path))
    one, other = (Claims(run, "s", 1, name) for name in ("a", "b"))

    assert one.take(0)
    assert not other.take(0)
    one.drop(0)
    assert other.take(0)
    _age(tmp_path / "claims/s/turn-1/00000.b", STALE + 1)
    assert one.take(0)


def test_a_machine_between_two_chunks_counts_as_at_work_and_one_that_only_waits_does_not(tmp_path):
    run = RunDirectory(str(tmp_path))
    waiting, working = (Claims(run, "s", 1, name) for name in ("a-1-", "b-2-"))

    assert not waiting.others_work()
    assert not working.others_work()
    Claims(run, "s", 1, "b-2-00000").held()
    assert waiting.others_work()
    assert not working.others_work()
    _age(tmp_path / "claims/s/turn-1/now.b-2-00000", ACTIVE + 1)
    assert not waiting.others_work()


def test_chunks_of_a_killed_command_of_this_machine_are_free_at_once(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    run, host = RunDirectory(str(tmp_path)), socket.gethostname()
    assert Claims(run, "s", 1, f"{host}-{ended.pid}-00000").take(0)
    assert Claims(run, "s", 1, f"{host}-{os.getpid()}-00000").take(1)
    asking = Claims(run, "s", 1, "elsewhere-1-00000")

    asking.drop_ended(host)
    assert asking.held() == {1}


def _age(path: Path, seconds: float) -> None:
    written = path.stat().st_mtime - seconds
    os.utime(path, (written, written))
