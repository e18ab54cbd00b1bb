"""A working directory as the pages describe it: photographs, annotations, archives, a detector, a dataset."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generation.sources.demo.photographs import write_demo_sources
from tests.docs.pages import ROOT
from tests.release_factory import LABELS, samples, write_archive

DETECTOR = """
import numpy as np


def detect(images):
    return [np.zeros(image.shape[:2], int) for image in images]
"""


def shell(line: str, folder: Path) -> subprocess.CompletedProcess:
    """Types a command into a folder, with the tested environment's programs first on the path and no network."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "COLUMNS": "120"}
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True)


def succeed(line: str, folder: Path) -> None:
    done = shell(line, folder)
    assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.fixture(scope="session")
def working_directory(tmp_path_factory):
    """Everything that pages take for granted. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("pages")
    images, instances = write_demo_sources(str(folder / "demo"))
    shutil.copytree(images, folder / "coco" / "train2017")
    (folder / "coco" / "annotations").mkdir()
    annotations = json.loads(Path(instances).read_text())
    _write(folder / "coco" / "annotations" / "instances_train2017.json", annotations)
    captions = [
        {"id": each["id"], "image_id": each["id"], "caption": "a photograph"} for each in annotations["images"]
    ]
    listed = {"images": annotations["images"], "annotations": captions}
    _write(folder / "coco" / "annotations" / "captions_train2017.json", listed)
    for name in ("photographs", "labelled"):
        (folder / name).mkdir()
    for image in sorted((folder / "coco" / "train2017").iterdir())[:4]:
        shutil.copy(image, folder / "photographs")
        _label(folder / "labelled" / f"{image.stem}.json", image)
    write_archive(folder / "train.zip", samples(8))
    write_archive(folder / "validation.zip", samples(4, seed=1), "validation")
    _write(folder / "labels.json", LABELS)
    (folder / "mine.py").write_text(DETECTOR)
    (folder / "examples").symlink_to(ROOT / "examples")
    sources = "--images coco/train2017 --annotations coco/annotations/instances_train2017.json"
    succeed(
        f"diffseg30k build {sources} --out diffseg30k --count 24 --unedited 3 --size 64 --with-originals", folder
    )
    quick = "--architecture linknet --encoder resnet18 --weights none --size 64 --steps 4 --batch-size 2"
    succeed(f"diffseg30k train --config binary {quick} --out detectors/binary", folder)
    return folder


def _label(file: Path, image: Path) -> None:
    with Image.open(image) as picture:
        width, height = picture.size
    corners = np.array([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]) * [width, height]
    shape = {"label": "cup", "shape_type": "polygon", "points": corners.tolist()}
    _write(file, {"imagePath": image.name, "shapes": [shape]})


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content))
