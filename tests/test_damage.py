"""Files of a run that were cut, deleted or changed, each in turn: the commands make them again or name them."""

import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from builder.run.bases import read_bases
from builder.run.directory import RunDirectory, base_path, image_path, mask_path, record_path, score_path
from generation.sources.demo.photographs import write_demo_sources
from tests.command import command


@dataclass(frozen=True)
class Finished:
    """A run that is planned, edited and scored, and the dataset that it gives.

    Attributes:
        plan: the command that planned it, but for the run.
        run: its directory.
        dataset: file to digest.
        files: what to damage: a kind to a path.
    """

    plan: tuple[str, ...]
    run: Path
    dataset: dict[str, str]
    files: dict[str, str]


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.parquet")
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Finished:
    folder = tmp_path_factory.mktemp("damage")
    images, annotations = write_demo_sources(str(folder / "sources"))
    options = ("--size", "64", "--count", "6", "--unedited", "2", "--generators", "sd2,sdxl")
    plan = ("plan", "--images", images, "--annotations", annotations, *options)
    run = folder / "run"
    assert command(*plan, "--run", str(run))[0] == 0
    assert command("generate", str(run), "--workers", "1")[0] == 0
    assert command("score", str(run))[0] == 0
    assert command("pack", str(run), "--out", str(folder / "out"), "--with-originals")[0] == 0
    bases = read_bases(RunDirectory(str(run)))
    once, twice = (next(base.image for base in bases if base.num_edits == edits) for edits in (1, 2))
    unedited = next(base.image for base in bases if not base.num_edits)
    files = {
        "options": "options.json",
        "list of base images": "bases.parquet",
        "plan": "plan.parquet",
        "digest of the base images": "digests/bases.parquet.json",
        "digest of the plan": "digests/plan.parquet.json",
        "base image": base_path(once),
        "base image of two edits": base_path(twice),
        "unedited photograph": base_path(unedited),
        "last image": image_path(once, 1),
        "image between two turns": image_path(twice, 1),
        "image after two turns": image_path(twice, 2),
        "mask": mask_path(twice, 1),
        "last mask": mask_path(twice, 2),
        "record": record_path(twice, 1),
        "last record": record_path(twice, 2),
        "score": score_path(twice),
    }
    return Finished(plan, run, contents(folder / "out"), files)


KINDS = (
    *("options", "list of base images", "plan", "digest of the base images", "digest of the plan"),
    *("base image", "base image of two edits", "unedited photograph", "last image", "image between two turns"),
    *("image after two turns", "mask", "last mask", "record", "last record", "score"),
)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def flip(path: Path, at: float = 0.6) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.write_bytes(data)


DAMAGES = {"cut": cut, "deleted": Path.unlink, "a byte": flip}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_dataset_comes_out_or_an_error_that_names_the_file(finished, tmp_path, kind, damage):
    run, out = shutil.copytree(finished.run, tmp_path / "run"), tmp_path / "out"
    DAMAGES[damage](run / finished.files[kind])

    codes, printed = [], ""
    for arguments in (("generate", str(run), "--workers", "1"), ("score", str(run))):
        code, text = command(*arguments)
        codes, printed = [*codes, code], printed + text
    code, text = command("pack", str(run), "--out", str(out), "--with-originals")
    codes, printed = [*codes, code], printed + text

    if contents(out) != finished.dataset:
        assert any(codes)
        assert finished.files[kind] in printed
        assert "Traceback" not in printed


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "options"])
def test_with_check_everything_is_made_again(finished, tmp_path, kind, damage):
    run, out = shutil.copytree(finished.run, tmp_path / "run"), tmp_path / "out"
    DAMAGES[damage](run / finished.files[kind])

    commands = (
        (*finished.plan, "--run", str(run), "--check"),
        ("generate", str(run), "--workers", "1", "--check"),
        ("score", str(run)),
        ("pack", str(run), "--out", str(out), "--with-originals"),
    )
    for arguments in commands:
        code, text = command(*arguments)
        assert code == 0, text
    assert contents(out) == finished.dataset


@pytest.mark.parametrize("at", [number / 24 for number in range(24)])
@pytest.mark.parametrize("kind", ["record", "score"])
def test_wherever_a_byte_of_a_json_file_changes_it_is_noticed(finished, tmp_path, kind, at):
    run, out = shutil.copytree(finished.run, tmp_path / "run"), tmp_path / "out"
    flip(run / finished.files[kind], at)
    code, text = command("pack", str(run), "--out", str(out), "--with-originals")
    if contents(out) != finished.dataset:
        assert code == 1
        assert finished.files[kind] in text


def test_a_run_that_is_not_finished_is_packed_and_the_command_says_what_is_missing(finished, tmp_path):
    run, out = shutil.copytree(finished.run, tmp_path / "run"), tmp_path / "out"
    (run / finished.files["last record"]).unlink()
    image = Path(finished.files["last record"]).stem
    code, text = command("pack", str(run), "--out", str(out), "--with-originals")
    assert code == 3
    assert f"left out, unfinished: {image}" in text
    assert command("pack", str(run), "--out", str(out), "--with-originals", "--partial")[0] == 0
    assert command("generate", str(run), "--workers", "1")[0] == 0
    assert command("pack", str(run), "--out", str(out), "--with-originals")[0] == 0


def test_an_image_that_went_missing_ends_pack_with_an_error_and_generate_makes_it_again(finished, tmp_path):
    run, out = shutil.copytree(finished.run, tmp_path / "run"), tmp_path / "out"
    (run / finished.files["last image"]).unlink()
    code, text = command("pack", str(run), "--out", str(out), "--with-originals")
    assert code == 1
    assert f"{finished.files['last image']} is missing" in text
    code, text = command("generate", str(run), "--workers", "1")
    assert code == 0
    assert f"to be made again: {finished.files['last image']} is missing" in text


def test_a_damaged_photograph_s_base_image_is_an_error_until_it_is_made_again(finished, tmp_path):
    run = shutil.copytree(finished.run, tmp_path / "run")
    base, record = finished.files["base image"], finished.files["base image"].replace("bases", "turn-1")
    flip(run / base)
    (run / record.replace(".webp", ".json")).unlink()
    code, text = command("generate", str(run), "--workers", "1")
    assert code == 1
    assert f"{base} is damaged" in text
    assert command(*finished.plan, "--run", str(run), "--check")[0] == 0
    assert command("generate", str(run), "--workers", "1")[0] == 0
