"""Files that were cut, as by a power failure, cost an edit at most."""

from builder.run.directory import RunDirectory, failure_path, record_path
from builder.run.planned_edit import write_plan
from builder.run.records import EditFailure, delete_damaged_records, read_failures, write_failure
from generation.editing.waves import to_make
from generation.monitoring.status import read_status
from tests.generation.editing.test_waves import finish, planned


def test_a_cut_record_is_noticed_and_its_edit_is_to_be_made_again(tmp_path):
    run, edits = _finished_run(tmp_path)
    _cut(run, record_path("a", 1))

    assert list(delete_damaged_records(run, 1, {})) == ["a"]
    assert to_make(run, edits) == [edits[0]]
    assert delete_damaged_records(run, 1, {}) == {}


def test_status_counts_on_where_a_record_was_cut(tmp_path):
    run, _ = _finished_run(tmp_path)
    _cut(run, record_path("a", 1))

    assert read_status(run.url, now=0.0).generators[0].seconds == 0.1


def test_a_cut_failure_is_still_one(tmp_path):
    run, _ = _finished_run(tmp_path)
    write_failure(run, EditFailure("c", 1, "sd2", "no memory"))
    _cut(run, failure_path("c", 1))

    assert [failure.image for failure in read_failures(run, 1)] == ["c"]


def _finished_run(folder):
    run = RunDirectory(str(folder))
    edits = [planned(image, 1, "sd2") for image in ("a", "b")]
    write_plan(run, edits)
    for edit in edits:
        finish(run, edit)
    return run, edits


def _cut(run: RunDirectory, path: str) -> None:
    data = run.read(path)
    run.write(path, data[: len(data) // 2])
