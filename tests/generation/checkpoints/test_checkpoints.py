"""Where checkpoints come from: a folder, a Hub over HTTP, its cache; and the one line where they do not."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from generation.checkpoints.cache import make_folder, tiny_folder
from generation.checkpoints.checkpoint import CheckpointError
from generation.checkpoints.files import check_folder
from generation.generators import registry
from generation.generators.tiny.assembly import tiny_checkpoint

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent


def _model_hub():
    spec = importlib.util.spec_from_file_location("model_hub", HERE / "model_hub.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def published() -> Path:
    """A whole checkpoint."""
    return tiny_checkpoint("sd2")


@pytest.fixture
def copy(published, tmp_path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "my-sd2"))


def load_error(place: str) -> str:
    """What a user reads whose checkpoint replaces Stable Diffusion 2's."""
    planned = registry.settings(["sd2"], "full", {"sd2": place})[0]
    with pytest.raises(CheckpointError) as caught:
        registry.load("sd2", planned.checkpoint, replacements={"sd2": place})
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("Stable Diffusion 2: ")
    return message


# ── Folders ───────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_replaces_a_checkpoint_and_its_name_has_no_path(copy):
    settings = registry.settings(["sd2"], "full", {"sd2": str(copy)})[0]
    assert settings.checkpoint == "folder/my-sd2"
    assert settings.steps == registry.GENERATORS["sd2"].sampling.steps

    inpainter = registry.load("sd2", settings.checkpoint, replacements={"sd2": str(copy)})
    assert inpainter.side == 512


def test_where_a_folder_is_must_be_said_again_when_it_is_loaded():
    with pytest.raises(CheckpointError, match=r"Stable Diffusion 2: .*--checkpoint sd2=FOLDER"):
        registry.load("sd2", "folder/my-sd2")


