"""The loading script on `datasets` 3.6, in an environment of its own, against the class on today's."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.packing.pack import PackOptions, pack
from diffseg30k import DiffSeg30k
from tests.load_by_script import rows
from tests.run_factory import make_run

pytestmark = pytest.mark.frameworks

ROOT = Path(__file__).parent.parent
PINS = Path(__file__).with_name("older_datasets.txt")
OFFLINE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError")


@pytest.fixture(scope="session")
def older_python(request) -> Path:
    """The Python of an environment with `datasets` 3.6, made once and kept in pytest's cache."""
    digest = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    place = request.config.cache.mkdir("older-datasets") / digest
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--requirement", PINS]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode and any(error in done.stderr for error in OFFLINE):
            pytest.skip("no network to install `datasets` 3.6 from")
        assert done.returncode == 0, done.stderr
        (place / "complete").touch()
    return python


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("older")
    make_run(place / "run", 24, 64)
    pack(str(place / "run"), str(place / "diffseg30k"), PackOptions(shard_bytes=60_000, progress=False))
    return place / "diffseg30k"


@pytest.mark.parametrize("config", ["semantic", "edits", "binary-heldout-flux-hunyuan"])
def test_the_loading_script_gives_the_rows_of_the_class(older_python, dataset, tmp_path, config):
    command = [older_python, ROOT / "tests" / "load_by_script.py", ROOT / "diffseg30k.py", dataset, config]
    settings = {"HF_HOME": str(tmp_path / "older"), "HF_HUB_OFFLINE": "1"}
    printed = subprocess.run(
        list(map(str, command)), env=os.environ | settings, cwd=tmp_path, check=True, stdout=subprocess.PIPE
    )
    older = json.loads(printed.stdout)

    builder = DiffSeg30k(config, data_dir=str(dataset), cache_dir=str(tmp_path / "today"))
    builder.download_and_prepare()

    assert older["version"].startswith("3.6.")
    assert older["loaded"] == older["streamed"] == rows(builder.as_dataset())
    assert all(older["loaded"].values())
