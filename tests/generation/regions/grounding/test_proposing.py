"""Any folder of photographs gets regions: asked once, found once, whatever happens in between."""

import dataclasses
import json
from pathlib import Path

import pytest

from builder.run.bases import read_bases
from builder.run.directory import PLAN, RunDirectory
from builder.run.planned_edit import read_plan
from generation.generators.settings import GeneratorSettings
from generation.plan.options import PlanOptions
from generation.prepare.prepare import prepare_run
from generation.regions.grounding.options import GroundingOptions
from generation.sources.photographs import SourceOptions, read_folder
from generation.vlm.client import VlmClient
from generation.vlm.options import VlmOptions
from generation.vlm.question import VlmUnavailable
from tests.coco_factory import CocoFolder
from tests.generation.vlm.answers import answer
from tests.generation.vlm.endpoint_server import Behaviour, Endpoint, endpoint

FOUR = tuple(GeneratorSettings(name, f"tiny/{name}", None, 2, 4.0) for name in ("sd2", "sdxl", "flux.1", "sd3.5"))
NAMES = {"astronaut", "cat", "china", "coffee", "flower", "rocket"}


def options(models: GroundingOptions, **changes) -> PlanOptions:
    return PlanOptions(
        **{
            "side": 64,
            "seed": 0,
            "generators": FOUR,
            "regions": "grounded-sam",
            "vlm": "m",
            "detector": models.detector,
            "segmenter": models.segmenter,
        }
        | changes
    )


def client(server: Endpoint, **changes) -> VlmClient:
    return VlmClient(VlmOptions(**{"vlm": server.url, "model": "m", "concurrency": 3, "retries": 0} | changes))


def asked(server: Endpoint) -> int:
    return len(server.requests)


def test_a_folder_of_which_nothing_is_known_becomes_a_planned_run(models, photographs, tmp_path):
    with endpoint(answer) as server:
        report = prepare_run(
            str(tmp_path), SourceOptions(photographs, None), options(models, unedited=2), client(server)
        )
        assert asked(server) == 9
    run = RunDirectory(str(tmp_path))
    plan, bases = read_plan(run), {base.image: base for base in read_bases(run)}
    assert (report.photographs, report.plan.images, report.plan.unedited) == (9, 7, 2)
    assert bases.keys() > NAMES
    assert {(base.source, base.license, base.url) for base in bases.values()} == {("coco", None, None)}
    assert {edit.object for edit in plan} == {"cup", "person"}
    assert all(edit.prompt and edit.prompt_by is None for edit in plan)
    assert all(edit.mask().shape == (64, 64) and edit.mask().any() for edit in plan)
    assert ("notes.txt", "its file extension is not an image's") in {
        (skip.name, skip.reason) for skip in report.skipped
    }


def test_annotations_give_licences_though_the_regions_are_found_anew(models, photographs, tmp_path):
    coco = CocoFolder(tmp_path / "sources")
    for name in ("cat.jpg", "coffee.jpg"):
        coco.add(
            name, (Path(photographs) / name).read_bytes(), (300, 300), license=1, flickr_url="http://f.example"
        )
    with endpoint(answer) as server:
        prepare_run(
            str(tmp_path / "run"), SourceOptions(*coco.write()), options(models, unedited=0), client(server)
        )
    bases = read_bases(RunDirectory(str(tmp_path / "run")))
    assert {base.url for base in bases} == {"http://f.example"}
    assert {base.license for base in bases} == {"http://creativecommons.org/licenses/by/2.0/"}


def test_the_same_answers_give_the_same_plan_and_are_not_asked_for_twice(models, photographs, tmp_path):
    sources = SourceOptions(photographs, None)
    with endpoint(answer) as server:
        prepare_run(str(tmp_path / "one"), sources, options(models), client(server))
        prepare_run(str(tmp_path / "two"), sources, options(models), client(server, concurrency=1))
        assert asked(server) == 18
        one, two = ((tmp_path / name / PLAN).read_bytes() for name in ("one", "two"))
        assert one == two
        (tmp_path / "one" / PLAN).unlink()
        prepare_run(str(tmp_path / "one"), sources, options(models), client(server))
        assert asked(server) == 18
    assert (tmp_path / "one" / PLAN).read_bytes() == two


def test_found_regions_are_not_looked_for_again(models, photographs, tmp_path):
    """The kept regions are what is planned with, which a changed one shows."""
    sources = SourceOptions(photographs, None)
    with endpoint(answer) as server:
        prepare_run(str(tmp_path), sources, options(models), client(server))
        for path in (tmp_path / "regions").glob("*.json"):
            kept = json.loads(path.read_text())
            del kept["content_sha256"]
            kept["regions"] = [dict(region, object="spaceship") for region in kept["regions"][:1]]
            path.write_text(json.dumps(kept))
        (tmp_path / PLAN).unlink()
        prepare_run(str(tmp_path), sources, options(models), client(server))
    assert {edit.object for edit in read_plan(RunDirectory(str(tmp_path)))} == {"spaceship"}


