"""Pictures from captions are wave 0 of a run: painted by many workers or jobs, killed and resumed."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from builder.run.bases import read_bases
from builder.run.directory import RunDirectory
from builder.run.planned_picture import read_pictures
from tests.coco_factory import CocoFolder, encoded, photograph_crops, square
from tests.command import command
from tests.generation.editing.executors.test_slurm import cluster
from tests.kills import Kill, Kills

__all__ = ["cluster"]  # a fixture

ROOT = Path(__file__).parents[3]
THREE = ("--generators", "sd2,sdxl,kandinsky2.2")
KILLED = (
    Kill("pictures.parquet", 1),
    Kill("bases/caption-*.webp", 1),
    Kill("bases/caption-*.webp", 3, "worker"),
    Kill("bases/caption-*.webp", 5),
    Kill("bases/caption-*.webp", 7, "worker"),
    Kill("bases.parquet", 1),
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> tuple[str, ...]:
    """The options of a folder of twelve annotated photographs, each with a caption."""
    folder = tmp_path_factory.mktemp("captions")
    coco, captions = CocoFolder(folder / "sources"), []
    for number, pixels in enumerate(photograph_crops(12)):
        image = coco.add(f"p{number:02d}.png", encoded(Image.fromarray(pixels)), (96, 96))
        for category, outline in (("person", square(4, 4, 40)), ("cat", square(50, 8, 40))):
            coco.outline(image, outline, category)
        captions.append({"id": image, "image_id": image, "caption": f"A cat, number {image}."})
    images, annotations = coco.write()
    file = folder / "captions.json"
    file.write_text(json.dumps({"annotations": captions}))
    return ("--images", images, "--annotations", annotations, "--captions", str(file), "--generated-share", "1")


def plan(run: Path, sources: tuple[str, ...], *options: str) -> list[str]:
    chosen = ("--count", "9", "--size", "64", "--unedited", "0", "--device", "cpu", *options)
    return ["plan", "--run", str(run), *sources, *chosen]


def contents(run: Path) -> dict[str, str]:
    """The tables and the base images of a run, by digest."""
    files = [*run.glob("bases/*.webp"), *run.glob("*.parquet")]
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def undisturbed(sources, tmp_path_factory) -> dict[str, str]:
    """What one worker makes of it, that nothing befalls."""
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    code, said = command(*plan(run, sources, *THREE, "--workers", "1"))
    assert code == 0, said
    assert "base images from captions: 9" in said
    found = contents(run)
    assert sum(name.startswith("bases/caption-") for name in found) == 9
    return found


def test_what_is_to_be_painted_is_fixed_first_and_says_all_that_the_pictures_depend_on(
    sources, undisturbed, tmp_path
):
    code, said = command(*plan(tmp_path / "run", sources, *THREE, "--workers", "1"))
    assert code == 0, said
    pictures = read_pictures(RunDirectory(str(tmp_path / "run")))
    assert [picture.image for picture in pictures] == sorted(picture.image for picture in pictures)
    assert {picture.generator for picture in pictures} == {"sd2", "sdxl", "kandinsky2.2"}
    assert all(picture.prompt.startswith("A cat, number") for picture in pictures)
    assert contents(tmp_path / "run") == undisturbed


@pytest.mark.kills
def test_painted_by_two_workers_and_killed_again_and_again_it_is_the_same_run_and_nothing_is_painted_twice(
    sources, undisturbed, tmp_path
):
    run = tmp_path / "run"
    kills = Kills(tmp_path, tmp_path / "kills", tuple(Kill(f"run/{k.files}", k.number, k.victim) for k in KILLED))
    arguments = [sys.executable, "-m", "diffseg30k_cli", *plan(run, sources, *THREE, "--workers", "2")]

    def start() -> int:
        return subprocess.run(
            arguments, cwd=ROOT, env=kills.environment(), start_new_session=True, capture_output=True
        ).returncode

    codes = [start() for _ in range(sum(kill.victim == "command" for kill in KILLED) + 1)]
    assert codes == [-signal.SIGKILL] * (len(codes) - 1) + [0]
    assert kills.all_done()
    assert contents(run) == undisturbed
    for before in kills.done():
        for name, (inode, _) in before.items():
            if name.endswith(".webp"):
                assert (tmp_path / name).stat().st_ino == inode, f"{name} was painted twice"


@pytest.mark.frameworks
def test_slurm_paints_them_and_the_same_command_makes_the_plan(sources, undisturbed, tmp_path, cluster):
    run = tmp_path / "run"
    given = plan(run, sources, *THREE, "--executor", "slurm", "--partition", "gpus", "--workers", "2")
    code, said = command(*given)
    assert code == 0, said
    (job,) = cluster.jobs()
    assert f"submitted: {job.number}" in said
    assert "when the jobs have ended, give the same command again" in said
    assert not (run / "plan.parquet").exists()
    code, said = command("status", str(run), "--json")
    wave = json.loads(said)["waves"][0]
    assert (code, wave["turn"], wave["planned"], wave["finished"]) == (0, 0, 9, 0)

    job.run()
    code, said = command(*given)
    assert code == 0, said
    assert len(cluster.jobs()) == 1
    assert contents(run) == undisturbed


def test_a_checkpoint_that_is_missing_costs_its_pictures_and_not_the_plan(sources, tmp_path):
    nowhere = str(tmp_path / "nowhere")
    run = tmp_path / "run"
    options = (*THREE, "--workers", "2", "--checkpoint", f"sdxl={nowhere}")
    code, said = command(*plan(run, sources, *options))
    assert code == 0, said
    line = next(line for line in said.splitlines() if "sdxl could not make it" in line)
    assert f"Stable Diffusion XL: {nowhere} is neither a folder nor a name on the Hub" in line
    bases = [base for base in read_bases(RunDirectory(str(run))) if base.source == "generated"]
    assert {base.generator for base in bases} == {"sd2", "kandinsky2.2"}
    assert len(bases) == 8, "of twelve captions a third are the missing generator's"
    assert "planned: 8 of 9 images" in said or "short" in said, said
    tried = list(run.glob("failures/turn-0/*.json"))
    assert len(tried) < 4, "its other pictures are not tried again and again"

    code, said = command(
        "generate", str(run), "--device", "cpu", "--checkpoint", f"sdxl={nowhere}", "--workers", "2"
    )
    assert code == 1
    assert "failed" in said
    state = json.loads(command("status", str(run), "--json")[1])
    by_generator = {each["generator"]: each for each in state["generators"]}
    assert by_generator["sdxl"]["finished"] == 0
    assert by_generator["sd2"]["finished"] > 0
    assert by_generator["kandinsky2.2"]["finished"] > 0
    assert not any(wave["waiting"] for wave in state["waves"]), "all that can be made is made"


@pytest.mark.frameworks
def test_what_jobs_could_not_paint_is_not_submitted_again(sources, tmp_path, cluster):
    options = (*THREE, "--executor", "slurm", "--partition", "gpus", "--workers", "1")
    given = plan(tmp_path / "run", sources, *options, "--checkpoint", f"sdxl={tmp_path / 'nowhere'}")
    said = ""
    for _ in range(4):  # other captions take the places of those that failed
        submitted = len(cluster.jobs())
        code, said = command(*given)
        assert code == 0, said
        if (tmp_path / "run" / "plan.parquet").exists():
            break
        (job,) = cluster.jobs()[submitted:]
        job.run()
    assert (tmp_path / "run" / "plan.parquet").exists(), said
    assert "sdxl could not make it: Stable Diffusion XL" in said


def test_without_captions_an_executor_has_nothing_to_do(sources, tmp_path):
    without = sources[:4]
    code, said = command(*plan(tmp_path / "run", without, "--executor", "ray", "--workers", "2"))
    assert code == 2
    assert "give --captions" in " ".join(said.split())
