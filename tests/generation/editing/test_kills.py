"""From photographs to shards in one process that is killed again and again, at moments spread over its whole life.

The generator does nothing instead of diffusing, so that many kills take little time; all else is real.
`tests/test_build.py` kills the whole command with real generators, and workers alone.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from generation.sources.demo.photographs import write_demo_sources

ROOT = Path(__file__).parents[3]
KILLS = 50

_BUILD_AND_KILL = """
import hashlib, json, os, random, shutil, sys
from pathlib import Path
from unittest.mock import patch

from performance.editing.sleeper import Sleeper
from tests.kills import before_each_touch, die_at_touch
from builder.packing.pack import PackOptions, pack
import generation.editing.executors.local, generation.editing.worker, torch  # once, and not in each child
from generation.generators import registry
from generation.plan.options import PlanOptions
from generation.prepare.prepare import prepare_run
from generation.quality.score import score
from generation.editing.run import generate
from generation.sources.photographs import SourceOptions
from generation.editing.worker_options import WorkerOptions

folder, images, annotations, kills = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])
run, out = folder / "run", folder / "out"
options = PlanOptions(64, 0, registry.settings(["sd2", "sdxl", "flux.1"], "tiny", {}), count=10, unedited=2)

def build():
    prepare_run(str(run), SourceOptions(images, annotations), options)
    with patch.object(registry, "load", lambda *_, **__: Sleeper(64, 0.0)):
        generate(str(run), WorkerOptions())
    score(str(run))
    pack(str(run), str(out), PackOptions(shard_bytes=60_000, progress=False))

def start(arm):
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        arm()
        build()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

def count_touches():
    touches = [0]

    def count():
        touches[0] += 1

    before_each_touch((str(run), str(out)), count)
    build()
    (folder / "touches").write_text(str(touches[0]))

def undisturbed():
    start(count_touches)
    found = contents()
    shutil.rmtree(run), shutil.rmtree(out)
    return int((folder / "touches").read_text()), found

def contents():
    files = [path for path in out.rglob("*") if path.is_file()]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

def finished():
    files = [*run.glob("turn-*/*.json"), *run.glob("scores/*.json"), *out.rglob("*.parquet")]
    return {str(path): path.stat().st_mtime_ns for path in files}

def stage():
    if (out / ".packing").exists() or (out / "data").exists():
        return "pack"
    scored, edited = list(run.glob("scores/*.json")), list(run.glob("turn-*/*.json"))
    return "score" if scored else "generate" if edited else "plan"

whole, wanted = undisturbed()
report = {"stages": [], "made twice": [], "differing": 0}
rng = random.Random(0)
for kill in range(kills):
    before = finished()
    aim = ("plan", "generate", "score", "pack", "any")[kill % 5]

    def arm():
        # the first few touches of a stage, or any one of all that a build makes
        if aim == "any":
            die_at_touch(rng.randrange(1, whole), str(run), str(out))
        else:
            die_at_touch(rng.randrange(1, 8), str(run), str(out), counts=lambda: stage() == aim)

    if aim == "any":
        shutil.rmtree(run), shutil.rmtree(out)
        before = {}
    rng.seed(kill)
    assert start(arm), f"the build was over before kill {kill}, in {aim}"
    now = finished()
    # shards move when they are all there, so only those in place count as finished
    report["made twice"] += [path for path in before if path in now and now[path] != before[path]]
    report["stages"].append(stage())
    if aim == "any" and kill < kills - 1:
        shutil.rmtree(run, ignore_errors=True), shutil.rmtree(out, ignore_errors=True)
assert not start(lambda: None)
report["differing"] = sum(contents().get(path) != digest for path, digest in wanted.items())
report["more"] = sorted(contents().keys() - wanted.keys())
print(json.dumps(report))
"""


@pytest.mark.kills
def test_killed_fifty_times_in_every_stage_it_ends_in_the_same_bytes_and_makes_nothing_twice(tmp_path):
    images, annotations = write_demo_sources(str(tmp_path / "sources"))
    command = [sys.executable, "-c", _BUILD_AND_KILL, str(tmp_path), images, annotations, str(KILLS)]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert len(report["stages"]) == KILLS
    assert {"plan", "generate", "score", "pack"} <= set(report["stages"]), report["stages"]
    assert report["made twice"] == []
    assert (report["differing"], report["more"]) == (0, [])
