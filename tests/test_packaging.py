"""The installed package: what it brings, and that a packed folder `./diffseg30k` does not hide the module."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("benchmark", "builder", "cards", "diffseg30k_cli", "generation")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """What a build reads, copied, since a build writes beside it."""
    folder = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    for name in ("diffseg30k.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def built(source: Path, how: str, out: Path) -> Path:
    """The files of a wheel that `pip install` would put into site-packages."""
    code = f"import sys; from setuptools import build_meta; build_meta.{how}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(out)], cwd=source, check=True, capture_output=True)
    site = out / "site"
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


@pytest.fixture(scope="module")
def ordinary(source, tmp_path_factory) -> Path:
    return built(source, "build_wheel", tmp_path_factory.mktemp("ordinary"))


@pytest.fixture(scope="module")
def editable(source, tmp_path_factory) -> Path:
    return built(source, "build_editable", tmp_path_factory.mktemp("editable"))


@pytest.mark.parametrize("kind", ["ordinary", "editable"])
def test_the_module_is_found_beside_a_packed_folder_of_its_name(kind, request, tmp_path):
    site = request.getfixturevalue(kind)
    (tmp_path / "diffseg30k" / "data").mkdir(parents=True)
    # without this environment's own installation, and with the working directory first, as in a session
    code = (
        "import site, sys\n"
        "sys.meta_path = [finder for finder in sys.meta_path if 'editable' not in str(finder)]\n"
        f"sys.path = [''] + [place for place in sys.path if place != {str(ROOT)!r}]\n"
        f"site.addsitedir({str(site)!r})\n"
        "from diffseg30k import DiffSeg30k\n"
        "print(sys.modules['diffseg30k'].__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).name == "diffseg30k.py"
    assert not done.stdout.startswith(str(ROOT))


def test_the_wheel_says_that_the_packages_are_typed_and_brings_their_data(ordinary):
    assert all((ordinary / name / "py.typed").is_file() for name in PACKAGES)
    assert (ordinary / "cards" / "card.md.jinja").is_file()
    assert not (ordinary / "tests").exists()


def test_every_lower_bound_is_of_a_version_that_constraints_reach():
    from configparser import ConfigParser

    from packaging.requirements import Requirement

    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    wanted = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.lower().replace("_", "-").split("==") for line in lines if "==" in line)
    missing = []
    for line in "\n".join(wanted).split():
        requirement = Requirement(line)
        name = requirement.name.lower().replace("_", "-")
        if name != "diffseg30k" and not requirement.specifier.contains(pinned.get(name, "0")):
            missing.append(line)
    assert missing == []
