"""Commands against the tests' Hub."""

import subprocess
import sys

import pytest

from tests.hub_client import ROOT, environment


@pytest.fixture
def command(hub, tmp_path):
    """Runs a command against the Hub; returns what it prints, or fails where another exit code is expected."""
    variables = environment(hub, tmp_path / "home")

    def run(*arguments: object, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "diffseg30k_cli", *map(str, arguments)],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    return run
