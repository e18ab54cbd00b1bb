"""Base images made from captions: which, by whom, beside how many photographs, and the same every time."""

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from builder.checks.verify import verify
from builder.encoding.images import decode_image
from builder.packing.pack import PackOptions, pack
from builder.run.bases import read_bases
from builder.run.directory import RunDirectory, base_path
from cards.card import write_card
from generation.editing.executors.options import ExecutorOptions
from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.plan.options import PlanOptions
from generation.prepare.prepare import prepare_run
from generation.sources.captions_file import Caption, read_captions
from generation.sources.photographs import SourceOptions
from tests.coco_factory import CocoFolder, encoded, photograph_crops, square
from tests.generation.prepare.test_prepare import contents

OUTLINES = (("person", square(4, 4, 40)), ("cat", square(50, 8, 40)), ("car", square(8, 52, 40)))
THREE = registry.settings(["sd2", "sdxl", "kandinsky2.2"], "tiny", {})


def options(**changes) -> PlanOptions:
    return PlanOptions(**{"side": 64, "seed": 0, "generators": THREE, "count": 12, "unedited": 2} | changes)


def write_captions(path, captions) -> str:
    path.write_text(json.dumps({"info": {}, "images": [], "annotations": captions}))
    return str(path)


@pytest.fixture
def sources(tmp_path) -> SourceOptions:
    """Sixteen annotated photographs with two captions each, half of the bases from those."""
    coco = CocoFolder(tmp_path / "sources")
    captions = []
    for number, pixels in enumerate(photograph_crops(16)):
        image = coco.add(f"p{number:02d}.png", encoded(Image.fromarray(pixels)), (96, 96))
        for category, outline in OUTLINES:
            coco.outline(image, outline, category)
        captions += [
            {"id": 10 * image + place, "image_id": image, "caption": f" A cat,\nnumber {image}{'ab'[place]}. "}
            for place in range(2)
        ]
    images, annotations = coco.write()
    return SourceOptions(
        images, annotations, captions=write_captions(tmp_path / "captions.json", captions), generated_share=0.5
    )


