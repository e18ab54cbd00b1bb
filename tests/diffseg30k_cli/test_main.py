"""The command itself: version, help, missing extras, and the functions that packages offer."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.run_factory import make_run

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "diffseg30k_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_it_says_its_version():
    assert run("--version").stdout == f"diffseg30k {version('diffseg30k')}\n"


@pytest.mark.parametrize("command", ["build", "plan", "generate", "score", "pack", "train", "evaluate", "distort"])
def test_every_command_explains_itself(command):
    done = run(command, "-h")
    assert done.returncode == 0
    assert f"diffseg30k {command}" in done.stdout


def test_a_missing_module_is_one_line_that_names_the_extra(tmp_path):
    run = make_run(tmp_path / "run", images=2)
    run.write("plan.parquet", b"")
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from diffseg30k_cli.main import main\n"
        "sys.argv = ['diffseg30k', 'generate', sys.argv[1]]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, run.url], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1] == "diffseg30k: torch is not installed: pip install 'diffseg30k[generation]'"
    )


@pytest.mark.parametrize("package", ["builder", "generation", "cards", "benchmark", "diffseg30k_cli"])
def test_a_package_offers_its_functions_and_imports_them_when_they_are_used(package):
    module = import_module(package)
    for _ in range(2):
        assert all(callable(getattr(module, name)) for name in module.__all__)
    code = f"import sys, {package}; assert not {{'torch', 'datasets', 'pyarrow'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
