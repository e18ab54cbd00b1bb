"""Storage that fills up, turns read-only, or is an object store."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from builder.packing.pack import PackOptions, pack
from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.monitoring.status import read_status
from generation.quality.score import score
from tests.generation.editing.executors.conftest import contents

MEGABYTES = 3


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A filesystem of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", folder]).returncode:
        pytest.skip("this user may not mount a filesystem")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def test_a_full_disk_stops_the_run_and_with_room_again_it_goes_on(planned, small_disk):
    run = str(shutil.copytree(planned.copy(), small_disk / "run"))
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(bytes(free - 30_000))
    with pytest.raises(OSError, match="no space is left on the disk; nothing finished is lost"):
        generate(run, WorkerOptions())
    before = {name: (Path(run) / name).stat().st_mtime_ns for name in contents(run) if name.endswith(".json")}
    assert 0 < len(before) < planned.edits
    assert not list(Path(run).rglob("*.tmp"))

    ballast.unlink()
    report = generate(run, WorkerOptions())
    assert (report.finished, report.made) == (planned.edits, planned.edits - len(before))
    assert contents(run) == planned.contents
    assert {name: (Path(run) / name).stat().st_mtime_ns for name in before} == before


def test_a_directory_made_read_only_stops_the_run_and_costs_nothing(planned, small_disk):
    run = str(shutil.copytree(planned.copy(), small_disk / "run"))
    remount(small_disk, "ro")
    with pytest.raises(OSError, match="Read-only"):
        generate(run, WorkerOptions())
    remount(small_disk, "rw")
    assert generate(run, WorkerOptions()).made == planned.edits
    assert contents(run) == planned.contents


def test_a_disk_that_fills_up_while_packing_leaves_what_was_packed_and_goes_on(planned, small_disk, tmp_path):
    pack(planned.finished, str(tmp_path / "whole"), PackOptions(shard_bytes=20_000, progress=False))
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").rglob("*.parquet")}
    ballast, out = small_disk / "ballast", small_disk / "out"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 30_000))
    with pytest.raises(OSError, match="no space is left on the disk; nothing finished is lost"):
        pack(planned.finished, str(out), PackOptions(shard_bytes=20_000, progress=False))
    ballast.unlink()
    pack(planned.finished, str(out), PackOptions(shard_bytes=20_000, progress=False))
    assert {path.name: path.read_bytes() for path in out.rglob("*.parquet")} == whole


def test_a_record_cut_in_the_middle_of_a_line_costs_its_edit_alone(planned, tmp_path):
    run = shutil.copytree(planned.finished, tmp_path / "run")
    record = sorted(run.glob("turn-1/*.json"))[0]
    record.write_bytes(record.read_bytes()[: record.stat().st_size // 2])
    assert generate(str(run), WorkerOptions()).made == 1
    assert contents(run) == planned.contents


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of an S3 server on the loopback, as fsspec's configuration names it."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    fsspec.config.conf["s3"] = {
        "key": "nobody",
        "secret": "nothing",
        "client_kwargs": {"endpoint_url": f"http://{host}:{port}"},
    }
    fsspec.filesystem("s3").mkdir("runs")
    yield "s3://runs"
    server.stop()
    del fsspec.config.conf["s3"]
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.fixture(params=["s3", "memory"])
def remote(request, tmp_path) -> str:
    """A folder of a filesystem that fsspec reads."""
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"
    return f"memory://{tmp_path.name}"


def test_a_run_behind_a_url_gives_the_same_dataset(planned, remote, tmp_path):
    filesystem, path = fsspec.core.url_to_fs(f"{remote}/run")
    filesystem.put(f"{planned.copy()}/", f"{path}/", recursive=True)
    run = f"{remote}/run"

    report = generate(run, WorkerOptions())
    assert (report.finished, report.failures) == (planned.edits, ())
    status = read_status(run, 0.0)
    assert sum(wave.finished for wave in status.waves) == planned.edits
    assert generate(run, WorkerOptions()).made == 0

    brought = tmp_path / "brought"
    for turn in (1, 2):
        filesystem.get(f"{path}/turn-{turn}/", f"{brought}/turn-{turn}/", recursive=True)
    assert contents(brought) == planned.contents

    runs = (run, str(shutil.copytree(planned.finished, tmp_path / "local")))
    packed = []
    for number, url in enumerate(runs):
        assert score(url).accepted
        pack(url, str(tmp_path / f"packed-{number}"), PackOptions(progress=False))
        packed.append([path.read_bytes() for path in sorted((tmp_path / f"packed-{number}").rglob("*.parquet"))])
    assert packed[0] == packed[1]
