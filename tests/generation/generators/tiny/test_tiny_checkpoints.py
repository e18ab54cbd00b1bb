"""The tiny checkpoints: their trained tensors are whole and small, and their fills go with what is around them."""

import shutil

import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from skimage import data

from diffseg30k import GENERATORS
from generation.generators import registry
from generation.generators.pipelines.inpainter import Inpainter, InpaintRequest
from generation.generators.pipelines.load import quiet
from generation.generators.tiny.assembly import (
    DIGESTS,
    PARTS,
    TRAINED,
    read_digests,
    read_trained,
    write_checkpoint,
)

MEGABYTE = 2**20


def test_every_network_is_trained_and_has_the_digest_that_is_written_down():
    networks = {name for parts in PARTS.values() for name in parts}
    assert read_digests(TRAINED).keys() == networks
    for name in networks:
        tensors = read_trained(TRAINED, name)
        assert {str(tensor.dtype) for tensor in tensors.values()} == {"torch.float16"}
        assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_a_generator_has_at_most_four_megabytes_and_all_have_twenty():
    size = {name: (TRAINED / f"{name}.safetensors").stat().st_size for name in read_digests(TRAINED)}
    assert max(sum(size[name] for name in parts) for parts in PARTS.values()) <= 4 * MEGABYTE
    assert sum(size.values()) <= 20 * MEGABYTE


def test_a_trained_file_that_is_damaged_is_named(tmp_path):
    shutil.copytree(TRAINED, tmp_path / "trained")
    damaged = tmp_path / "trained/sd2-unet.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\0")
    with pytest.raises(ValueError, match=r"sd2-unet\.safetensors is damaged"):
        write_checkpoint("sd2", tmp_path / "made", tmp_path / "trained")


def test_without_digests_the_weights_are_random(tmp_path):
    shutil.copytree(TRAINED, tmp_path / "trained")
    (tmp_path / "trained" / DIGESTS).unlink()
    for name, trained in (("one", None), ("two", tmp_path / "trained")):
        write_checkpoint("sd2", tmp_path / name, trained)
    one, two = ((tmp_path / name / "unet/diffusion_pytorch_model.safetensors") for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("generator", GENERATORS)
def test_its_fills_have_the_colours_around_them_which_random_weights_have_not(generator, tmp_path):
    trained = registry.load(generator, f"tiny/{generator}")
    with quiet():
        write_checkpoint(generator, tmp_path, None)
    random = registry.load(generator, "folder/random", replacements={generator: str(tmp_path)})
    random.side = trained.side
    assert distance_to_surroundings(trained, generator) < 0.5 * distance_to_surroundings(random, generator)


def distance_to_surroundings(inpainter: Inpainter, generator: str) -> float:
    """Mean distance between the mean colours of a fill and of the pixels around it, in levels of 255."""
    sampling = registry.GENERATORS[generator].tiny_sampling
    side = inpainter.side
    mask = np.zeros((side, side), bool)
    mask[side // 3 : side // 2, side // 3 : side // 2] = True
    around = binary_dilation(mask, iterations=8) & ~mask
    images = [photograph[:side, :side] for photograph in (data.astronaut(), data.coffee(), data.chelsea())]
    requests = [
        InpaintRequest(np.ascontiguousarray(image), mask, "background", seed, sampling.steps, sampling.guidance)
        for seed, image in enumerate(images)
    ]
    fills = [inpainter([request])[0] for request in requests]
    return float(
        np.mean(
            [
                np.abs(fill[mask].mean(0) - image[around].mean(0)).mean()
                for fill, image in zip(fills, images, strict=True)
            ]
        )
    )
