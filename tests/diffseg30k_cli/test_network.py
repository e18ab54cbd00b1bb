"""Without a network a command fails at once, and says which option needs none."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from builder.packing.pack import PackOptions, pack
from diffseg30k_cli.network import OFFLINE, go_offline_if_unreachable, network_restored
from generation.sources.demo.photographs import write_demo_sources
from tests.run_factory import make_run

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("offline")
    pack(make_run(made / "run", images=8).url, str(made / "dataset"), PackOptions(progress=False))
    write_demo_sources(str(made))
    return made


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("train --dataset dataset --out detector", "--weights none trains from random ones and needs no network"),
        ("plan --images images --run planned --regions automatic", "--regions annotations needs no network"),
        ("distort me/dataset --out distorted", "me/dataset"),
    ],
)
def test_what_is_not_here_is_missed_at_once(folder, line, says):
    done = subprocess.run(
        [sys.executable, "-m", "diffseg30k_cli", *line.split()],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder), "HF_ENDPOINT": NOBODY},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert says in done.stderr.splitlines()[-1]
    assert "Retrying" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_process_is_as_much_online_after_a_command_as_before(monkeypatch):
    monkeypatch.delenv(OFFLINE, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    with network_restored():
        go_offline_if_unreachable()
        assert os.environ[OFFLINE] == "1"
    assert OFFLINE not in os.environ


def test_a_hub_that_answers_is_asked(monkeypatch):
    monkeypatch.delenv(OFFLINE, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    with network_restored():
        go_offline_if_unreachable()
        assert OFFLINE not in os.environ
    server.shutdown()
    server.server_close()
    thread.join()
