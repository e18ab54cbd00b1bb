"""The published repositories and those of the alternatives, as they lie on the Hub: downloaded and loaded."""

import json
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from generation.checkpoints.published import PUBLISHED
from tests.generation.checkpoints.model_hub import ModelHub
from tests.generation.checkpoints.replicas import UNUSED, write_openais_files, write_replicas

ROOT = Path(__file__).parents[3]
SCRIPT = """
import json, sys
import numpy as np
from generation.generators import registry
from generation.generators.pipelines.inpainter import InpaintRequest

found = {}
for generator, replaced in json.loads(sys.argv[1]):
    settings = registry.settings([generator], "full", {generator: replaced} if replaced else {})[0]
    name = f"{generator}={replaced}" if replaced else generator
    inpainter = registry.load(generator, settings.checkpoint)
    native, inpainter.side = inpainter.side, 128
    image = np.full((128, 128, 3), 90, np.uint8)
    mask = np.zeros((128, 128), bool)
    mask[32:96, 32:96] = True
    results = inpainter([InpaintRequest(image, mask, "a cat", seed, 2, settings.guidance) for seed in (1, 2)])
    found[name] = {
        "checkpoint": settings.checkpoint,
        "pipeline": type(inpainter._pipeline).__name__,
        "side": native,
        "steps": settings.steps,
        "guidance": settings.guidance,
        "differ": bool((results[0] != results[1]).any()),
        "negative": inpainter._negative_prompt,
    }
print(json.dumps(found))
"""
PIPELINES = {
    "sd2": "StableDiffusionInpaintPipeline",
    "sd3.5": "StableDiffusion3InpaintPipeline",
    "sdxl": "StableDiffusionXLInpaintPipeline",
    "flux.1": "FluxInpaintPipeline",
    "kolors": "KolorsPipeline",
    "hunyuandit1.1": "HunyuanDiTPipeline",
    "kandinsky2.2": "KandinskyV22InpaintCombinedPipeline",
    "flux.1=fill": "FluxFillPipeline",
    "flux.1=int8": "FluxInpaintPipeline",
    "sdxl=inpainting": "StableDiffusionXLInpaintPipeline",
}


@pytest.fixture(scope="module")
def replicas(tmp_path_factory) -> dict[str, tuple[Path, str]]:
    return write_replicas(tmp_path_factory.mktemp("replicas"))


def load(hub: ModelHub, cache: Path, names: list[str]) -> dict:
    asked = [list(name.partition("=")[::2]) for name in names]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(asked)],
        cwd=ROOT,
        env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.network
def test_each_published_repository_loads_as_it_lies_on_the_hub(replicas, tmp_path):
    pytest.importorskip("torchao")
    with ModelHub({name: place for name, (place, _) in replicas.items()}, gated=set()) as hub:
        hub.revisions = {name: revision for name, (_, revision) in replicas.items()}
        found = load(hub, tmp_path / "cache", list(PIPELINES))
        taken = sorted(hub.downloads)
        again = load(hub, tmp_path / "cache", ["flux.1", "sdxl"])
        assert sorted(hub.downloads) == taken, "what is in the cache is not downloaded again"

    assert {name: each["pipeline"] for name, each in found.items()} == PIPELINES
    assert all(each["differ"] for each in found.values())
    assert again["flux.1"]["checkpoint"] == found["flux.1"]["checkpoint"]
    for name, (_, revision) in replicas.items():
        of_repository = [path for path in taken if path.startswith(f"{name}/")]
        assert of_repository, name
        assert not [path for path in of_repository if path.removeprefix(f"{name}/") in UNUSED]
        assert len(revision) == 40
    fp16 = [path for path in taken if path.endswith(".safetensors") and ".fp16" in path]
    assert {path.rpartition("/")[0].rpartition("/")[0] for path in fp16} == {
        "stabilityai/stable-diffusion-xl-base-1.0",
        "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
        "Kwai-Kolors/Kolors-diffusers",
    }
    assert (found["flux.1=fill"]["steps"], found["flux.1=fill"]["guidance"]) == (50, 30.0)
    assert (found["sdxl=inpainting"]["steps"], found["sdxl=inpainting"]["guidance"]) == (20, 8.0)
    assert found["flux.1=int8"]["checkpoint"] == found["flux.1"]["checkpoint"] + "+int8"
    assert {name for name, each in found.items() if each["negative"]} == {
        "sd2",
        "sdxl",
        "kolors",
        "hunyuandit1.1",
        "sdxl=inpainting",
    }


OPENAI = """
import json, sys
from dataclasses import replace
import numpy as np
from generation.checkpoints.checkpoint import PublishedFile
from generation.generators import registry
from generation.generators.pipelines.inpainter import InpaintRequest

entry = registry.GENERATORS["glide"]
files = tuple(map(PublishedFile, json.loads(sys.argv[1])))
registry.GENERATORS["glide"] = replace(entry, checkpoint=replace(entry.checkpoint, files=files))
name = registry.settings(["glide"], "full", {})[0].checkpoint
inpainter = registry.load("glide", name)
inpainter.side = 128
image, mask = np.full((128, 128, 3), 90, np.uint8), np.zeros((128, 128), bool)
mask[32:96, 32:96] = True
results = inpainter([InpaintRequest(image, mask, "a cat", seed, 4, 3.0) for seed in (1, 2)])
print(json.dumps([name, bool((results[0] != results[1]).any())]))
"""


def test_glide_loads_from_the_files_of_openais_server(tmp_path):
    names = write_openais_files(tmp_path / "server")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "server"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        urls = [f"http://127.0.0.1:{server.server_address[1]}/{name}" for name in names]
        environment = {**os.environ, "DIFFSEG30K_CACHE": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", OPENAI, json.dumps(urls)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        server.shutdown()
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == [PUBLISHED["glide"].name, True]
    kept = tmp_path / "cache" / PUBLISHED["glide"].folder_name
    assert sorted(path.name for path in kept.iterdir()) == sorted(names)