def test_a_photograph_that_the_vlm_says_nothing_usable_of_is_left_out_and_counted(models, photographs, tmp_path):
    with endpoint(lambda request, number: Behaviour("A cup!") if number < 2 else answer(request)) as server:
        report = prepare_run(
            str(tmp_path), SourceOptions(photographs, None), options(models), client(server, concurrency=1)
        )
        assert asked(server) == 11, "two were asked once more"
    assert report.plan.images + report.plan.unedited == 9
    with endpoint(lambda *_: Behaviour("A cup!")) as server:
        with pytest.raises(ValueError, match="no photograph can be edited") as error:
            prepare_run(str(tmp_path / "other"), SourceOptions(photographs, None), options(models), client(server))
        assert asked(server) == 18
    assert "left out: 9: the VLM named no objects: no reply that can be used" in str(error.value)
    refused = json.loads((tmp_path / "other/vlm/objects/cat.json").read_text())["refused"]
    assert [one["reply"] for one in refused] == ["A cup!"] * 2


def test_a_picture_without_objects_can_still_be_kept_unedited(models, photographs, tmp_path):
    nothing = Behaviour('{"objects": []}')
    with endpoint(lambda request, number: nothing if number < 3 else answer(request)) as server:
        report = prepare_run(
            str(tmp_path), SourceOptions(photographs, None), options(models, unedited=3), client(server)
        )
    assert (report.plan.images, report.plan.unedited) == (6, 3)


def test_while_the_vlm_is_away_nothing_is_planned_and_what_it_said_is_kept(models, photographs, tmp_path):
    sources = SourceOptions(photographs, None)
    dying = endpoint(lambda request, number: answer(request) if number < 5 else Behaviour(status=503))
    with dying as server, pytest.raises(VlmUnavailable, match="unanswered"):
        prepare_run(str(tmp_path), sources, options(models), client(server, concurrency=1))
    assert not (tmp_path / PLAN).exists()
    assert len(list((tmp_path / "regions").iterdir())) == 5
    with endpoint(answer) as server:
        prepare_run(str(tmp_path), sources, options(models), client(server))
        assert asked(server) == 4
    assert (tmp_path / PLAN).exists()


def test_damaged_pictures_are_named_and_not_asked_about(models, photographs, tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    whole = (Path(photographs) / "cat.jpg").read_bytes()
    for name, data in {"cat.jpg": whole, "cut.jpg": whole[:5000], "empty.png": b"", "text.webp": b"hello"}.items():
        (folder / name).write_bytes(data)
    with endpoint(answer) as server:
        report = prepare_run(
            str(tmp_path / "run"), SourceOptions(str(folder), None), options(models, unedited=0), client(server)
        )
        assert asked(server) == 1
    assert {skip.name for skip in report.skipped} == {"cut.jpg", "empty.png", "text.webp"}


def test_the_names_of_a_folder_s_photographs_are_safe_and_its_other_files_named(tmp_path):
    for name in ("a b.JPG", "sub/c.png", "d.PNG", "notes.txt", ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    found = read_folder(str(tmp_path))
    assert len(found.photographs) == 3
    assert all("/" not in one.image and " " not in one.image for one in found.photographs)
    assert {skip.name for skip in found.skipped} == {"notes.txt", ".hidden"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"regions": "annotations", "vlm": None}, "--annotations FILE, or --regions automatic"),
        ({"vlm": "another"}, "but another VLM or none is given as client"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_asked(
    models, photographs, tmp_path, changes, said
):
    with endpoint(answer) as server:
        with pytest.raises(ValueError, match=said):
            prepare_run(
                str(tmp_path), SourceOptions(photographs, None), options(models, **changes), client(server)
            )
        assert asked(server) == 0


def test_a_vlm_has_to_be_named():
    with pytest.raises(ValueError, match="name it with --vlm"):
        PlanOptions(side=64, seed=0, generators=FOUR, prompts="vlm")


def test_the_models_fix_the_plan_and_the_endpoint_s_address_does_not(models, photographs, tmp_path):
    sources = SourceOptions(photographs, None)
    with endpoint(answer) as server:
        prepare_run(str(tmp_path), sources, options(models), client(server))
    with endpoint(answer) as moved:
        assert prepare_run(str(tmp_path), sources, options(models), client(moved)).was_planned
        assert json.loads((tmp_path / "options.json").read_text())["vlm"] == {"vlm": moved.url, "model": "m"}
        other = dataclasses.replace(options(models), segmenter="facebook/sam-vit-base")
        with pytest.raises(ValueError, match=r"segmenter was .* and is now facebook/sam-vit-base"):
            prepare_run(str(tmp_path), sources, other, client(moved))
