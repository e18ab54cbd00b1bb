"""Writing a gallery: what is made, kept, removed and refused."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset
from PIL import Image

from benchmark.evaluation.predictions import save_prediction
from cards.card import write_card
from cards.gallery import pictures
from cards.gallery.options import GalleryOptions, Predictions
from cards.gallery.write import write_gallery
from tests.cards.gallery.synthetic_rows import write_rows
from tests.command import command

QUIET = GalleryOptions(progress=False)


def calls(path: Path) -> list:
    """The arguments of the call in a data file."""
    text = path.read_text()
    return json.loads("[" + text[text.index("(") + 1 : text.rindex(")")] + "]")


def grid(folder: Path) -> dict[str, list]:
    return calls(folder / "data" / "grid-0000.js")[1]


def files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*.webp")}


@pytest.fixture
def few(tmp_path):
    write_rows(tmp_path / "dataset", 40)
    return tmp_path / "dataset"


def test_every_row_is_in_it_with_its_pictures(dataset, tmp_path):
    report = write_gallery(str(dataset), str(tmp_path / "gallery"), QUIET)
    rows = grid(tmp_path / "gallery")
    assert report.rows == report.of == len(rows["id"]) == len(set(rows["id"]))
    loaded = load_dataset(str(dataset), "edits", split="train")
    assert set(loaded["id"]) <= set(rows["id"])
    made = files(tmp_path / "gallery")
    for key in rows["key"]:
        assert f"pictures/{key[:2]}/{key}.webp" in made
        assert f"thumbnails/{key[:2]}/{key}.webp" in made
    assert sum(name.endswith(".base.webp") for name in made) >= len(loaded)


def test_edited_rows_come_first(dataset, tmp_path):
    write_gallery(str(dataset), str(tmp_path / "gallery"), QUIET)
    used = [bool(bits) for bits in grid(tmp_path / "gallery")["generators"]]
    edited = used[: used.index(False)]
    assert len(edited) > 20


def test_a_second_call_makes_nothing_anew(few, tmp_path):
    out = tmp_path / "gallery"
    assert write_gallery(str(few), str(out), QUIET).pictures == 80
    before = files(out)
    assert write_gallery(str(few), str(out), QUIET).pictures == 0
    assert files(out) == before


def test_what_a_killed_call_lacks_is_made_and_what_it_left_is_removed(few, tmp_path):
    out = tmp_path / "gallery"
    write_gallery(str(few), str(out), QUIET)
    whole = files(out)
    lost = out / next(iter(whole))
    lost.rename(f"{lost}.0123.tmp")
    write_gallery(str(few), str(out), QUIET)
    assert files(out).keys() == whole.keys()
    assert not list(out.rglob("*.tmp"))


def test_a_sample_is_the_same_each_time_and_its_rows_replace_the_others(few, tmp_path):
    out = tmp_path / "gallery"
    write_gallery(str(few), str(out), QUIET)
    report = write_gallery(str(few), str(out), GalleryOptions(rows=7, progress=False))
    assert (report.rows, report.of, report.pictures) == (7, 40, 0)
    assert "7 rows of 40" in report.lines()[0]
    chosen = grid(out)["id"]
    assert len(files(out)) == 14
    write_gallery(str(few), str(tmp_path / "other"), GalleryOptions(rows=7, progress=False))
    assert grid(tmp_path / "other")["id"] == chosen


def test_a_folder_with_other_files_is_refused_and_left_alone(few, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    code, printed = command("gallery", str(few), "--out", str(tmp_path / "mine"))
    assert code == 1
    assert "holds files that are no gallery" in printed
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_a_dataset_that_is_not_there_is_named(tmp_path):
    code, printed = command("gallery", str(tmp_path / "nothing"), "--out", str(tmp_path / "gallery"))
    assert code == 1
    assert "nothing" in printed
    assert not (tmp_path / "gallery").exists()


def test_it_can_be_shown_as_a_static_space(few, tmp_path):
    write_gallery(str(few), str(tmp_path / "gallery"), QUIET)
    assert "sdk: static" in (tmp_path / "gallery" / "README.md").read_text()


class TestADetector:
    def rows(self, dataset):
        return load_dataset(str(dataset), "semantic", split="validation")

    def predictions(self, folder, rows, wrong=False):
        made = {}
        for row in rows:
            labels = np.asarray(row["semantic_mask"])
            file = folder / f"{row['id']}.png"
            save_prediction(np.zeros_like(labels) if wrong else labels, str(file))
            made[row["id"]] = str(file)
        return Predictions("perfect", "clean", False, made)

    def test_its_label_maps_lie_beside_the_truth_with_their_agreement(self, dataset, tmp_path):
        rows = self.rows(dataset)
        options = GalleryOptions(predictions=self.predictions(tmp_path / "saved", rows), progress=False)
        report = write_gallery(str(dataset), str(tmp_path / "gallery"), options)
        assert report.predicted == len(rows)
        found = grid(tmp_path / "gallery")
        by_id = dict(zip(found["id"], found["iou"], strict=True))
        assert all(by_id[row["id"]] == 1.0 for row in rows)
        assert sum(value is not None for value in found["iou"]) == len(rows)
        shown = [row for part in (tmp_path / "gallery" / "data").glob("rows-*.js") for row in calls(part)[1]]
        assert sum("prediction" in row for row in shown) == len(rows)

    def test_predictions_of_another_dataset_are_refused(self, few, dataset, tmp_path):
        predictions = self.predictions(tmp_path / "saved", self.rows(dataset))
        with pytest.raises(ValueError, match="none of the 40 rows has a prediction of perfect"):
            write_gallery(str(few), str(tmp_path / "gallery"), GalleryOptions(predictions=predictions))

    def test_the_command_takes_the_results_of_evaluate(self, dataset, tmp_path):
        detector = tmp_path / "blank.py"
        detector.write_text(
            "import numpy as np\n\n"
            "def detect(images):\n    return [np.zeros(image.shape[:2], int) for image in images]\n"
        )
        results, saved = tmp_path / "results", tmp_path / "elsewhere" / "predictions"
        code, printed = command(
            *("evaluate", f"{detector}:detect", "--dataset", str(dataset), "--out", str(results)),
            *("--conditions", "clean", "--save-predictions", str(saved)),
        )
        assert code == 0, printed
        out = tmp_path / "gallery"
        code, printed = command("gallery", str(dataset), "--out", str(out), "--detector", str(results))
        assert code == 0, printed
        assert f"with a prediction: {len(self.rows(dataset))} rows" in printed
        assert {value for value in grid(out)["iou"] if value is not None} == {0.0}

    def test_results_without_masks_are_refused(self, dataset, tmp_path):
        detector = tmp_path / "blank.py"
        detector.write_text("def detect(images):\n    return [0.5 for _ in images]\n")
        command(
            *("evaluate", f"{detector}:detect", "--dataset", str(dataset), "--config", "classification"),
            *("--out", str(tmp_path / "results"), "--conditions", "clean"),
        )
        code, printed = command(
            *("gallery", str(dataset), "--out", str(tmp_path / "gallery"), "--detector", str(tmp_path / "results"))
        )
        assert code == 1
        assert "scores whole images" in printed


class TestThePictures:
    def test_a_mask_is_transparent_outside_and_in_the_generators_colour_inside(self):
        labels = np.zeros((40, 60), np.uint8)
        labels[10:30, 20:40] = 3
        url = pictures.overlay(labels)
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
            pixels = np.asarray(image.convert("RGBA"))
        assert pixels.shape == (40, 60, 4)
        assert pixels[0, 0, 3] == 0
        assert tuple(pixels[20, 30, :3]) == (0, 158, 115)
        assert 0 < pixels[20, 30, 3] < 255
        assert pixels[10, 30, 3] == 255

    def test_agreement_is_that_of_the_edited_pixels(self):
        truth, predicted = np.zeros((2, 10, 10), np.uint8)
        truth[:5], predicted[:5], predicted[5:] = 3, 3, 4
        assert pictures.agreement(truth, predicted, False) == {"iou": 0.5, "right": 1.0, "called": 1.0}
        assert pictures.agreement(truth * 0, predicted * 0, False) == {"iou": None, "right": None, "called": 0.0}
        assert pictures.agreement(truth, predicted, True)["right"] is None


class TestTheCard:
    def test_it_says_how_a_gallery_is_made(self, few):
        write_card(str(few))
        assert "diffseg30k gallery diffseg30k --out gallery" in (few / "README.md").read_text()

    def test_it_links_to_the_gallery_that_it_was_given_from_then_on(self, few):
        code, printed = command("card", str(few), "--gallery", "https://huggingface.co/spaces/me/gallery")
        assert code == 0, printed
        linked = "**[The gallery](https://huggingface.co/spaces/me/gallery)**"
        assert linked in (few / "README.md").read_text()
        write_card(str(few))
        assert linked in (few / "README.md").read_text()

    def test_a_link_that_is_no_web_page_is_refused(self, few):
        code, printed = command("card", str(few), "--gallery", "gallery/index.html")
        assert code == 1
        assert "takes the URL of a web page" in printed
