"""The placement of weights, for devices with different amounts of memory."""

import pytest

from generation.generators.pipelines import memory

GB = 2**30
FLUX = {"transformer": 22 * GB, "text_encoder_2": 9 * GB, "text_encoder": GB // 4, "vae": GB // 6}
SDXL = {"unet": 5 * GB, "text_encoder_2": 13 * GB // 10, "text_encoder": GB // 4, "vae": GB // 6}


@pytest.mark.parametrize(
    ("parts", "free", "weights", "tiled"),
    [
        (FLUX, 139, "resident", False),
        (FLUX, 32, "offloaded", False),
        (FLUX, 24, "streamed", False),
        (FLUX, 8, "streamed", True),
        (SDXL, 24, "resident", False),
        (SDXL, 10, "offloaded", True),
        (SDXL, 6, "streamed", True),
    ],
)
def test_the_fastest_placement_that_fits_is_chosen(parts, free, weights, tiled):
    assert memory.choose(parts, free * GB) == memory.Placement(weights, tiled)


def test_the_parts_of_a_pipeline_are_its_models_and_not_its_tokenizers():
    from generation.generators.tiny import unets

    sizes = memory.part_sizes(unets.sdxl())
    assert set(sizes) == {"unet", "vae", "text_encoder", "text_encoder_2"}
    assert all(size > 10_000 for size in sizes.values())


def test_on_a_cpu_a_pipeline_stays_as_it_is():
    pipeline = object()
    assert memory.place(pipeline, "cpu") is pipeline