def test_half_the_edited_images_have_bases_that_generators_made_equally_often_from_captions(sources, tmp_path):
    report = prepare_run(str(tmp_path / "run"), sources, options())
    run = RunDirectory(str(tmp_path / "run"))
    bases = read_bases(run)
    made = [base for base in bases if base.source == "generated"]

    assert (report.generated, len(made), report.captions) == (6, 6, 16)
    assert Counter(base.generator for base in made) == {"sd2": 2, "sdxl": 2, "kandinsky2.2": 2}
    assert all(base.num_edits for base in made), "only a photograph is kept unedited"
    assert [base.num_edits for base in bases if base.source == "coco"].count(0) == 2
    texts = {caption.id: caption for caption in read_captions(sources.captions)[0]}
    described = [texts[int(base.image.removeprefix("caption-"))] for base in made]
    assert [base.prompt for base in made] == [caption.text for caption in described]
    assert len({caption.photograph for caption in described}) == 6, "one picture a photograph at the most"
    pictures = [decode_image(run.read(base_path(base.image))) for base in made]
    assert all(picture.shape == (64, 64, 3) and picture.std() > 1 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 6


def test_they_go_through_the_same_edits_and_end_in_a_dataset_that_keeps_its_promises(sources, tmp_path):
    prepare_run(str(tmp_path / "run"), sources, options(count=4))
    assert not generate(str(tmp_path / "run"), WorkerOptions(), ExecutorOptions(workers=1)).failures
    pack(str(tmp_path / "run"), str(tmp_path / "packed"), PackOptions(with_originals=True))
    write_card(str(tmp_path / "packed"))
    report = verify(str(tmp_path / "packed"))
    assert (report.rows, list(report.violations)) == (6, [])


def test_the_same_run_is_prepared_again_and_one_that_was_cut_off_makes_no_picture_twice(sources, tmp_path):
    prepare_run(str(tmp_path / "one"), sources, options())
    cut = tmp_path / "two" / "bases"
    cut.mkdir(parents=True)
    kept = sorted((tmp_path / "one" / "bases").glob("caption-*"))[:3]
    for file in kept:
        (cut / file.name).write_bytes(file.read_bytes())
    before = {file.name: (cut / file.name).stat().st_mtime_ns for file in kept}
    prepare_run(str(tmp_path / "two"), sources, options())

    one, two = (
        {
            name: digest
            for name, digest in contents(tmp_path / run).items()
            if not name.startswith(("logs", "loads", "claims"))
        }
        for run in ("one", "two")
    )
    assert one == two
    assert {name: (cut / name).stat().st_mtime_ns for name in before} == before


def test_another_seed_makes_other_pictures(sources, tmp_path):
    for name, seed in (("one", 0), ("two", 1)):
        prepare_run(str(tmp_path / name), sources, options(seed=seed))
    names = [RunDirectory(str(tmp_path / name)).names("bases") for name in ("one", "two")]
    both = {name for name in names[0] & names[1] if name.startswith("caption")}
    for name in both:
        one, two = (decode_image((tmp_path / run / "bases" / name).read_bytes()) for run in ("one", "two"))
        assert not np.array_equal(one, two)
    assert names[0] != names[1]


@pytest.mark.parametrize(("share", "count", "generated"), [(1.0, 5, 5), (0.25, 12, 3), (1.0, None, 16)])
def test_the_share_is_kept(sources, tmp_path, share, count, generated):
    chosen = dataclasses.replace(sources, generated_share=share)
    report = prepare_run(str(tmp_path / "run"), chosen, options(count=count, generators=THREE[1:2]))
    assert report.generated == generated
    assert report.plan.images == (count or generated)


def test_without_a_count_pictures_join_all_photographs_that_can_be_edited(sources, tmp_path):
    chosen = dataclasses.replace(sources, generated_share=0.25)
    report = prepare_run(str(tmp_path / "run"), chosen, options(count=None, unedited=1, generators=THREE[1:2]))
    assert (report.plan.images, report.generated) == (20, 5)


def test_too_few_captions_are_said_and_the_photographs_stay_as_many(sources, tmp_path):
    one = write_captions(tmp_path / "one.json", [{"id": 1, "image_id": 1, "caption": "A cat."}])
    report = prepare_run(str(tmp_path / "run"), dataclasses.replace(sources, captions=one), options(count=8))
    assert (report.plan.images, report.generated) == (5, 1)
    assert any("were to be made from captions" in line for line in report.lines())


def test_a_generator_whose_weights_are_missing_is_left_out_and_other_captions_take_its_place(sources, tmp_path):
    nowhere = registry.settings(["sd2", "sdxl"], "tiny", {"sdxl": str(tmp_path / "nowhere")})
    weights = WorkerOptions(replacements=(("sdxl", str(tmp_path / "nowhere")),))
    report = prepare_run(str(tmp_path / "run"), sources, options(generators=nowhere), painting=weights)
    assert report.generated == 6, "other captions take the places of those left out"
    assert any("Stable Diffusion XL" in skip.reason for skip in report.skipped)

    run = RunDirectory(str(tmp_path / "run"))
    made = {base.generator for base in read_bases(run) if base.source == "generated"}
    assert made == {"sd2"}
    assert run.failed(0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a COCO captions file: it has no list of annotations"),
        ('{"annotations": []}', "holds no caption"),
        ('{"annotations": [{"id": 1, "image_id": 2, "segmentation": [[1]]}, 7]}', "holds no caption"),
    ],
)
def test_a_file_that_holds_no_captions_is_refused(tmp_path, content, message):
    path = tmp_path / "captions.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_captions(str(path))


def test_entries_that_are_no_captions_are_left_out_and_named(tmp_path):
    entries = [
        {"id": 1, "image_id": 7, "caption": "A dog\x00 runs."},
        {"id": 1, "image_id": 8, "caption": "Twice."},
        {"id": 2, "image_id": None, "caption": "Of nothing."},
        {"id": 3, "image_id": 7, "caption": "   "},
        {"id": 4, "image_id": 7, "caption": "x" * 1001},
    ]
    captions, skipped = read_captions(write_captions(tmp_path / "captions.json", entries))
    assert captions == [Caption(1, 7, "A dog\x00 runs.")]
    assert [skip.name for skip in skipped] == ["caption 1", "caption 2", "caption 3", "caption 4"]


def test_captions_of_other_photographs_are_refused(sources, tmp_path):
    other = write_captions(tmp_path / "other.json", [{"id": 1, "image_id": 999, "caption": "A cat."}])
    with pytest.raises(ValueError, match=r"no caption of .* describes a photograph of"):
        prepare_run(str(tmp_path / "run"), dataclasses.replace(sources, captions=other), options())


def test_a_share_without_captions_and_a_share_that_is_none_are_refused(sources):
    with pytest.raises(ValueError, match="give a COCO captions file with --captions"):
        dataclasses.replace(sources, captions=None)
    with pytest.raises(ValueError, match=r"is from 0 to 1, not 1\.5"):
        dataclasses.replace(sources, generated_share=1.5)
