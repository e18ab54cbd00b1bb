"""Slurm: what is submitted is checked, and then carried out, by a stand-in for its commands."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from diffseg30k_cli.main import app
from tests.generation.editing.executors.conftest import contents

ROOT = Path(__file__).parents[4]

SBATCH = """#!{python}
import json, pathlib, sys
jobs = pathlib.Path({folder!r})
number = 100 + len(list(jobs.glob("*.json")))
*options, script = sys.argv[1:]
job = {{"options": options, "script": pathlib.Path(script).read_text()}}
(jobs / f"{{number}}.json").write_text(json.dumps(job))
print("Submitted batch job", number)
"""

SRUN = """#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -n ]] && shift; shift; done
exec "$@"
"""


SCONTROL = """#!/bin/bash
echo "${@: -1}"  # show hostnames LIST: of one node
"""


@dataclass(frozen=True)
class Job:
    """A submitted job.

    Attributes:
        number: as sbatch gave it.
        options: of its command line.
        directives: the `#SBATCH` lines of its script.
        script: whole.
    """

    number: int
    options: dict[str, str]
    directives: dict[str, str]
    script: str

    def run(self) -> None:
        """Carries out every task of the array, as Slurm would."""
        first, last = self.directives["array"].split("-")
        for task in range(int(first), int(last) + 1):
            environment = dict(os.environ, SLURM_ARRAY_TASK_ID=str(task), SLURM_NODELIST="node1")
            environment |= dict(pair.split("=") for pair in self.options["export"].split(",") if "=" in pair)
            subprocess.run(["bash", "-c", self.script], env=environment, check=True)


@dataclass(frozen=True)
class Cluster:
    """What a cluster has been given to do."""

    folder: Path

    def jobs(self) -> list[Job]:
        """Those that edit; datatrove submits others for its statistics."""
        found = [self._job(path) for path in sorted(self.folder.glob("*.json"))]
        return [job for job in found if "launch_pickled_pipeline" in job.script]

    @staticmethod
    def _job(path: Path) -> Job:
        content = json.loads(path.read_text())
        lines = [line.removeprefix("#SBATCH --") for line in content["script"].splitlines() if "#SBATCH" in line]
        return Job(
            int(path.stem),
            dict(option.removeprefix("--").split("=", 1) for option in content["options"]),
            {name: value for name, _, value in (line.partition("=") for line in lines)},
            content["script"],
        )


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> Cluster:
    """`sbatch`, `srun` and `scontrol` on the path."""
    jobs, commands = tmp_path / "jobs", tmp_path / "bin"
    jobs.mkdir()
    commands.mkdir()
    sbatch = SBATCH.format(python=sys.executable, folder=str(jobs))
    for name, text in (("sbatch", sbatch), ("srun", SRUN), ("scontrol", SCONTROL)):
        (commands / name).write_text(text)
        (commands / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Cluster(jobs)


def submit(run: str, *options: str):
    return CliRunner().invoke(app, ["generate", run, "--executor", "slurm", "--workers", "2", *options])


@pytest.mark.frameworks
def test_what_is_submitted_is_one_array_a_turn_and_carried_out_it_is_the_same_run(planned, cluster):
    run = planned.copy()
    result = submit(
        run,
        *("--partition", "gpus", "--gpus", "0", "--time-limit", "01:30:00"),
        *("--setup", "export PROJECT=diffseg30k", "--sbatch", "account=me"),
    )
    assert result.exit_code == 0, result.output
    first, second = cluster.jobs()
    assert f"submitted: {first.number}, {second.number}" in result.output

    for number, job in enumerate((first, second), start=1):
        wanted = {
            "array": "0-1",
            "partition": "gpus",
            "time": "01:30:00",
            "account": "me",
            "job-name": f"diffseg30k-{number}",
        }
        assert wanted.items() <= job.directives.items()
        assert "gpus" not in job.directives
        assert job.script.index("export PROJECT=diffseg30k") < job.script.index("launch_pickled_pipeline")
    assert "dependency" not in first.options
    assert second.options["dependency"] == f"afterany:{first.number}"

    for job in (first, second):
        job.run()
    assert contents(run) == planned.contents

    again = submit(run, "--partition", "gpus")
    assert again.exit_code == 1
    assert "every edit of the plan is finished" in str(again.exception)


@pytest.mark.frameworks
def test_after_a_job_that_died_the_next_submission_makes_what_is_left(planned, cluster):
    run = planned.copy()
    submit(run, "--partition", "gpus", "--gpus", "2")
    first, second = cluster.jobs()
    assert (first.directives["gpus"], second.directives["gpus"]) == ("2", "2")

    submit(run, "--partition", "gpus")  # the first submission's jobs were all killed in the queue
    for job in cluster.jobs()[2:]:
        job.run()
    assert contents(run) == planned.contents


def test_without_a_partition_nothing_is_submitted(planned, cluster):
    result = submit(planned.copy())
    assert (result.exit_code, cluster.jobs()) == (1, [])
    assert "needs --partition" in str(result.exception)


def test_without_slurm_on_the_machine_it_says_so(planned, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = submit(planned.copy(), "--partition", "gpus")
    assert result.exit_code == 1
    assert "sbatch" in str(result.exception)
