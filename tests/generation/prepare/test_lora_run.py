"""`diffseg30k lora` as people run it: beside a packed dataset, with two workers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset

from builder.checks.verify import verify
from diffseg30k import CLASS_NAMES
from tests.coco_factory import CocoFolder
from tests.generation.prepare.test_prepare import add_photographs

pytestmark = pytest.mark.kills

SDXL = CLASS_NAMES.index("sdxl")
COMMAND = Path(sys.executable).with_name("diffseg30k")


def rows_of(place: Path, config: str, monkeypatch) -> dict[str, dict]:
    """The validation rows of a config, by id."""
    monkeypatch.setenv("HF_HOME", str(place / "home"))
    loaded = load_dataset(str(place / "diffseg30k"), config, split="validation", streaming=True)
    return {row["id"]: row for row in loaded}


def test_every_validation_image_that_sdxl_edited_is_there_again_with_the_lora(tmp_path, monkeypatch):
    coco = CocoFolder(tmp_path / "sources")
    add_photographs(coco, 12)
    images, annotations = coco.write()
    sources = ("--images", images, "--annotations", annotations)
    small = ("--size", "64", "--count", "10", "--unedited", "1", "--generators", "sd2,sdxl", "--with-originals")

    def run(*command: str) -> str:
        done = subprocess.run([COMMAND, *command, "--workers", "2"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("build", *sources, *small, "--out", "diffseg30k")
    run("lora", "diffseg30k-run", "--out", "diffseg30k")
    assert verify(str(tmp_path / "diffseg30k")).violations == ()

    edited = {
        row["base"]["id"]: row
        for row in rows_of(tmp_path, "edits", monkeypatch).values()
        if SDXL in row["generators"]
    }
    again = rows_of(tmp_path, "semantic-lora", monkeypatch)
    assert edited
    assert len(again) == len(edited)
    masks = {row["semantic_mask"].tobytes() for row in edited.values()}
    pictures = {np.asarray(row["image"]).tobytes() for row in edited.values()}
    for row in again.values():
        assert row["semantic_mask"].tobytes() in masks
        assert np.asarray(row["image"]).tobytes() not in pictures
