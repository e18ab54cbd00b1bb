"""The whole path on photographs of which nothing is known: objects, masks, prompts, edits; killed on the way."""

import dataclasses
import hashlib
import json
import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builder.run.directory import RunDirectory
from builder.run.planned_edit import read_plan
from builder.run.records import read_record
from builder.run.scores import read_score
from diffseg30k_cli.main import app
from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.plan.options import PlanOptions
from generation.prepare.prepare import prepare_run
from generation.quality.options import QualityOptions
from generation.quality.score import score
from generation.regions.grounding.options import GroundingOptions
from generation.sources.photographs import SourceOptions
from generation.vlm.client import VlmClient
from generation.vlm.options import VlmOptions
from tests.generation.vlm.answers import answer, kind_of
from tests.generation.vlm.endpoint_server import Behaviour, endpoint
from tests.generation.vlm.tiny_qwen import REPLIES, SIDE
from tests.kills import run_until


def contents(folder: Path) -> dict[str, str]:
    """The plan and the images of a run, by their digests."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".parquet", ".webp", ".png")
    }


def plan_options(models: GroundingOptions, vlm: str, **others) -> PlanOptions:
    return PlanOptions(
        side=64,
        seed=0,
        generators=registry.settings(["sd2", "sdxl"], "tiny", {}),
        regions="grounded-sam",
        prompts="vlm",
        vlm=vlm,
        detector=models.detector,
        segmenter=models.segmenter,
        **others,
    )


@pytest.mark.training
def test_a_tiny_qwen_on_this_machine_names_writes_and_judges(tiny_qwen, models, photographs, tmp_path):
    client = VlmClient(VlmOptions(tiny_qwen, picture_side=SIDE))
    options = plan_options(models, tiny_qwen, count=4, unedited=1)
    prepare_run(str(tmp_path), SourceOptions(photographs, None), options, client)
    report = generate(str(tmp_path), WorkerOptions(), client=client)

    run = RunDirectory(str(tmp_path))
    plan = read_plan(run)
    assert (report.finished, report.failures) == (len(plan), ())
    assert {edit.object for edit in plan} <= {"woman", "cup"}
    for edit in plan:
        prompt = read_record(run, edit.image, edit.turn).prompt
        assert f'"prompt": "{prompt}"' in REPLIES[edit.edit_type]

    for judge, accepted in (("image", 4), ("edit", 0)):
        assert score(str(tmp_path), QualityOptions(judge), client).accepted == accepted
        for image in {edit.image for edit in plan}:
            found = read_score(run, image)
            assert {"score": found.score, "reason": found.reason} == json.loads(REPLIES[judge])


def killed_while_asking(task: Callable[..., object], arguments: tuple, run: Path, answers: str) -> set[str]:
    """Runs a task in a process that is killed once three answers are kept; those that are."""
    process = processes().Process(target=run_until, args=(str(run), answers, 3, task, *arguments))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return {path.name for path in run.glob(answers)}


def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "generation.prepare.prepare",
            "generation.editing.worker",
            "generation.regions.grounding.proposer",
            "openai",
            "tests.kills",
        ]
    )
    return context


@pytest.mark.kills
def test_killed_while_the_vlm_is_at_work_it_asks_no_finished_question_again(models, photographs, tmp_path):
    def one_after_the_other(request: dict, number: int) -> Behaviour:
        return dataclasses.replace(answer(request), delay=0.05 * (number % 9))

    sources = SourceOptions(photographs, None)
    options = plan_options(models, "m", unedited=1)
    run = tmp_path / "killed"
    with endpoint(one_after_the_other) as server:
        client = VlmClient(VlmOptions(server.url, "m"))
        planning = (str(run), sources, options, client)
        kept = killed_while_asking(prepare_run, planning, run, "vlm/objects/*.json")
        before = len(server.requests)
        prepare_run(*planning)
        assert 3 <= len(kept) < 9
        assert len(server.requests) - before == 9 - len(kept)

        making = partial(generate, str(run), WorkerOptions(), client=client)
        kept = killed_while_asking(making, (), run, "vlm/prompts/turn-1/*.json")
        before = len(server.requests)
        report = making()
        assert 3 <= len(kept) < 8
        assert len(server.requests) - before == report.planned - len(kept)

    undisturbed = tmp_path / "undisturbed"
    with endpoint(answer) as server:
        client = VlmClient(VlmOptions(server.url, "m"))
        prepare_run(str(undisturbed), sources, options, client)
        generate(str(undisturbed), WorkerOptions(), client=client)
        asked = Counter(kind_of(request) for request in server.requests)
    assert asked == {"objects": 9, "prompt": report.planned}
    assert contents(run) == contents(undisturbed)


def test_the_commands_take_the_same_options(models, photographs, tmp_path):
    run = str(tmp_path / "run")
    with endpoint(answer) as server:
        planned = CliRunner().invoke(
            app,
            [
                *("plan", "--run", run, "--images", photographs, "--size", "64", "--generators", "sd2"),
                *("--regions", "grounded-sam", "--prompts", "vlm", "--vlm", server.url, "--vlm-model", "m"),
                *("--detector", models.detector, "--segmenter", models.segmenter, "--device", "cpu"),
                *("--count", "2", "--unedited", "0", "--keep-replies"),
            ],
        )
        assert planned.exit_code == 0, planned.output
        assert "edited: 2 images" in planned.output
        made = CliRunner().invoke(app, ["generate", run, "--workers", "1", "--device", "cpu"])
        assert made.exit_code == 0, made.output
        assert "2 of 2 finished" in made.output, "the VLM of the plan is asked where none is named"
    assert '"question"' in next((tmp_path / "run/vlm/objects").glob("*.json")).read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prompts", "vlm", "--regions", "grounded-sam"], "name it with --vlm"),
        ([], "--annotations FILE, or --regions automatic"),
        (["--regions", "grounded-sam", "--vlm", "http://localhost:1/v1"], "name its model with --vlm-model"),
    ],
)
def test_what_is_missing_is_said(photographs, tmp_path, options, said):
    result = CliRunner().invoke(app, ["plan", "--run", str(tmp_path / "run"), "--images", photographs, *options])
    assert said in str(result.exception)
    assert not (tmp_path / "run").exists()
