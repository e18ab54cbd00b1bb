"""A packed dataset, and the examples run on it as a user runs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.packing.pack import PackOptions, pack
from diffseg30k import CONFIGS
from tests.hub_client import expected
from tests.plain_card import write_plain_card
from tests.run_factory import make_run

EXAMPLES = Path(__file__).parents[2] / "examples"


def row_ids(folder: Path, split: str) -> list[str]:
    """The ids of `semantic`, read by pyarrow."""
    return expected([folder / "diffseg30k"])["semantic"][split]


def shard_count(folder: Path) -> int:
    places = CONFIGS["semantic"].splits["train"]
    return sum(len(list((folder / "diffseg30k" / place).glob("*.parquet"))) for place in places)


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A working directory with a packed dataset of 60 images in ./diffseg30k."""
    place = tmp_path_factory.mktemp("examples")
    make_run(place / "run", 60, 64)
    pack(str(place / "run"), str(place / "diffseg30k"), PackOptions(shard_bytes=40_000, progress=False))
    write_plain_card(str(place / "diffseg30k"), str(place / "diffseg30k"))
    return place


@pytest.fixture
def run(folder, tmp_path) -> Callable[..., str]:
    """Runs a command of Python in the working directory and returns what it prints."""

    def start(*command: object, **environment: str) -> str:
        settings = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(EXAMPLES)}
        settings |= {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", **environment}
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=folder,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return start