def test_a_truncated_file_is_named_with_its_length(copy):
    file = copy / "unet" / "diffusion_pytorch_model.safetensors"
    whole = file.stat().st_size
    os.truncate(file, whole // 2)
    message = load_error(str(copy))
    assert str(file) in message
    assert f"{whole // 2:,} bytes of {whole:,}" in message


@pytest.mark.parametrize("content", [b"", b"\x08", b"\xff" * 100, b"<!doctype html><html></html>"])
def test_a_file_that_is_no_safetensors_is_named(copy, content):
    file = copy / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(content)
    assert f"{file} is damaged" in load_error(str(copy))


def test_a_part_that_is_missing_is_named(copy):
    shutil.rmtree(copy / "vae")
    assert "lacks vae/" in load_error(str(copy))


def test_a_part_without_weights_is_named(copy):
    (copy / "text_encoder" / "model.safetensors").unlink()
    assert "text_encoder holds no .safetensors file" in load_error(str(copy))


def test_a_shard_that_is_missing_is_named(copy):
    part = copy / "unet"
    (part / "diffusion_pytorch_model.safetensors").rename(
        part / "diffusion_pytorch_model-00001-of-00002.safetensors"
    )
    index = {
        "weight_map": {
            f"layer{number}": f"diffusion_pytorch_model-0000{number}-of-00002.safetensors" for number in (1, 2)
        }
    }
    (part / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    assert "lacks diffusion_pytorch_model-00002-of-00002.safetensors" in load_error(str(copy))


def test_a_folder_without_a_checkpoint_is_named(tmp_path):
    assert f"{tmp_path / 'model_index.json'} is missing" in load_error(str(tmp_path))


def test_a_checkpoint_of_another_architecture_is_one_line(tmp_path):
    message = load_error(str(tiny_checkpoint("flux.1")))
    assert "cannot be loaded" in message


def test_a_place_that_is_neither_a_folder_nor_a_name_is_said(tmp_path):
    assert "neither a folder nor a name on the Hub" in load_error(str(tmp_path / "gone"))


def test_an_unknown_generator_is_said_with_those_there_are():
    with pytest.raises(ValueError, match=r"'sd9' is not a generator; there are sd2, sd3\.5"):
        registry.settings(["sd9"], "tiny", {})


# ── The Hub ───────────────────────────────────────────────────────────────────────────────────────

SCRIPT = """
import json, sys
from generation.generators import registry
from generation.checkpoints.checkpoint import CheckpointError
from generation.generators.listing import describe

outcomes = {}
for place in json.loads(sys.argv[1]):
    try:
        name = registry.settings(["sd2"], "full", {"sd2": place})[0].checkpoint
        outcomes[place] = registry.load("sd2", name, replacements={"sd2": place}).side
    except CheckpointError as error:
        outcomes[place] = str(error)
    status = describe({"sd2": place}, ["sd2"]).generators[0] if place in sys.argv[2:] else None
    outcomes[f"{place} status"] = status and status.state
print(json.dumps(outcomes))
"""


def ask(endpoint: str, cache: Path, places: list[str], statuses: list[str]) -> dict:
    """What loading from each place gives, in a process that has this Hub."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(places), *statuses],
        cwd=ROOT,
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.network
def test_a_hub_gives_refuses_and_is_not_needed_again(published, tmp_path):
    broken = Path(shutil.copytree(published, tmp_path / "broken"))
    file = broken / "unet" / "diffusion_pytorch_model.safetensors"
    os.truncate(file, file.stat().st_size - 1000)
    repositories = {"me/sd2": published, "me/closed": published, "me/broken": broken}
    places = ["me/sd2", "me/closed", "me/broken", "me/gone", "me/sd2@nowhere"]
    with _model_hub().ModelHub(repositories, gated={"me/closed"}) as hub:
        outcomes = ask(hub.url, tmp_path / "cache", places, ["me/sd2", "me/closed", "me/gone"])
        taken = len(hub.downloads)
        again = ask(hub.url, tmp_path / "cache", ["me/sd2"], [])
        assert len(hub.downloads) == taken

    assert outcomes["me/sd2"] == again["me/sd2"] == 512
    assert f"is gated: ask for access at {hub.url}/me/closed" in outcomes["me/closed"]
    assert "is damaged" in outcomes["me/broken"]
    assert "me/gone is not on the Hub" in outcomes["me/gone"]
    assert "has no revision nowhere" in outcomes["me/sd2@nowhere"]
    states = [outcomes[f"{place} status"] for place in ("me/sd2", "me/closed", "me/gone")]
    assert states == ["here", "gated", "missing"]

    offline = ask("http://127.0.0.1:9", tmp_path / "cache", ["me/sd2", "me/new"], ["me/new"])
    assert offline["me/sd2"] == 512
    assert "could not be downloaded from http://127.0.0.1:9" in offline["me/new"]
    assert offline["me/new status"] == "not here"


# ── The cache of tiny checkpoints ─────────────────────────────────────────────────────────────────


def test_tiny_checkpoints_are_built_once_and_the_same_each_time(monkeypatch, tmp_path):
    contents = []
    for name in ("one", "two"):
        monkeypatch.setenv("DIFFSEG30K_CACHE", str(tmp_path / name))
        folder = tiny_checkpoint("sd2")
        contents.append(
            {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        )
    assert contents[0] == contents[1]
    assert tiny_folder("sd2", lambda _: pytest.fail("built twice")) == folder


def test_a_folder_whose_writing_fails_leaves_nothing(tmp_path):
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        make_folder(tmp_path / "checkpoint", fail)
    assert list(tmp_path.iterdir()) == []


def test_of_two_processes_that_write_a_folder_the_first_one_wins(tmp_path):
    folder = tmp_path / "checkpoint"

    def slow(temporary: Path) -> None:
        make_folder(folder, lambda first: (first / "by").write_text("first"))
        (temporary / "by").write_text("second")

    assert make_folder(folder, slow) == folder
    assert (folder / "by").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("generator", [name for name in registry.GENERATORS if name != "glide"])
def test_every_tiny_checkpoint_is_whole_and_small(generator):
    folder = check_folder(tiny_checkpoint(generator))
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10_000_000
