"""Placements for devices with more or less memory, each run with a tiny pipeline; and running out of memory."""

import gc
import weakref

import numpy as np
import pytest
import torch

from generation.checkpoints.weight_sizes import part_sizes
from generation.generators import registry
from generation.generators.entries import GENERATORS, Sampling
from generation.generators.pipelines import memory
from generation.generators.pipelines.inpainter import InpaintRequest
from generation.generators.pipelines.load import LoadOptions, quiet
from generation.generators.pipelines.memory import GIB, PLACEMENTS, Placement, Workload
from generation.generators.tiny.assembly import tiny_checkpoint

FLUX = {"transformer": 22 * GIB, "text_encoder_2": 9 * GIB, "text_encoder": GIB // 4, "vae": GIB // 6}
SDXL = {"unet": 5 * GIB, "text_encoder_2": 13 * GIB // 10, "text_encoder": GIB // 4, "vae": GIB // 6}
SMALL = Sampling(side=64, steps=2, guidance=2.0)
"""Half precision is slow on a processor."""
BIG, FULL = Workload(1024, 4), Workload(1024, 4, decoder_bytes=4)


@pytest.mark.parametrize(
    ("parts", "work", "free", "expected"),
    [
        (FLUX, BIG, 139, Placement("resident", False, 4)),
        (FLUX, BIG, 40, Placement("resident", False, 4)),
        (FLUX, BIG, 35, Placement("resident", False, 2)),
        (FLUX, BIG, 32, Placement("model_offload", False, 4)),
        (FLUX, BIG, 24, Placement("group_offload", False, 4)),
        (FLUX, BIG, 26, Placement("model_offload", False, 3)),
        (FLUX, BIG, 16, Placement("group_offload", False, 4)),
        (SDXL, FULL, 24, Placement("resident", False, 4)),
        (SDXL, FULL, 10, Placement("model_offload", False, 4)),
        (SDXL, FULL, 6, Placement("group_offload", False, 4)),
        (SDXL, FULL, 4, Placement("sequential_offload", False, 3)),
        (SDXL, FULL, 1, Placement("sequential_offload", True, 1)),
        (SDXL, Workload(512, 8), 24, Placement("resident", False, 8)),
    ],
)
def test_the_fastest_placement_that_fits_is_chosen_with_the_largest_batch(parts, work, free, expected):
    assert memory.choose(parts, free * GIB, work) == expected


def test_a_larger_batch_or_image_never_gets_a_faster_placement():
    for free in range(1, 60):
        ranks = [
            PLACEMENTS.index(memory.choose(SDXL, free * GIB, Workload(side, 1)).weights)
            for side in (256, 512, 1024, 2048)
        ]
        assert ranks == sorted(ranks)


def test_one_placement_follows_another_down_to_the_last():
    placement, seen = Placement("resident", False, 4), []
    while placement := placement.next():
        seen.append(placement)
    assert seen == [
        Placement("model_offload", False, 1),
        Placement("group_offload", False, 1),
        Placement("sequential_offload", False, 1),
        Placement("sequential_offload", True, 1),
    ]


@pytest.mark.parametrize("generator", ["sdxl", "flux.1", "kolors", "hunyuandit1.1"])
def test_the_files_headers_tell_the_size_of_each_loaded_model(generator):
    folder = tiny_checkpoint(generator)
    with quiet():
        pipeline = GENERATORS[generator].pipeline(folder, LoadOptions("float32"))
    models = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    loaded = {name: sum(weights.nbytes for weights in part.parameters()) for name, part in models.items()}
    sizes = part_sizes(folder, bytes_per_weight=4, variant=None)
    assert set(sizes) == set(loaded)
    for name, size in sizes.items():
        assert size == pytest.approx(loaded[name], rel=0.01), name
        assert size > 10_000


# ── Every placement, run on the processor ─────────────────────────────────────────────────────────


def request_for(inpainter, **changes) -> InpaintRequest:
    side = inpainter.side
    rows, columns = np.mgrid[:side, :side]
    image = np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=-1).astype(np.uint8)
    mask = np.zeros((side, side), bool)
    mask[side // 4 : side // 2, side // 4 : side // 2] = True
    return InpaintRequest(
        **{"image": image, "mask": mask, "prompt": "a cat", "seed": 3, "steps": 4, "guidance": 2.0} | changes
    )


def loaded(generator: str, placement: Placement):
    entry = GENERATORS[generator]
    with quiet():
        pipeline = entry.pipeline(tiny_checkpoint(generator), LoadOptions("float32"))
        placed = memory.place(pipeline, "cpu", placement)
    return entry.inpainter(placed, entry.tiny_sampling)


@pytest.mark.parametrize("generator", [name for name, entry in GENERATORS.items() if entry.offloads])
def test_each_placement_gives_the_same_picture(generator):
    torch.set_num_threads(1)
    pictures = {}
    for weights in PLACEMENTS:
        inpainter = loaded(generator, Placement(weights, False, 1))
        pictures[weights] = inpainter([request_for(inpainter)])[0]
        again = inpainter([request_for(inpainter)])[0]
        assert np.array_equal(pictures[weights], again), f"{weights}: the second call differs"
    for weights, picture in pictures.items():
        assert np.array_equal(picture, pictures["resident"]), weights


@pytest.mark.parametrize("generator", [name for name, entry in GENERATORS.items() if entry.offloads])
def test_weights_that_are_loaded_onto_a_device_directly_give_the_same_picture(generator):
    torch.set_num_threads(1)
    entry = GENERATORS[generator]
    pictures = []
    for device in (None, "cpu"):
        with quiet():
            pipeline = entry.pipeline(tiny_checkpoint(generator), LoadOptions("float32", device))
            placed = memory.place(pipeline, "cpu", Placement("resident", False, 1))
        inpainter = entry.inpainter(placed, entry.tiny_sampling)
        pictures.append(inpainter([request_for(inpainter)])[0])
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("generator", ["sdxl", "kolors", "flux.1"])
def test_tiles_change_a_picture_little_and_sides_above_one_tile_are_cut(generator):
    torch.set_num_threads(1)
    whole, tiled = (loaded(generator, Placement("resident", tiled, 1)) for tiled in (False, True))
    calls = []
    decoder = tiled._pipeline.vae.decoder
    decoder.register_forward_hook(lambda *_: calls.append(1))
    one, two = (inpainter([request_for(inpainter)])[0].astype(int) for inpainter in (whole, tiled))
    assert len(calls) >= 4
    assert np.abs(one - two).mean() < 12


# ── Out of memory ─────────────────────────────────────────────────────────────────────────────────


class Fault:
    """Makes a method raise CUDA's error while a condition holds, as the driver does: in the middle of a call."""

    def __init__(self, monkeypatch, owner, name: str, fails):
        self.calls, self._real, self._fails = 0, getattr(owner, name), fails
        self.kept: list[weakref.ref] = []
        monkeypatch.setattr(owner, name, self)

    def __call__(self, *arguments, **named):
        self.calls += 1
        first = next((each for each in (*arguments, *named.values()) if isinstance(each, torch.Tensor)), None)
        if self._fails(first):
            activation = torch.zeros(1000)
            self.kept.append(weakref.ref(activation))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.\nmore lines")
        return self._real(*arguments, **named)


@pytest.mark.parametrize("generator", ["sdxl", "kolors"])
@pytest.mark.parametrize("where", ["encode", "step", "decode"])
def test_out_of_memory_is_said_in_one_line_and_the_model_is_as_it_was(generator, where, monkeypatch):
    torch.set_num_threads(1)
    entry = GENERATORS[generator]
    with quiet():
        pipeline = entry.pipeline(tiny_checkpoint(generator), LoadOptions("float16"))
    pipeline.vae.register_to_config(force_upcast=True)  # as in the published weights
    inpainter = entry.inpainter(memory.place(pipeline, "cpu", Placement("resident", False, 1)), SMALL)
    before = inpainter([request_for(inpainter)])[0]

    owner, name = {
        "encode": (pipeline.vae, "encode"),
        "step": (pipeline.unet, "forward"),
        "decode": (pipeline.vae, "decode"),
    }[where]
    with monkeypatch.context() as patched:
        fault = Fault(patched, owner, name, lambda _: True)
        with pytest.raises(MemoryError) as caught:
            inpainter([request_for(inpainter)])
    assert str(caught.value) == "CUDA out of memory. Tried to allocate 20 GiB."
    assert fault.calls == 1
    gc.collect()
    assert all(kept() is None for kept in fault.kept), "what the failed call held is kept by the error"
    assert pipeline.vae.dtype == torch.float16
    assert np.array_equal(inpainter([request_for(inpainter)])[0], before)


def test_after_running_out_a_part_that_was_moved_to_the_device_is_moved_back(monkeypatch):
    inpainter = loaded("sdxl", Placement("model_offload", False, 1))
    moved = []
    for hook in inpainter._pipeline._all_hooks:
        monkeypatch.setattr(hook, "offload", lambda: moved.append(1))
    with monkeypatch.context() as patched:
        Fault(patched, inpainter._pipeline.unet, "forward", lambda _: True)
        with pytest.raises(MemoryError):
            inpainter([request_for(inpainter)])
    # hooks are set anew, which puts every part back on the host
    assert inpainter([request_for(inpainter)])[0].any()


def test_planning_a_placement_reads_only_headers(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda _: 80 * GIB)
    monkeypatch.setattr("safetensors.torch.load_file", lambda *_: pytest.fail("weights were read"))
    for name in GENERATORS:
        placement = registry.plan_placement(name, f"tiny/{name}", device="cuda:0", batch_size=4)
        assert placement == Placement("resident", False, 4)
