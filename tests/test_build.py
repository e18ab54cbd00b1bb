"""`diffseg30k build`, run as people run it: as a process, on photographs, killed in the middle."""

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset

from builder.checks.verify import verify
from diffseg30k import EDIT_TYPES
from generation.sources.demo.photographs import write_demo_sources
from tests.kills import Kill, Kills

ROOT = Path(__file__).parent.parent
IN_EACH_STAGE = (
    Kill("diffseg30k-run/bases/*.webp", 3),
    Kill("diffseg30k-run/turn-*/*.json", 4),
    Kill("diffseg30k/.packing/**/*.parquet", 2),
)
WORKERS = (
    Kill("diffseg30k-run/turn-*/*.json", 3, "worker"),
    Kill("diffseg30k-run/turn-*/*.json", 6, "worker"),
)
TEN_TIMES = (
    Kill("diffseg30k-run/bases/*.webp", 2),
    Kill("diffseg30k-run/turn-1/*.json", 2),
    Kill("diffseg30k-run/turn-2/*.json", 2),
    Kill("diffseg30k-run/turn-3/*.json", 1),
    Kill("diffseg30k-run/scores/*.json", 3),
    Kill("diffseg30k-run-round-2/bases/*.webp", 1),
    Kill("diffseg30k-run-round-2/turn-1/*.json", 1),
    Kill("diffseg30k-run-round-2/scores/*.json", 1),
    Kill("diffseg30k-run*/surplus.json", 1),
    Kill("diffseg30k/.packing/**/*.parquet", 1),
)
"""Moments of a build with a target whose first round is not enough."""


def build_command(sources: tuple[str, str], out: Path, *more: str, number: str = "--count") -> list[str]:
    images, annotations = sources
    options = ["--images", images, "--annotations", annotations, "--out", str(out), "--size", "64"]
    options += [number, "8" if number == "--count" else "6", "--generators", "sd2,flux.1,sdxl"]
    return [sys.executable, "-m", "diffseg30k_cli", "build", *options, *more]


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder, by its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return write_demo_sources(str(tmp_path_factory.mktemp("sources")))


@pytest.fixture(scope="module")
def undisturbed(sources, tmp_path_factory) -> dict[str, str]:
    """The files of a build that nothing befell."""
    out = tmp_path_factory.mktemp("undisturbed") / "diffseg30k"
    subprocess.run(build_command(sources, out, "--workers", "1"), cwd=ROOT, check=True)
    return contents(out)


@pytest.mark.kills
def test_killed_in_each_stage_it_ends_in_the_same_bytes_and_a_second_time_it_changes_nothing(
    sources, undisturbed, tmp_path
):
    out = tmp_path / "diffseg30k"
    kills = Kills(tmp_path, tmp_path / "kills", IN_EACH_STAGE)

    def build() -> int:
        command = build_command(sources, out, "--workers", "2")
        return subprocess.run(command, cwd=ROOT, env=kills.environment(), start_new_session=True).returncode

    assert [build() for _ in IN_EACH_STAGE] == [-signal.SIGKILL] * len(IN_EACH_STAGE)
    assert kills.all_done()
    for _ in range(2):
        assert build() == 0
        assert contents(out) == undisturbed


@pytest.mark.kills
def test_a_worker_that_is_killed_costs_nothing_but_its_edit(sources, undisturbed, tmp_path):
    out = tmp_path / "diffseg30k"
    kills = Kills(tmp_path, tmp_path / "kills", WORKERS)
    command = build_command(sources, out, "--workers", "2")
    subprocess.run(command, cwd=ROOT, env=kills.environment(), start_new_session=True, check=True)
    assert kills.all_done()
    assert contents(out) == undisturbed


@pytest.mark.kills
def test_a_build_with_a_target_that_is_killed_ten_times_ends_in_the_same_bytes(sources, tmp_path):
    options = ("--max-seam", "2.5", "--workers", "2")
    whole = tmp_path / "whole" / "diffseg30k"
    subprocess.run(build_command(sources, whole, *options, number="--target"), cwd=ROOT, check=True)
    assert (tmp_path / "whole/diffseg30k-run-round-2/plan.parquet").exists()

    folder = tmp_path / "killed"
    folder.mkdir()
    kills = Kills(folder, tmp_path / "kills", TEN_TIMES)
    command = build_command(sources, folder / "diffseg30k", *options, number="--target")
    codes = [
        subprocess.run(command, cwd=ROOT, env=kills.environment(), start_new_session=True).returncode
        for _ in range(len(TEN_TIMES) + 1)
    ]
    assert codes == [-signal.SIGKILL] * len(TEN_TIMES) + [0]
    assert kills.all_done()
    assert contents(folder / "diffseg30k") == contents(whole)


def test_a_removal_paints_more_than_its_mask_and_the_row_says_by_how_much(sources, tmp_path):
    out = tmp_path / "diffseg30k"
    subprocess.run(
        build_command(sources, out, "--workers", "1", "--removal-dilation", "0.3"), cwd=ROOT, check=True
    )
    edits = [edit for split in load_dataset(str(out), "edits").values() for row in split for edit in row["edits"]]
    kinds = [EDIT_TYPES[edit["edit_type"]] for edit in edits]
    assert {"removal", "addition"} & set(kinds)
    for kind, edit in zip(kinds, edits, strict=True):
        assert edit["removal_dilation"] == (None if kind == "attribute_change" else pytest.approx(0.3))
        assert edit["outside_change"] == 0, "what is painted beyond the mask is not pasted"
    report = verify(str(out))
    assert list(report.violations) == []

    again = build_command(sources, out, "--workers", "1", "--removal-dilation", "0.1")
    done = subprocess.run(again, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "removal-dilation was 0.3 and is now 0.1" in done.stderr
