"""Edits on a GPU whose memory runs out: CUDA's answers are given by the test, everything else is the real code.

Weights stay on the processor, in float32; the placements are carried out there.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from builder.run.directory import RunDirectory
from builder.run.records import read_failures
from generation.editing.background_io import BackgroundIo
from generation.editing.memory_limits import read_limit
from generation.editing.model_slot import SLOT, release_model
from generation.editing.worker import make_edits
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.generators.pipelines import memory
from generation.generators.pipelines.load import LoadOptions
from generation.generators.pipelines.memory import GIB, Placement
from tests.generation.editing.test_failed_edits import write_run

NAME = "A GPU, 80 GiB"
PROMPTS = ["a dog", "a cup", "a cat", "a car", "a tree", "a hat"]


class Gpu:
    """What CUDA says, and what was asked of it.

    Attributes:
        free: bytes.
        loaded_to: the device of each load.
        ran_out: where memory ran out.
        fails: whether memory runs out, given the place (`encode`, `step`, `decode`), the batch and the placement.
    """

    def __init__(self) -> None:
        self.free = 80 * GIB
        self.loaded_to: list[str | None] = []
        self.ran_out: list[str] = []
        self.fails: Callable[[str, int, str], bool] = lambda *_: False


@pytest.fixture
def gpu(monkeypatch) -> Gpu:
    gpu = Gpu()
    torch.set_num_threads(1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _=None: (gpu.free, 80 * GIB))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _=None: "A GPU")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    place, load = memory.place, registry.load

    def options(dtype: str, device: str | None, quantized: str | None) -> LoadOptions:
        gpu.loaded_to.append(device)
        assert dtype in ("float16", "bfloat16")
        return LoadOptions("float32", "cpu" if device else None, quantized)

    def loading(*arguments, placement: Placement, **named):
        inpainter = load(*arguments, placement=placement, **named)
        pipeline = inpainter._pipeline
        for owner, name, where in (
            (pipeline.vae, "encode", "encode"),
            (pipeline.unet, "forward", "step"),
            (pipeline.vae, "decode", "decode"),
        ):
            watch(monkeypatch, gpu, owner, name, where, placement.weights)
        return inpainter

    monkeypatch.setattr(registry, "LoadOptions", options)
    monkeypatch.setattr(memory, "place", lambda pipeline, _, placement: place(pipeline, "cpu", placement))
    monkeypatch.setattr(registry, "load", loading)
    yield gpu
    release_model()


def watch(monkeypatch, gpu: Gpu, owner, name: str, where: str, weights: str) -> None:
    real = getattr(owner, name)

    def call(first, *arguments, **named):
        if gpu.fails(where, len(first), weights):
            gpu.ran_out.append(where)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nmore")
        return real(first, *arguments, **named)

    monkeypatch.setattr(owner, name, call)


def edit(folder: Path, batch_size: int = 4, generator: str = "sd2") -> RunDirectory:
    """Makes the unfinished edits of a run, as a worker that has just started does."""
    release_model()
    run = RunDirectory(str(folder))
    planned = [
        replace(each, generator=generator, checkpoint=f"tiny/{generator}") for each in write_run(folder, PROMPTS)
    ]
    left = [each for each in planned if each.image not in run.finished(1)]
    with BackgroundIo() as background_io:
        make_edits(run, left, WorkerOptions("cuda", batch_size), background_io)
    return run


def limit(run: RunDirectory, generator: str = "sd2") -> Placement | None:
    return read_limit(run, generator, (f"tiny/{generator}", None), NAME)


def test_with_room_the_weights_go_to_the_gpu_at_once_and_nothing_is_remembered(gpu, tmp_path):
    run = edit(tmp_path)
    assert gpu.loaded_to == ["cuda:0"]
    assert SLOT.placement == Placement("resident", False, 4)
    assert len(run.finished(1)) == len(PROMPTS)
    assert limit(run) is None


def test_with_little_room_they_stay_on_the_host_and_the_batch_is_planned(gpu, tmp_path, monkeypatch):
    # the tiny weights are small: the memory that the libraries need is what is left
    monkeypatch.setattr(memory, "_WORKSPACE", 0)
    monkeypatch.setattr(memory, "_DENOISING", 16 * GIB)
    gpu.free = 3 * GIB  # an image of 256 pixels takes one
    edit(tmp_path)
    assert SLOT.placement == Placement("resident", False, 2)
    gpu.free = GIB + 2**20
    edit(tmp_path / "less")
    assert (SLOT.placement.weights, SLOT.placement.batch, gpu.loaded_to[-1]) == ("sequential_offload", 1, None)


@pytest.mark.parametrize(
    ("where", "generator"), [("encode", "kolors"), ("step", "kolors"), ("step", "sd2"), ("decode", "kolors")]
)
def test_a_batch_that_does_not_fit_is_halved_and_the_half_is_remembered_for_the_run(
    gpu, tmp_path, where, generator
):
    gpu.fails = lambda place, batch, _: place == where and batch > 2
    if where == "decode":  # images are decoded one at a time: that fails for the others in the batch
        gpu.fails = lambda place, *_: place == "decode" and SLOT.placement.batch > 2
    run = edit(tmp_path, generator=generator)
    assert len(run.finished(1)) == len(PROMPTS)
    assert limit(run, generator) == SLOT.placement == Placement("resident", False, 2)

    gpu.ran_out.clear()
    for name in list(run.finished(1))[:4]:
        run.delete(f"turn-1/{name}.json")
    edit(tmp_path, generator=generator)
    assert not gpu.ran_out, "another worker begins with what worked"
    assert len(run.finished(1)) == len(PROMPTS)


def test_an_edit_that_does_not_fit_alone_gets_the_next_placements_until_it_does(gpu, tmp_path):
    gpu.fails = lambda place, _, weights: place == "step" and weights in ("resident", "model_offload")
    run = edit(tmp_path)
    assert len(run.finished(1)) == len(PROMPTS)
    assert limit(run) == SLOT.placement == Placement("group_offload", False, 1)
    assert gpu.loaded_to == ["cuda:0", None, None]


def test_an_edit_that_never_fits_fails_with_the_reason_and_the_worker_goes_on(gpu, tmp_path):
    gpu.fails = lambda place, *_: place == "decode"
    run = edit(tmp_path)
    failures = read_failures(run, 1)
    assert [failure.image for failure in failures] == [f"{number:02d}" for number in range(len(PROMPTS))]
    assert {failure.reason for failure in failures} == {
        "one image does not fit cuda:0 (sequential_offload): CUDA out of memory. Tried to allocate 9 GiB."
    }
    gpu.fails = lambda *_: False
    run.delete(next(f"memory/{name}" for name in run.names("memory")))
    assert len(edit(tmp_path).finished(1)) == len(PROMPTS)


def test_weights_that_do_not_fit_while_they_are_loaded_are_offloaded(gpu, tmp_path, monkeypatch):
    place = memory.place

    def full(pipeline, device, placement):
        if placement.weights == "resident":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 24 GiB.")
        return place(pipeline, device, placement)

    monkeypatch.setattr(memory, "place", full)
    run = edit(tmp_path)
    assert len(run.finished(1)) == len(PROMPTS)
    assert SLOT.placement.weights == "model_offload"


def test_the_edits_are_the_same_whatever_the_placement(gpu, tmp_path):
    whole = edit(tmp_path / "whole", batch_size=1)
    gpu.fails = lambda place, _, weights: place == "step" and weights == "resident"
    moved = edit(tmp_path / "moved", batch_size=1)
    assert SLOT.placement.weights == "model_offload"
    for name in whole.finished(1):
        assert whole.read(f"turn-1/{name}.webp") == moved.read(f"turn-1/{name}.webp")
