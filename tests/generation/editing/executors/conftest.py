"""One planned run, and what it holds when one worker has carried it out undisturbed."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.plan.options import PlanOptions
from generation.prepare.prepare import prepare_run
from generation.sources.demo.photographs import write_demo_sources
from generation.sources.photographs import SourceOptions

GENERATE = [sys.executable, "-m", "diffseg30k_cli", "generate"]


def contents(folder: str | Path) -> dict[str, str]:
    """The pictures, masks and records of a run by their digests; the seconds of a record do not count, nor does
    what a killed process left unfinished."""
    found = {}
    for path in sorted(path for path in Path(folder).glob("turn-*/*") if path.suffix != ".tmp"):
        data = path.read_bytes()
        if path.suffix == ".json":
            data = json.dumps(json.loads(data) | {"seconds": None, "content_sha256": None}).encode()
        found[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return found


@dataclass(frozen=True)
class Planned:
    """A plan to carry out, and what has to come out.

    Attributes:
        copy: a new run directory that holds the plan and its base images.
        finished: the run directory that one worker has carried out.
        contents: of the run when it is finished.
        edits: in the plan.
    """

    copy: Callable[[], str]
    finished: str
    contents: dict[str, str]
    edits: int


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> tuple[str, str]:
    """A plan, and the same carried out by one worker."""
    folder = tmp_path_factory.mktemp("executors")
    planned, finished = str(folder / "planned"), str(folder / "finished")
    options = PlanOptions(64, 0, registry.settings(["sd2", "sdxl"], "tiny", {}), count=5, unedited=1)
    prepare_run(planned, SourceOptions(*write_demo_sources(str(folder / "sources"))), options)
    shutil.copytree(planned, finished)
    generate(finished, WorkerOptions())
    return planned, finished


@pytest.fixture
def planned(finished_run, tmp_path) -> Planned:
    plan, finished = finished_run

    def copy() -> str:
        number = len(list(tmp_path.glob("run-*")))
        return str(shutil.copytree(plan, tmp_path / f"run-{number}"))

    made = contents(finished)
    return Planned(copy, finished, made, sum(name.endswith(".json") for name in made))
