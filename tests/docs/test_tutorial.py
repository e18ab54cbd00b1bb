"""The notebook runs from its first cell to its last on a dataset, and the website builds without a warning."""

import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.pages import ROOT

pytestmark = pytest.mark.docs

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def test_the_notebook_runs(working_directory, monkeypatch):
    monkeypatch.setenv("DATASET", str(working_directory / "diffseg30k"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(working_directory)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert "steps, loss" in "".join(output.get("text", "") for output in outputs)


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)


def test_the_website_builds_without_a_warning(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    text = (tmp_path / "site" / "api" / "index.html").read_text()
    for name in ("build_dataset", "write_gallery", "PlanOptions", "SegmentationMetrics"):
        assert name in text
