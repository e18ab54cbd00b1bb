"""A VLM writes each edit's prompt when the turns before it are finished; the edits are made with what it wrote."""

import base64
import dataclasses
import hashlib
import io
import json
import os

import numpy as np
import pytest
from PIL import Image
from skimage import data

from builder.encoding.images import decode_image, encode_image
from builder.run.directory import RunDirectory, base_path, image_path, record_path
from builder.run.planned_edit import PlannedEdit, encode_region, write_plan
from builder.run.records import read_failures, read_record
from diffseg30k import EDIT_TYPES
from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.prompts.vlm_prompts import WrittenPrompts
from generation.vlm.client import VlmClient
from generation.vlm.options import VlmOptions
from generation.vlm.question import VlmUnavailable
from tests.generation.vlm.answers import answer
from tests.generation.vlm.endpoint_server import Behaviour, Endpoint, asked_text, endpoint

SIDE = 64
GENERATORS = ("sd2", "sdxl", "flux.1")
IMAGES = ("a", "b", "c")


def planned(image: str, turn: int, **changes) -> PlannedEdit:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[8 : 8 + 16 * turn, 20:50] = True
    (settings,) = registry.settings([GENERATORS[turn - 1]], "tiny", {})
    edit = PlannedEdit(
        image=image,
        turn=turn,
        generator=settings.generator,
        checkpoint=settings.checkpoint,
        lora=settings.lora,
        edit_type=EDIT_TYPES[(turn + ord(image)) % 3],
        object="cup",
        prompt="",
        removal_prompt=None,
        region=encode_region(mask),
        side=SIDE,
        seed=turn,
        steps=1,
        guidance=settings.guidance,
        compositing="spliced",
        prompt_by="m",
    )
    return dataclasses.replace(edit, **changes)


PLAN = tuple(planned(image, turn) for image in IMAGES for turn in (1, 2))


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    """A run of three photographs with two turns each, of which no prompt is written."""
    run = RunDirectory(str(tmp_path / "run"))
    for place, image in enumerate(IMAGES):
        pixels = np.ascontiguousarray(data.coffee()[50:114, 100 * place : 100 * place + 64])
        run.write(base_path(image), encode_image(pixels))
    write_plan(run, PLAN)
    return run


def client(server: Endpoint, **changes) -> VlmClient:
    return VlmClient(VlmOptions(**{"vlm": server.url, "model": "m", "concurrency": 3, "retries": 0} | changes))


def made(run: RunDirectory, server: Endpoint, **changes):
    return generate(run.url, WorkerOptions(), client=client(server, **changes))


