"""The examples in Accelerate, JAX, Keras and transformers."""

import re
from importlib.util import find_spec

import pytest

from tests.examples.conftest import EXAMPLES, row_ids

pytestmark = pytest.mark.frameworks


def need(package: str) -> None:
    # not imported here: a process that has JAX's threads should not fork
    if not find_spec(package):
        pytest.skip(f"{package} is not installed")


def numbers(pattern: str, printed: str) -> list[float]:
    return [float(number) for number in re.findall(pattern, printed)]


def test_accelerate_trains_on_every_row_once_an_epoch_in_two_processes(run, folder):
    launch = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", 2, "--num_machines", 1)
    options = ("--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", 1)
    script = (EXAMPLES / "accelerate_train.py", "diffseg30k", "--side", 32, "--workers", 1, "--epochs", 2)

    printed = run(*launch, *options, *script)

    assert numbers(r"(\d+) rows", printed) == [len(row_ids(folder, "train"))] * 2


def test_jax_trains_on_whole_batches(run, folder):
    need("jax")
    printed = run(
        EXAMPLES / "jax_train.py", "diffseg30k", "--side", 32, "--batch-size", 4, "--epochs", 3, "--rate", 0.5
    )

    rows = len(row_ids(folder, "train"))
    assert numbers(r"(\d+) rows", printed) == [rows - rows % 4] * 3
    losses = numbers(r"loss ([\d.]+)", printed)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_keras_trains_on_a_data_loader_with_any_backend(run, backend):
    need("keras")
    need(backend)

    printed = run(EXAMPLES / "keras_train.py", "diffseg30k", "--side", 32, "--epochs", 2, KERAS_BACKEND=backend)

    losses = numbers(r" loss: ([\d.]+)", printed)
    assert len(losses) == 2
    assert losses[1] < losses[0]
    assert len(numbers(r"val_loss: ([\d.]+)", printed)) == 2


def test_the_trainer_of_transformers_trains_evaluates_and_saves(run, tmp_path):
    out = tmp_path / "segformer"

    printed = run(EXAMPLES / "trainer_train.py", "diffseg30k", "--side", 32, "--steps", 4, "--out", out)

    assert len(numbers(r"validation loss ([\d.]+)", printed)) == 1
    assert (out / "model.safetensors").is_file()
