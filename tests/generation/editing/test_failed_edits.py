"""An edit that gives nothing usable is tried alone, leaves its reason, and costs its own image alone."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from builder.encoding.images import encode_image
from builder.run.directory import RunDirectory, base_path
from builder.run.planned_edit import PlannedEdit, encode_region, write_plan
from builder.run.records import read_failures
from diffseg30k_cli.main import app
from generation.editing.background_io import BackgroundIo
from generation.editing.model_slot import release_model
from generation.editing.run import generate
from generation.editing.worker import make_edits
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.generators.pipelines.inpainter import InpaintRequest
from generation.generators.tiny.assembly import tiny_checkpoint
from generation.plan.options import PlanOptions
from generation.prepare.prepare import prepare_run
from generation.sources.photographs import SourceOptions
from performance.sample_run import photograph, region
from tests.coco_factory import CocoFolder
from tests.generation.editing.test_waves import planned
from tests.generation.prepare.test_prepare import add_photographs

SIDE = 64
GENERATORS = ["sd2", "sdxl", "kandinsky2.2"]


class Picky:
    """A generator with too little memory for more than two pictures, and prompts that it cannot paint."""

    side, cell = SIDE, 8

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, requests: Sequence[InpaintRequest]) -> list[np.ndarray]:
        self.calls.append(len(requests))
        if len(requests) > 2:
            raise MemoryError("no room")
        if any(request.prompt == "nan" for request in requests):
            raise FloatingPointError("the model gave NaN or infinity")
        return [request.image[::-1] * (request.prompt != "black") for request in requests]

    def unload(self) -> None:
        pass


def write_run(folder: Path, prompts: Sequence[str]) -> list[PlannedEdit]:
    """A run of one turn, an edit a prompt."""
    run = RunDirectory(str(folder))
    mask = encode_region(region(SIDE, np.random.default_rng(0)))
    edits = [_edit(f"{number:02d}", prompt, mask) for number, prompt in enumerate(prompts)]
    for number, edit in enumerate(edits):
        run.write(base_path(edit.image), encode_image(photograph(number, SIDE)))
    write_plan(run, edits)
    return edits


def _edit(image: str, prompt: str, mask: str) -> PlannedEdit:
    return replace(planned(image, 1, "sd2"), prompt=prompt, region=mask)


def pictures(folder: Path) -> dict[str, str]:
    """Images and masks by digest; what a killed process left unfinished does not count."""
    found = [path for path in sorted(folder.glob("turn-*/*")) if path.suffix in (".webp", ".png")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_a_batch_that_fails_is_made_in_halves_down_to_the_edit_whose_fault_it_is(tmp_path, monkeypatch):
    prompts = ["a dog", "black", "a cup", "a cat", "nan", "a car", "a tree", "a hat"]
    calls = {}
    for batch_size in (1, 8):
        picky = Picky()
        monkeypatch.setattr(registry, "load", lambda *_, picky=picky, **__: picky)
        folder = tmp_path / str(batch_size)
        with BackgroundIo() as background_io:
            make_edits(
                RunDirectory(str(folder)),
                write_run(folder, prompts),
                WorkerOptions("cpu", batch_size),
                background_io,
            )
        release_model()
        calls[batch_size] = picky.calls

    # 8 and 4 do not fit, which is remembered; a batch with a fault is made again in halves
    assert calls == {1: [1] * 8, 8: [8, 4, 2, 2, 2, 1, 1, 2, 2, 2, 1, 1, 2]}
    failures = read_failures(RunDirectory(str(tmp_path / "8")), 1)
    assert [(failure.image, failure.reason) for failure in failures] == [
        ("01", "the result is black"),
        ("04", "the model gave NaN or infinity"),
    ]
    assert len(pictures(tmp_path / "8")) == 2 * 6
    assert pictures(tmp_path / "8") == pictures(tmp_path / "1")


@pytest.fixture
def checkpoints(tmp_path, monkeypatch) -> Path:
    """The tiny checkpoints of a few generators, in a cache of their own, to be spoilt."""
    whole = [tiny_checkpoint(name) for name in GENERATORS]
    cache = tmp_path / "cache" / whole[0].parent.name
    for folder in whole:
        shutil.copytree(folder, cache / folder.name)
    monkeypatch.setenv("DIFFSEG30K_CACHE", str(tmp_path / "cache"))
    return cache


def spoil(checkpoint: Path, value: float) -> None:
    """Sets what the autoencoder adds to every pixel at last."""
    from safetensors.torch import load_file, save_file

    file = checkpoint / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors["decoder.conv_out.bias"].fill_(value)
    save_file(tensors, file, metadata={"format": "pt"})


@pytest.mark.kills
def test_models_that_give_nothing_fail_their_edits_and_the_command(tmp_path, checkpoints):
    coco = CocoFolder(tmp_path / "sources")
    add_photographs(coco, 7)
    options = PlanOptions(SIDE, 0, registry.settings(GENERATORS, "tiny", {}), count=6, unedited=1)
    run, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
    prepare_run(str(undisturbed), SourceOptions(*coco.write()), options)
    shutil.copytree(undisturbed, run)
    assert not generate(str(undisturbed), WorkerOptions()).failures

    whole = shutil.copytree(checkpoints, tmp_path / "whole")
    spoil(checkpoints / "sd2", float("nan"))
    spoil(checkpoints / "sdxl", -6e4)
    command = ["generate", str(run), "--workers", "1", "--device", "cpu"]
    refused = CliRunner().invoke(app, command)
    assert (refused.exit_code, type(refused.exception)) == (1, SystemExit)
    failures = [failure for turn in (1, 2, 3) for failure in read_failures(RunDirectory(str(run)), turn)]
    assert {(failure.generator, failure.reason) for failure in failures} == {
        ("sd2", "the model gave NaN or infinity"),
        ("sdxl", "the result is black"),
    }
    assert f"{len(failures)} failed" in refused.output
    made = {path: path.stat().st_mtime_ns for path in run.glob("turn-*/*")}
    assert made

    assert CliRunner().invoke(app, [*command, "--max-failures", str(len(failures))]).exit_code == 0
    shutil.copytree(whole, checkpoints, dirs_exist_ok=True)
    assert CliRunner().invoke(app, command).exit_code == 0
    assert pictures(run) == pictures(undisturbed)
    assert {path: path.stat().st_mtime_ns for path in made} == made, "nothing finished is made again"
