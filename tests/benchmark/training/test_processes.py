"""Two processes that train together do the same at every step, and as one process does."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from benchmark.training.options import TrainOptions

pytestmark = pytest.mark.training

SCRIPT = Path(__file__).parent / "processes.py"
ROOT = SCRIPT.parents[3]


def run(options: TrainOptions, processes: int) -> list[dict]:
    """Trains, by `processes` processes; what each of them wrote down."""
    folder = Path(f"{options.out}-notes")
    folder.mkdir()
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [*launcher, str(SCRIPT), json.dumps(asdict(options)), str(folder)]
    variables = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(processes)]


@pytest.fixture(scope="module")
def many(make, tmp_path_factory):
    """Forty training rows, every other one edited."""
    plans = [("sdxl",) if index % 2 else () for index in range(40)]
    return make.pack(tmp_path_factory.mktemp("many"), {"train": plans, "validation": plans[:2]}, side=64)


@pytest.fixture
def options(many, tmp_path) -> TrainOptions:
    return TrainOptions(
        out=str(tmp_path / "trained"), dataset=str(many), config="classification", architecture="universalfakedet",
        encoder="tiny", weights="none", size=32, steps=40, batch_size=4, learning_rate=1e-2, validate_every=2,
        validation_share=0.3, workers=0, seed=3, device="cpu", log_every=1, progress=False,
    )  # fmt: skip


def test_all_processes_have_the_same_rate_and_weights_at_every_step(options):
    first, second = run(options, 2)
    assert len(first["updates"]) > 12
    assert first == second
    rates = [rate for rate, _ in first["updates"]]
    assert rates[0] / rates[-1] > 9, "the plateau was reached and the rate fell"


def test_two_processes_end_where_one_does_up_to_rounding(options, tmp_path):
    options = replace(options, steps=12)
    alone = run(replace(options, out=str(tmp_path / "alone")), 1)[0]
    together = run(options, 2)[0]
    assert [rate for rate, _ in alone["updates"]] == [rate for rate, _ in together["updates"]]
    assert alone["best"] == together["best"]
    one, other = (load_file(f"{folder}/model.safetensors") for folder in (tmp_path / "alone", options.out))
    for name, value in one.items():
        assert value.allclose(other[name], rtol=1e-4, atol=1e-5), name


def test_a_segmentation_network_with_batch_normalisation_is_the_same_in_both(options):
    options = replace(
        options, config="semantic", architecture="unet", encoder="timm-mobilenetv3_small_minimal_100", steps=6,
        validate_every=3,
    )  # fmt: skip
    first, second = run(options, 2)
    assert first["best"] == second["best"]
    assert [digest for _, digest in first["updates"]] == [digest for _, digest in second["updates"]]
