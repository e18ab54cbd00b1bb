"""Every report can be had as JSON: one object, or one a line for the stages of a build."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run_factory import make_run

ROOT = Path(__file__).parents[2]


def reports(*command: str) -> list:
    done = subprocess.run(
        [sys.executable, "-m", "diffseg30k_cli", *command, "--json"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("run")
    make_run(str(folder), pixels=32)
    return str(folder)


@pytest.fixture(scope="module")
def packed(run, tmp_path_factory) -> tuple[str, dict]:
    out = str(tmp_path_factory.mktemp("packed"))
    (report,) = reports("pack", run, "--out", out)
    return out, report


def test_packing(packed):
    _, report = packed
    assert sum(report["groups"].values()) == report["rows"]
    assert report["shards_written"] > 0
    assert report["broken"] == {}


def test_the_card_and_the_checks(packed):
    out, packing = packed
    (card,) = reports("card", out)
    assert card == {"what": "card", "files": [f"{out}/README.md"]}
    (found,) = reports("verify", out)
    assert found == {"shards": packing["shards_written"], "rows": packing["rows"], "violations": []}


def test_a_broken_promise_is_named_in_json_too(packed, tmp_path):
    out, _ = packed
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", out, str(copy)], check=True)
    shard = next(iter(sorted(copy.rglob("*.parquet"))))
    shard.write_bytes(shard.read_bytes()[:-9])
    done = subprocess.run(
        [sys.executable, "-m", "diffseg30k_cli", "verify", str(copy), "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 1
    violations = json.loads(done.stdout)["violations"]
    assert any(violation["shard"] == str(shard.relative_to(copy)) for violation in violations)