def shown(request: dict) -> list[np.ndarray]:
    """The pictures of a request."""
    parts = request["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))) for url in urls]


def results(run: RunDirectory) -> dict[str, str]:
    """The finished images, by their digests."""
    paths = [image_path(edit.image, edit.turn) for edit in PLAN if run.exists(image_path(edit.image, edit.turn))]
    return {path: hashlib.sha256(run.read(path)).hexdigest() for path in paths}


def test_every_edit_is_made_with_the_prompt_that_the_vlm_wrote_for_it(run):
    plan = run.read("plan.parquet")
    with endpoint(answer) as server:
        report = made(run, server)
        assert len(server.requests) == 6
    assert run.read("plan.parquet") == plan
    assert (report.finished, report.failures) == (6, ())
    for edit in PLAN:
        record = read_record(run, edit.image, edit.turn)
        addition = edit.edit_type == "addition"
        assert record.prompt == ("a small red balloon" if addition else "a plain grey wall of stone")
        (whole,) = WrittenPrompts(run).added_to([edit])
        assert whole.removal_prompt == ("a plain grey wall" if addition else None)


def test_each_question_shows_the_image_as_it_is_now_and_asks_for_what_the_plan_drew(run):
    with endpoint(answer) as server:
        made(run, server, concurrency=1)
    for request, edit in zip(server.requests, sorted(PLAN, key=lambda edit: (edit.turn, edit.image)), strict=True):
        image, outlined = shown(request)
        before = decode_image(run.read(image_path(edit.image, edit.turn - 1)))
        assert np.abs(image.astype(int) - before).mean() < 4
        assert np.abs(image.astype(int) - outlined).max() > 100
        inside = edit.mask()
        assert np.abs(outlined.astype(int)[inside] - before[inside]).mean() < 12
        assert ("taken away and another object" in asked_text(request)) == (edit.edit_type == "addition")
        assert ("is to be changed" in asked_text(request)) == (edit.edit_type == "attribute_change")
        assert "cup" in asked_text(request)


def test_an_image_without_a_usable_prompt_is_skipped_counted_and_kept_on_record(run):
    def behave(request, _):
        is_b = np.abs(shown(request)[0].astype(int) - b).mean() < 4
        return Behaviour("Remove the cup!") if is_b else answer(request)

    b = decode_image(run.read(base_path("b")))
    with endpoint(behave) as server:
        report = made(run, server)
        assert len(server.requests) == 2 * 2 + 2, "b was asked twice at turn 1, and never at turn 2"
        again = made(run, server)
        assert len(server.requests) == 6, "a refusal is final"
    for one in (report, again):
        assert (one.finished, one.waiting) == (4, 1)
        assert [(failure.image, failure.turn) for failure in one.failures] == [("b", 1)]
        assert "the VLM gave no prompt: no reply that can be used" in one.failures[0].reason
    kept = json.loads(run.read("vlm/prompts/turn-1/b.json"))
    assert [refused["reply"] for refused in kept["refused"]] == ["Remove the cup!"] * 2


def test_an_endpoint_that_is_busy_for_one_question_is_asked_that_one_again_by_the_next_call(run):
    with endpoint(lambda request, number: Behaviour(status=503) if number == 0 else answer(request)) as server:
        report = made(run, server, concurrency=1)
        assert (report.finished, len(report.failures)) == (4, 1)
        again = made(run, server)
        assert (again.finished, again.failures) == (6, ())
        assert len(server.requests) == 1 + 2 + 2 + 2
    assert read_failures(run, 1) == []


def test_where_the_vlm_is_away_nothing_is_edited(run):
    away = endpoint(lambda *_: Behaviour(status=503))
    with away as server, pytest.raises(VlmUnavailable, match="What was answered is kept"):
        made(run, server)
    assert results(run) == {}


def test_however_often_the_vlm_went_away_the_results_are_the_same(run, tmp_path):
    with endpoint(lambda request, number: answer(request) if number < 1 else Behaviour(status=503)) as server:
        assert made(run, server, concurrency=1).finished == 1
    with endpoint(answer) as server:
        made(run, server)
        assert len(server.requests) == 5
    other = RunDirectory(str(tmp_path / "other"))
    for image in IMAGES:
        other.write(base_path(image), run.read(base_path(image)))
    write_plan(other, PLAN)
    with endpoint(answer) as server:
        made(other, server)
    assert results(run) == results(other)
    assert len(results(run)) == 6


def test_an_image_edited_anew_gets_new_prompts_for_that_turn_and_the_next(run):
    with endpoint(answer) as server:
        made(run, server)
        changed = np.ascontiguousarray(data.chelsea()[:64, 100:164])
        run.write(base_path("a"), encode_image(changed))
        os.remove(f"{run.url}/{record_path('a', 1)}")
        report = made(run, server)
        assert len(server.requests) == 8
    assert report.made == 2
    assert [damage.partition(":")[0] for damage in report.damaged] == [record_path("a", 2)]


@pytest.mark.parametrize("given", [None, "other"])
def test_a_plan_that_wants_a_vlm_is_not_carried_out_by_another_or_none(run, given):
    chosen = VlmClient(VlmOptions("http://127.0.0.1:1/v1", model=given)) if given else None
    with pytest.raises(ValueError, match="leaves the prompts to the VLM m"):
        generate(run.url, WorkerOptions(), client=chosen)
    assert results(run) == {}
