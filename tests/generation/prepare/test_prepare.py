"""From photographs to a planned run: the same every time, whatever happens on the way."""

import dataclasses
import hashlib
import json
import multiprocessing
import signal
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from builder.encoding.images import decode_image
from builder.run.bases import read_bases
from builder.run.directory import PLAN, RunDirectory, base_path
from builder.run.planned_edit import read_plan
from generation.generators.settings import GeneratorSettings
from generation.plan.options import PlanOptions
from generation.prepare.prepare import prepare_run
from generation.sources.photographs import SourceOptions, base_image, read_coco
from tests.coco_factory import BY, CocoFolder, encoded, photograph_crops, square
from tests.kills import run_until, states

SIDE = 64
FOUR = tuple(
    GeneratorSettings(name, f"tiny/{name}", None, steps=2, guidance=4.0)
    for name in ("sd2", "sdxl", "flux.1", "kandinsky2.2")
)
OUTLINES = (("person", square(4, 4, 30)), ("cat", square(50, 8, 36)), ("car", square(10, 50, 40)))


def options(**changes) -> PlanOptions:
    return PlanOptions(**{"side": SIDE, "seed": 0, "generators": FOUR} | changes)


def add_photographs(coco: CocoFolder, count: int, first: int = 0, damage: tuple[int, ...] = ()) -> None:
    """Photographs of three objects each; the pixels of some are cut off, though their headers are whole."""
    for number, pixels in enumerate(photograph_crops(first + count)[first:], start=first):
        file = encoded(Image.fromarray(pixels), "JPEG", quality=90)
        image = coco.add(
            f"photo-{number:03d}.jpg",
            file[: len(file) * 2 // 3] if number in damage else file,
            (96, 96),
            license=1,
            flickr_url=f"http://flickr.example/{number}",
        )
        for category, outline in OUTLINES:
            coco.outline(image, outline, category)


@pytest.fixture
def coco(tmp_path):
    return CocoFolder(tmp_path / "sources")


def sources(coco: CocoFolder, **changes) -> SourceOptions:
    return SourceOptions(*coco.write(), **changes)


def contents(folder: Path) -> dict[str, str]:
    """Every finished file of a folder, by its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".tmp"
    }


def test_a_prepared_run_holds_base_images_a_plan_and_what_is_known_of_each_photograph(coco, tmp_path):
    add_photographs(coco, 16)
    report = prepare_run(str(tmp_path / "run"), sources(coco), options(count=12))

    run = RunDirectory(str(tmp_path / "run"))
    bases, plan = read_bases(run), read_plan(run)
    assert [report.plan.images, report.plan.unedited, report.photographs] == [12, 2, 16]
    assert {f"{base.image}.webp" for base in bases} == run.names("bases")
    turns = {base.image: [edit.turn for edit in plan if edit.image == base.image] for base in bases}
    assert all(turns[base.image] == list(range(1, base.num_edits + 1)) for base in bases)
    by_name = {photograph.image: photograph for photograph in read_coco(*coco.write()).photographs}
    for base in bases:
        pixels = decode_image(run.read(base_path(base.image)))
        assert np.array_equal(pixels, base_image(by_name[base.image], SIDE))
        assert (base.source, base.generator, base.prompt) == ("coco", None, None)
        assert (base.base_id, base.license) == (base.image, BY["url"])
        assert base.url == f"http://flickr.example/{int(base.image[-3:])}"
        assert (base.row_id == base.image) is (base.num_edits == 0)
    assert len({base.row_id for base in bases}) == len(bases)


def test_the_row_id_tells_the_edits_of_one_photograph_apart(coco, tmp_path):
    add_photographs(coco, 6)
    ids = []
    for seed in (0, 1):
        run = str(tmp_path / f"run-{seed}")
        prepare_run(run, sources(coco), options(seed=seed, unedited=0))
        ids.append({base.row_id for base in read_bases(RunDirectory(run))})
    assert not ids[0] & ids[1]


def test_the_same_in_the_same_out(coco, tmp_path):
    add_photographs(coco, 10)
    for name in ("one", "two"):
        prepare_run(str(tmp_path / name), sources(coco), options())
    assert contents(tmp_path / "one") == contents(tmp_path / "two")

    coco.images.reverse()
    coco.annotations.reverse()
    prepare_run(str(tmp_path / "three"), sources(coco), options())
    assert contents(tmp_path / "one") == contents(tmp_path / "three")


def test_a_run_that_has_its_plan_is_left_as_it_is(coco, tmp_path):
    add_photographs(coco, 8)
    first = prepare_run(str(tmp_path / "run"), sources(coco), options())
    before = contents(tmp_path / "run")

    add_photographs(coco, 8, first=8)
    again = prepare_run(str(tmp_path / "run"), sources(coco), options())

    assert contents(tmp_path / "run") == before
    assert again.was_planned
    assert "has its plan already" in again.lines()[0]
    assert again.plan == first.plan


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"side": 128}, "size was 64 and is now 128"),
        ({"seed": 7}, "seed was 0 and is now 7"),
        ({"count": 3}, "count was None and is now 3"),
        ({"generators": FOUR[:2]}, "generators was sd2, sdxl, flux.1, kandinsky2.2 and is now sd2, sdxl"),
        (
            {"generators": (dataclasses.replace(FOUR[0], checkpoint="mine"), *FOUR[1:])},
            "checkpoint of sd2 was tiny/sd2 and is now mine",
        ),
    ],
)
def test_a_run_is_not_planned_with_other_options_than_it_was_begun_with(coco, tmp_path, changes, said):
    add_photographs(coco, 6)
    prepare_run(str(tmp_path / "run"), sources(coco), options())
    before = contents(tmp_path / "run")
    with pytest.raises(ValueError, match="was begun with other options") as error:
        prepare_run(str(tmp_path / "run"), sources(coco), options(**changes))
    assert said in str(error.value)
    assert "delete this one" in str(error.value)
    assert contents(tmp_path / "run") == before


def test_options_that_are_not_ours_are_not_overwritten(coco, tmp_path):
    add_photographs(coco, 3)
    RunDirectory(str(tmp_path / "run")).write("options.json", b'{"seed": 1}')
    with pytest.raises(ValueError, match=r"options\.json is not a file of the options of a plan"):
        prepare_run(str(tmp_path / "run"), sources(coco), options())


def test_the_options_are_written_down_as_they_were_given(coco, tmp_path):
    add_photographs(coco, 3)
    given = sources(coco, any_license=True)
    prepare_run(str(tmp_path / "run"), given, options(count=2, unedited=0))
    written = json.loads((tmp_path / "run" / "options.json").read_text())
    assert SourceOptions(**written["sources"]) == given
    generators = tuple(GeneratorSettings(**one) for one in written["plan"].pop("generators"))
    assert PlanOptions(generators=generators, **written["plan"]) == options(count=2, unedited=0)


def test_damaged_photographs_are_named_and_others_take_their_places(coco, tmp_path):
    add_photographs(coco, 20, damage=(1, 4, 9, 13))
    coco.add("empty.jpg", b"", (96, 96))
    coco.add("text.jpg", b"no picture", (96, 96))
    report = prepare_run(str(tmp_path / "run"), sources(coco), options(count=14, unedited=2))

    assert (report.plan.images, report.plan.unedited) == (14, 2)
    skipped = {skip.name: skip.reason for skip in report.skipped}
    assert skipped["empty.jpg"] == "the file is empty"
    assert skipped["text.jpg"] == "not an image in a format known here"
    damaged = {"photo-001.jpg", "photo-004.jpg", "photo-009.jpg", "photo-013.jpg"}
    assert {name for name, reason in skipped.items() if "damaged" in reason} == damaged
    assert "left out: 4: the image is truncated or damaged" in "\n".join(report.lines())


def test_photographs_that_are_not_needed_are_not_decoded(coco, tmp_path):
    add_photographs(coco, 60, damage=tuple(range(0, 60, 2)))
    report = prepare_run(str(tmp_path / "run"), sources(coco), options(count=2, unedited=1))
    decoded = 3 + sum("damaged" in skip.reason for skip in report.skipped)
    assert decoded < 20
    assert len(RunDirectory(str(tmp_path / "run")).names("bases")) == 3


def test_where_nothing_can_be_edited_it_is_said_why(coco, tmp_path):
    coco.outline(coco.add("bare.png", photograph_crops(1)[0], (96, 96)), square(1, 1, 2))
    coco.add("free.png", photograph_crops(1)[0], (96, 96), license=2)
    with pytest.raises(ValueError, match="no photograph can be edited") as error:
        prepare_run(str(tmp_path / "run"), sources(coco), options())
    assert "its licence forbids derivatives" in str(error.value)
    assert "1 objects: it is too small" in str(error.value)


def test_left_out_licences_are_counted_and_the_way_to_keep_them_said(coco, tmp_path):
    add_photographs(coco, 4)
    for entry in coco.images[:2]:
        entry["license"] = 2
    report = prepare_run(str(tmp_path / "run"), sources(coco), options(unedited=0))
    assert (report.left_out_by_license, report.plan.images) == (2, 2)
    assert any("--any-license keeps them" in line for line in report.lines())
    kept = prepare_run(str(tmp_path / "other"), sources(coco, any_license=True), options(unedited=0))
    assert (kept.left_out_by_license, kept.plan.images) == (0, 4)


def test_a_run_may_lie_anywhere_that_fsspec_reaches(coco, tmp_path):
    add_photographs(coco, 5)
    given = sources(coco)
    prepare_run("memory://bucket/run", given, options())
    prepare_run(str(tmp_path / "run"), given, options())
    local = RunDirectory(str(tmp_path / "run"))
    remote = RunDirectory("memory://bucket/run")
    assert remote.read(PLAN) == local.read(PLAN)
    assert remote.names("bases") == local.names("bases")
    fsspec.filesystem("memory").rm("/bucket", recursive=True)


@pytest.mark.kills
def test_killed_at_any_moment_and_started_again_it_ends_in_the_same_run(coco, tmp_path):
    add_photographs(coco, 30)
    given = sources(coco)
    prepare_run(str(tmp_path / "undisturbed"), given, options())
    run = tmp_path / "run"
    made = []
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["generation.prepare.prepare", "tests.kills"])
    for files, number in (("options.json", 1), *(("bases/*.webp", number) for number in (1, 7, 15, 22, 30))):
        task = (str(run), files, number, prepare_run, str(run), given, options())
        process = processes.Process(target=run_until, args=task)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        made.append(states(run, "bases/*.webp"))
    assert [len(bases) for bases in made] == sorted({len(bases) for bases in made}), "each one got further"
    assert not (run / PLAN).exists()
    for leftover in run.rglob("*.tmp"):
        leftover.unlink()

    prepare_run(str(run), given, options())

    assert contents(run) == contents(tmp_path / "undisturbed")
    for earlier in made:
        assert states(run, "bases/*.webp").items() >= earlier.items(), "a base image was made twice"
