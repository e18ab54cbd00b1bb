"""`diffseg30k generators`: all whole when piped, one line about a Hub that is away, and what an edit takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generation.checkpoints.published import ALTERNATIVES, PUBLISHED
from generation.generators.entries import GENERATORS
from generation.generators.tiny.assembly import tiny_checkpoint

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"


def generators(tmp_path, *arguments: str, columns: int = 40) -> subprocess.CompletedProcess:
    """The command, piped, on a machine without weights and without a Hub."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": NOBODY,
        "HF_HOME": str(tmp_path / "hub"),
        "COLUMNS": str(columns),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-m", "diffseg30k_cli", "generators", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_ids_licences_and_addresses_are_whole_whatever_the_width(tmp_path):
    narrow, wide = (generators(tmp_path, columns=columns).stdout for columns in (40, 400))
    assert narrow == wide
    for name, published in PUBLISHED.items():
        for whole in (name, published.name, published.license, published.license_url):
            assert whole in narrow
        if not published.files:
            assert f"hf download {published.repository} --revision {published.revision}" in narrow
    for name, others in ALTERNATIVES.items():
        for key, published in others.items():
            assert f"--checkpoint {name}={key}: {published.name}" in narrow
    table = narrow.split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in table] == ["generator", *PUBLISHED, "hyper-sd"]


def test_a_hub_that_is_away_is_said_once(tmp_path):
    done = generators(tmp_path)
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if "does not answer" in line] == [
        f"the Hub ({NOBODY}) does not answer (ConnectError): whether the weights that are not here can be "
        "downloaded is not known"
    ]


def test_as_json_it_says_the_same(tmp_path):
    done = generators(tmp_path, "--json", "--checkpoint", "flux.1=fill", "flux.1", "glide")
    found = json.loads(done.stdout)
    assert [each["id"] for each in found["generators"]] == ["flux.1", "glide"]
    assert found["generators"][0]["checkpoint"] == ALTERNATIVES["flux.1"]["fill"].name
    assert "does not answer" in found["hub"]


@pytest.mark.parametrize("arguments", [("sd9",), ("--checkpoint", "sd9=x"), ("--try", "sd9")])
def test_an_unknown_generator_is_one_line(tmp_path, arguments):
    done = generators(tmp_path, *arguments)
    assert done.returncode != 0
    assert "'sd9' is not a generator; there are sd2" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_trial_shows_an_edit_by_each_generator_and_what_it_takes(tmp_path):
    done = generators(tmp_path, "--try", "--checkpoints", "tiny", "--device", "cpu", "--json", "sdxl", "glide")
    assert done.returncode == 0, done.stderr
    trials = json.loads(done.stdout)
    assert done.stderr == ""
    assert [trial["generator"] for trial in trials] == ["sdxl", "glide"]
    for trial in trials:
        assert trial["problem"] is None
        assert trial["checkpoint"] == f"tiny/{trial['generator']}"
        assert trial["load_seconds"] > 0
        assert trial["seconds"] > 0
        assert 2**28 < trial["peak_bytes"] < 2**34
        picture = np.asarray(Image.open(tmp_path / trial["picture"]))
        side = GENERATORS[trial["generator"]].tiny_sampling.side
        assert picture.shape == (side, 3 * side, 3)
        before, after = picture[:, :side].astype(int), picture[:, 2 * side :].astype(int)
        changed = (before != after).any(axis=2)
        assert 0.2 < changed.mean() < 0.5


def test_one_that_cannot_be_tried_costs_only_itself_and_the_exit_code(tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    done = generators(
        tmp_path, "--try", "--device", "cpu", "--checkpoint", f"sd2={broken}",
        "--checkpoint", f"kandinsky2.2={tiny_checkpoint('kandinsky2.2')}", "sd2", "kandinsky2.2",
    )  # fmt: skip
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["sd2", "failed"]
    assert lines[2].split()[:2] == ["kandinsky2.2", "resident"]
    assert lines[3].startswith(f"sd2: Stable Diffusion 2: {broken}/model_index.json is missing")
