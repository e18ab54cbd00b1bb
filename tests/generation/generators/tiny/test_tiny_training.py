"""The training of the tiny checkpoints: one command that can be stopped, goes on, and is published."""

import json
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from generation.generators.tiny.assembly import read_digests, write_checkpoint
from generation.generators.tiny.training.photographs import is_held_out

pytestmark = pytest.mark.training

TRAINING = "generation.generators.tiny.training"
NETWORKS = ("autoencoder-4", "sd2-unet", "glide-base", "glide-upsampler")
"""One of each kind, in the order of their training."""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """At least a dozen photographs, two of which are held out: that goes by their paths."""
    folder = tmp_path_factory.mktemp("photographs")
    pictures = [
        Image.fromarray(getattr(data, name)()[..., :3]).resize((600, 450))
        for name in ("astronaut", "chelsea", "coffee", "rocket")
    ]
    for number in count():
        file = folder / f"photograph-{number:03d}.jpg"
        pictures[number % len(pictures)].rotate(90 * (number // 4), expand=True).save(file)
        if number >= 11 and sum(map(is_held_out, folder.iterdir())) >= 2:
            break
    return folder


def command(photographs: Path, state: Path) -> list[str]:
    """Trains networks for a thousandth of their time."""
    options = ["--state", str(state), "--scale", "0.001", "--only", *NETWORKS]
    return [sys.executable, "-m", TRAINING, str(photographs), *options]


def states(state: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in state.glob("*.pt")}


@pytest.mark.timeout(600)
def test_it_is_stopped_goes_on_and_ends_in_checkpoints_that_are_published(photographs, tmp_path):
    state, out = tmp_path / "state", tmp_path / "trained"
    process = subprocess.Popen(command(photographs, state), stdout=subprocess.PIPE, text=True)
    while process.poll() is None and not states(state):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate()
    assert process.returncode == 0
    assert "the same command goes on from here" in printed
    before = states(state)
    assert before.keys() < set(NETWORKS)

    again = subprocess.run(command(photographs, state), capture_output=True, text=True)
    assert (again.returncode, "Traceback" in again.stderr) == (0, False), again.stderr
    after = states(state)
    assert after.keys() == set(NETWORKS)
    assert len([name for name in before if after[name] != before[name]]) <= 1  # the one that was being trained
    assert {path.stem for path in (state / "sheets").glob("*.png")} >= {"sd2", "glide"}

    publish = [sys.executable, "-m", f"{TRAINING}.publish", "--state", str(state), "--out", str(out)]
    assert "MB" in subprocess.run(publish, check=True, capture_output=True, text=True).stdout
    assert read_digests(out).keys() == set(NETWORKS)
    write_checkpoint("sd2", tmp_path / "sd2", out)
    index = json.loads((tmp_path / "sd2/model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionInpaintPipeline"


def test_without_a_photograph_it_says_where_it_looked(tmp_path):
    ended = subprocess.run(command(tmp_path, tmp_path / "state"), capture_output=True, text=True)
    assert ended.returncode != 0
    assert f"there is no photograph in {tmp_path}" in ended.stderr
    assert "Traceback" not in ended.stderr
