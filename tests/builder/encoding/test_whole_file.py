"""A file or folder is there whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builder.encoding.whole_file import UNFINISHED, whole_file, whole_folder, write_whole

ROOT = Path(__file__).parents[3]


def test_a_file_is_written_and_its_folder_made(tmp_path):
    write_whole(tmp_path / "deep" / "er" / "a.bin", b"one")
    assert (tmp_path / "deep" / "er" / "a.bin").read_bytes() == b"one"
    assert os.listdir(tmp_path / "deep" / "er") == ["a.bin"]


def test_a_file_that_is_there_is_replaced_only_when_the_new_one_is_whole(tmp_path):
    write_whole(tmp_path / "a", b"old")

    def write_half() -> None:
        with whole_file(tmp_path / "a") as temporary:
            Path(temporary).write_bytes(b"half of the n")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        write_half()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_process_that_is_killed_while_it_writes_leaves_only_an_unfinished_file(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from builder.encoding.whole_file import whole_file\n"
        "with whole_file(sys.argv[1]) as temporary:\n"
        "    open(temporary, 'wb').write(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    (left,) = os.listdir(tmp_path)
    assert left != "a"
    assert left.endswith(UNFINISHED)


def test_a_folder_appears_with_all_its_files(tmp_path):
    with whole_folder(tmp_path / "made") as temporary:
        Path(temporary, "one").write_text("1")
        assert not (tmp_path / "made").exists()
    assert os.listdir(tmp_path / "made") == ["one"]


def test_the_folder_of_the_process_that_was_first_is_kept(tmp_path):
    with whole_folder(tmp_path / "made") as temporary:
        Path(temporary, "mine").touch()
        write_whole(tmp_path / "made" / "theirs", b"")
    assert os.listdir(tmp_path) == ["made"]
    assert os.listdir(tmp_path / "made") == ["theirs"]


def test_a_folder_can_be_replaced(tmp_path):
    write_whole(tmp_path / "made" / "old", b"")
    with whole_folder(tmp_path / "made", replace=True) as temporary:
        Path(temporary, "new").touch()
    assert os.listdir(tmp_path / "made") == ["new"]


def test_a_folder_that_is_not_finished_is_not_there(tmp_path):
    with pytest.raises(RuntimeError, match="midway"), whole_folder(tmp_path / "made"):
        raise RuntimeError("midway")
    assert os.listdir(tmp_path) == []
