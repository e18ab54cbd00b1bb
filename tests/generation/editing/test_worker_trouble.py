"""Errors of a single edit are recorded; errors of storage stop the worker."""

import numpy as np
import pytest

from builder.encoding.images import encode_image
from builder.run.directory import RunDirectory, base_path
from builder.run.planned_edit import write_plan
from builder.run.records import read_failures
from generation.editing.edit import EditFailed
from generation.editing.worker import _before
from tests.generation.editing.test_waves import planned

EDIT = planned("a", 1, "sd2")


def test_a_picture_that_cannot_be_decoded_is_the_edit_s_failure(tmp_path):
    run = _planned_run(tmp_path)
    run.write(base_path("a"), encode_image(np.ones((64, 64, 3), np.uint8))[:10])

    with pytest.raises(EditFailed, match=r"bases/a\.webp cannot be read"):
        _before(run, EDIT)


def test_a_run_directory_that_is_gone_stops_the_worker(tmp_path):
    with pytest.raises(FileNotFoundError, match="run directory is missing"):
        _before(RunDirectory(str(tmp_path / "gone")), EDIT)


def test_storage_that_does_not_answer_stops_the_worker(tmp_path):
    run = _planned_run(tmp_path)
    (tmp_path / base_path("a")).mkdir(parents=True)

    with pytest.raises(IsADirectoryError):
        _before(run, EDIT)
    assert read_failures(run, 1) == []


def _planned_run(folder) -> RunDirectory:
    run = RunDirectory(str(folder))
    write_plan(run, [EDIT])
    return run
