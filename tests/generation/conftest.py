"""Tiny models that look at pictures, photographs without annotations, and one thread, so that results repeat."""

import numpy as np
import pytest
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_images

from generation.regions.grounding.options import GroundingOptions
from tests.generation.regions.grounding import tiny_models
from tests.generation.vlm import tiny_qwen as qwen


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> GroundingOptions:
    folder = tmp_path_factory.mktemp("models")
    return GroundingOptions(
        tiny_models.build_detector(folder / "detector"), tiny_models.build_segmenter(folder / "segmenter")
    )


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> str:
    """Nine photographs and a file that is none."""
    folder = tmp_path_factory.mktemp("photographs")
    china, flower = load_sample_images().images
    pictures = {"china": china, "flower": flower, "cat": data.chelsea(), "coffee": data.coffee()}
    pictures |= {"astronaut": data.astronaut(), "rocket": data.rocket()}
    pictures |= {f"crop-{place}": china[:, 80 * place : 80 * place + 300] for place in range(3)}
    for name, pixels in pictures.items():
        path = folder / ("below" if name.startswith("crop") else "") / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels)).save(path, quality=90)
    (folder / "notes.txt").write_text("not a picture")
    return str(folder)


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory) -> str:
    """The folder of a tiny Qwen2.5-VL."""
    return qwen.build(tmp_path_factory.mktemp("qwen"))


SQUARE = 128


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def square() -> np.ndarray:
    """A (128, 128, 3) photograph."""
    return np.ascontiguousarray(data.astronaut()[:SQUARE, 140 : 140 + SQUARE])
