"""A generator whose weights are broken: the others finish, and once it is whole the rest is made."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from generation.editing.executors.options import ExecutorOptions
from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.generators.tiny.assembly import tiny_checkpoint
from generation.plan.options import PlanOptions
from generation.prepare.prepare import prepare_run
from generation.sources.photographs import SourceOptions
from tests.coco_factory import CocoFolder
from tests.generation.prepare.test_prepare import add_photographs

HERE = ExecutorOptions(workers=1)
GENERATORS = ["sd2", "sdxl", "kandinsky2.2"]


def edits_of(folder: Path) -> dict[str, str]:
    """Images and masks by digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("turn-*/*"))
        if path.suffix != ".json"
    }


@pytest.fixture
def checkpoint(tmp_path, monkeypatch) -> Path:
    """A checkpoint of Stable Diffusion XL's, in a cache of its own, to be damaged."""
    whole = {name: tiny_checkpoint(name) for name in GENERATORS}
    cache = tmp_path / "cache"
    for name, folder in whole.items():
        shutil.copytree(folder, cache / folder.parent.name / name)
    monkeypatch.setenv("DIFFSEG30K_CACHE", str(cache))
    return cache / whole["sdxl"].parent.name / "sdxl"


def test_the_others_go_on_and_the_rest_is_made_when_it_is_whole_again(tmp_path, checkpoint):
    coco = CocoFolder(tmp_path / "sources")
    add_photographs(coco, 6)
    settings = registry.settings(GENERATORS, "tiny", {})
    options = PlanOptions(side=64, seed=0, generators=settings, count=5, unedited=1)
    for name in ("run", "undisturbed"):
        prepare_run(str(tmp_path / name), SourceOptions(*coco.write()), options)
    assert not generate(str(tmp_path / "undisturbed"), WorkerOptions(), HERE).failures

    file = checkpoint / "unet" / "diffusion_pytorch_model.safetensors"
    whole = file.read_bytes()
    os.truncate(file, len(whole) // 2)
    report = generate(str(tmp_path / "run"), WorkerOptions(), HERE)
    assert {failure.generator for failure in report.failures} == {"sdxl"}
    assert report.finished + len(report.failures) + report.waiting == report.planned
    assert report.lost == 0
    reason = report.failures[0].reason
    assert "\n" not in reason
    size = f"{len(whole) // 2:,} bytes of {len(whole):,}"
    for part in ("Stable Diffusion XL", str(file), size, "--checkpoint sdxl="):
        assert part in reason
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("turn-*/*.json")}
    assert made

    file.write_bytes(whole)
    assert not generate(str(tmp_path / "run"), WorkerOptions(), HERE).failures
    assert edits_of(tmp_path / "run") == edits_of(tmp_path / "undisturbed")
    assert {path: path.stat().st_mtime_ns for path in made} == made, "nothing finished is made again"
