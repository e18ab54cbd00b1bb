"""`diffseg30k build`, run as people run it: as a process, on photographs, killed in the middle."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from generation.sources.demo.photographs import write_demo_sources

ROOT = Path(__file__).parent.parent
KILLS = 3


def build_command(sources: tuple[str, str], out: Path, *more: str) -> list[str]:
    images, annotations = sources
    options = ["--images", images, "--annotations", annotations, "--out", str(out), "--count", "8", "--size", "64"]
    return [sys.executable, "-m", "diffseg30k_cli", "build", *options, "--generators", "sd2,flux.1,sdxl", *more]


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder, by its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return write_demo_sources(str(tmp_path_factory.mktemp("sources")))


@dataclass(frozen=True)
class Undisturbed:
    """A build that nothing befell: its files by digest, and how long it took."""

    contents: dict[str, str]
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(sources, tmp_path_factory) -> Undisturbed:
    out = tmp_path_factory.mktemp("undisturbed") / "diffseg30k"
    start = time.perf_counter()
    subprocess.run(build_command(sources, out, "--workers", "1"), cwd=ROOT, check=True)
    return Undisturbed(contents(out), time.perf_counter() - start)


@pytest.mark.kills
def test_the_same_command_twice_gives_the_same_bytes_with_any_number_of_workers(sources, undisturbed, tmp_path):
    out = tmp_path / "diffseg30k"
    for _ in range(2):
        subprocess.run(build_command(sources, out, "--workers", "2"), cwd=ROOT, check=True)
        assert contents(out) == undisturbed.contents


@pytest.mark.kills
def test_killed_at_random_moments_it_ends_in_the_same_bytes(sources, undisturbed, tmp_path):
    out = tmp_path / "diffseg30k"
    command = build_command(sources, out, "--workers", "2")
    rng = random.Random(0)
    for _ in range(KILLS):
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        time.sleep(rng.uniform(0.1, 0.7) * undisturbed.seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command, cwd=ROOT, check=True)
    assert contents(out) == undisturbed.contents


@pytest.mark.kills
def test_a_worker_that_is_killed_costs_nothing_but_its_edit(sources, undisturbed, tmp_path):
    out = tmp_path / "diffseg30k"
    process = subprocess.Popen(build_command(sources, out, "--workers", "2"), cwd=ROOT)
    records, killed = 0, 0
    while process.poll() is None:
        time.sleep(0.02)
        finished = len(list(tmp_path.glob("*/turn-*/*.json")))
        if killed < 2 and finished >= records + 3 and (workers := pool_workers(process.pid)):
            with suppress(ProcessLookupError):  # it was just ending
                os.kill(workers[0], signal.SIGKILL)
                records, killed = finished, killed + 1
    assert (process.returncode, killed) == (0, 2)
    assert contents(out) == undisturbed.contents


def pool_workers(pid: int) -> list[int]:
    """The processes that edit: children of the fork server, which is a child of the command."""
    servers = [child for child in children(pid) if "forkserver" in Path(f"/proc/{child}/cmdline").read_text()]
    return [worker for server in servers for worker in children(server)]


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
