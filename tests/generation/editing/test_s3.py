"""A run directory in a bucket: every stage by its command, two workers, the same dataset as on a disk."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from generation.sources.demo.photographs import write_demo_sources

ROOT = Path(__file__).parents[3]
BUCKET = "runs"


@pytest.fixture
def s3(monkeypatch) -> Iterator[str]:
    """A bucket of an S3 server on the loopback, which fsspec of every process finds by its environment."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    for name, value in (("KEY", "nobody"), ("SECRET", "nothing"), ("ENDPOINT_URL", endpoint)):
        monkeypatch.setenv(f"FSSPEC_S3_{name}", value)
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )
    client.create_bucket(Bucket=BUCKET)
    yield f"s3://{BUCKET}/run"
    server.stop()


def diffseg30k(*arguments: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "diffseg30k_cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dataset(run: str, out: Path, images: str, annotations: str, *generating: str) -> dict[str, bytes]:
    """The shards that the commands make of photographs, one stage after the other."""
    sources = ["--images", images, "--annotations", annotations, "--count", "5", "--unedited", "1", "--size", "64"]
    diffseg30k("plan", "--run", run, *sources, "--generators", "sd2,sdxl")
    diffseg30k("generate", run, "--device", "cpu", *generating)
    diffseg30k("score", run)
    diffseg30k("pack", run, "--out", str(out))
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.parquet"))}


@pytest.mark.network
def test_a_run_in_a_bucket_gives_the_same_dataset_as_one_on_a_disk(tmp_path, s3):
    sources = write_demo_sources(str(tmp_path / "sources"))
    on_disk = dataset((tmp_path / "run").as_uri(), tmp_path / "a", *sources, "--workers", "1")
    in_bucket = dataset(s3, tmp_path / "b", *sources, "--workers", "2", "--shared")

    assert on_disk
    assert in_bucket == on_disk
    assert os.listdir(tmp_path / "run"), "a file:// URL is a folder"
    status = json.loads(diffseg30k("status", s3, "--json"))
    assert sum(wave["waiting"] + wave["failed"] for wave in status["waves"]) == 0
    assert 0 < status["loads"] <= 3 * 2 * 2, "turns × generators × workers"
