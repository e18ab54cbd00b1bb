"""A run directory holds whole files or none, wherever it lies."""

import multiprocessing
import uuid

import pytest

from builder.run.bases import Base, read_bases, write_bases
from builder.run.directory import RunDirectory, record_path
from builder.run.records import EditFailure, EditRecord, read_failures, read_record, write_failure, write_record

RECORD = EditRecord(
    turn=1,
    generator="sd2",
    checkpoint="tiny/sd2",
    lora=None,
    edit_type="removal",
    object="cat",
    prompt="an empty sofa, früh",
    seed=7,
    steps=4,
    guidance=5.0,
    compositing="spliced",
    mask_area=0.25,
    inside_change=0.125,
    outside_change=0.0,
    seconds=0.5,
)


@pytest.fixture(params=["file", "memory"])
def run(request, tmp_path):
    return RunDirectory(str(tmp_path) if request.param == "file" else f"memory://{uuid.uuid4().hex}")


def test_what_is_written_is_read(run):
    run.write("bases/a.webp", b"bytes")
    assert run.exists("bases/a.webp")
    assert run.read("bases/a.webp") == b"bytes"
    assert run.names("bases") == {"a.webp"}


def test_a_folder_that_is_not_there_is_empty(run):
    assert run.names("turn-3") == set()
    assert run.finished(3) == set()


def test_a_file_that_is_not_there_cannot_be_read(run):
    with pytest.raises(FileNotFoundError):
        run.read("bases/b.webp")


def test_an_edit_is_finished_once_it_has_a_record(run):
    run.write("turn-1/a.webp", b"image")
    run.write("turn-1/a.mask.png", b"mask")
    assert run.finished(1) == set()

    write_record(run, "a", RECORD)
    assert run.finished(1) == {"a"}
    assert read_record(run, "a", 1) == RECORD


def test_an_image_name_with_dots_keeps_them(run):
    write_record(run, "IMG_1.2.3", RECORD)
    assert run.finished(1) == {"IMG_1.2.3"}


def test_a_record_cut_in_the_middle_is_named(run):
    write_record(run, "a", RECORD)
    whole = run.read(record_path("a", 1))
    run.write(record_path("a", 1), whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"turn-1/a\.json .* delete it"):
        read_record(run, "a", 1)


def test_bases_come_back_as_they_were(run):
    bases = [
        Base("a", "a-1", "photo", "coco", None, None, "https://license", "https://photo", 3),
        Base("b", "b", "photo", "generated", "sdxl", "a cat", None, None, 0),
    ]
    write_bases(run, bases)
    assert read_bases(run) == bases


def test_a_failure_counts_until_the_edit_is_finished(run):
    failure = EditFailure("a", 1, "sd2", "the result is black")
    write_failure(run, failure)
    assert read_failures(run, 1) == [failure]

    write_record(run, "a", RECORD)
    assert read_failures(run, 1) == []


def _write_over_and_over(folder: str, letter: bytes) -> None:
    for _ in range(200):
        RunDirectory(folder).write("x/file", letter * 100_000)


def test_two_processes_that_write_one_file_never_mix_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_write_over_and_over, args=(str(tmp_path), letter)) for letter in (b"a", b"b")
    ]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        if (tmp_path / "x/file").exists():
            data = (tmp_path / "x/file").read_bytes()
            assert len(data) == 100_000
            assert len(set(data)) == 1
            seen.add(data[:1])
    assert seen <= {b"a", b"b"}
    assert RunDirectory(str(tmp_path)).names("x") == {"file"}


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    run = RunDirectory(str(tmp_path))
    run.write("x/file", b"old")
    with pytest.raises(TypeError):
        run.write("x/file", "not bytes")
    assert run.read("x/file") == b"old"
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["file"]
