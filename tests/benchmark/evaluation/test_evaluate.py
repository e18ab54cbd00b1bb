"""Evaluation: every kind of detector, every condition, and what is refused."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmark.data.dataset import decode, load_rows
from benchmark.data.distortions import CONDITIONS, chance, condition, distort
from benchmark.evaluation.distort import DistortOptions, write_distorted
from benchmark.evaluation.evaluate import EvaluateOptions, evaluate
from benchmark.evaluation.results import Result, read_result
from benchmark.evaluation.torch_detectors import measured_cost
from benchmark.models.baseline import SegmentationBaseline
from benchmark.models.checkpoint import load_baseline
from benchmark.tables.tables import write_tables
from benchmark.training.train import TrainOptions, train
from builder.encoding.images import encode_mask

ENCODER = "timm-mobilenetv3_small_minimal_100"

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def binary(packed, tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("binary")
    return str(
        train(
            TrainOptions(
                out=str(out), dataset=str(packed), config="binary", architecture="unet", encoder=ENCODER,
                weights="none", size=64, steps=30, batch_size=8, learning_rate=0.1, workers=0, device="cpu",
                progress=False,
            )
        ).detector
    )  # fmt: skip


@pytest.fixture
def options(packed, tmp_path) -> EvaluateOptions:
    return EvaluateOptions(
        detector="", out=str(tmp_path / "results"), dataset=str(packed), config="binary", conditions=("clean",),
        device="cpu", progress=False,
    )  # fmt: skip


def one(options: EvaluateOptions) -> Result:
    (file,) = evaluate(options)
    return read_result(file)


def own_detector(folder: Path, body: str) -> str:
    file = folder / "mine.py"
    file.write_text(f"import numpy as np\n\n\ndef detect(images):\n    return {body}\n")
    return f"{file}:detect"


def truths(packed: Path, column: str) -> dict[str, np.ndarray]:
    task = {"binary_mask": "binary", "semantic_mask": "semantic"}[column]
    rows = load_rows(str(packed), task, "validation")
    return {sample.id: sample.truth for sample in (decode(row, task) for row in rows)}


def save_map(labels: np.ndarray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(file)


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "diffseg30k_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_saved_predictions_are_scored_under_the_condition_that_they_were_saved_for(packed, tmp_path):
    images, predictions, results = (str(tmp_path / name) for name in ("images", "predictions", "results"))
    conditions = ["--dataset", str(packed), "--config", "binary", "--conditions", "clean,jpeg-60"]
    made = run("distort", str(packed), "--out", images, *conditions[2:])
    assert made.returncode == 0, made.stderr
    manifest = json.loads((tmp_path / "images" / "manifest.json").read_text())
    assert {name: len(rows) for name, rows in manifest["conditions"].items()} == {"clean": 4, "jpeg-60": 4}
    for id, mask in truths(packed, "binary_mask").items():
        save_map(mask, Path(predictions, "clean", f"{id}.png"))
    refused = run("evaluate", f"predictions:{predictions}", "--out", results, *conditions)
    assert (refused.returncode, refused.stderr.count("\ndiffseg30k: ")) == (1, 1), refused.stderr
    assert "holds no predictions under jpeg-60" in refused.stderr
    assert not Path(results).exists(), "nothing is scored before all is there"
    for id, mask in truths(packed, "binary_mask").items():
        save_map(np.zeros_like(mask), Path(predictions, "jpeg-60", f"{id}.png"))
    assert run("evaluate", f"predictions:{predictions}", "--out", results, *conditions).returncode == 0
    scores = {result.condition: result.scores["miou"] for result in map(read_result, Path(results).glob("*.json"))}
    assert scores == {"clean": 1, "jpeg-60": 0}


def test_distorted_images_are_those_that_a_detector_is_given(options, packed, tmp_path):
    conditions = ("jpeg-60", "noise-5", "crop")
    write_distorted(DistortOptions(str(packed), str(tmp_path / "images"), config="binary", conditions=conditions))
    seen = own_detector(tmp_path, "[image[..., 0] % 2 for image in images]")
    given = replace(options, detector=seen, conditions=conditions, save_predictions=str(tmp_path / "saved"))
    evaluate(given)
    for file in sorted((tmp_path / "images").rglob("*.png")):
        place = file.relative_to(tmp_path / "images")
        with Image.open(file) as image, Image.open(tmp_path / "saved" / place) as prediction:
            assert np.array_equal(np.asarray(image)[..., 0] % 2, np.asarray(prediction))


def test_the_truth_saved_as_predictions_scores_all_that_can_be_scored(options, packed, tmp_path):
    for id, mask in truths(packed, "semantic_mask").items():
        save_map(mask, tmp_path / "clean" / f"{id}.png")
    result = one(replace(options, detector=f"predictions:{tmp_path}", config="semantic"))
    scores = result.scores
    assert (scores["acc"], scores["miou"], scores["bf1"], scores["pixel_accuracy"]) == (1, 1, 1, 1)
    assert scores["images"] == 4
    assert set(result.by_turns) == {"1", "2"}
    assert result.class_names[3] == "sdxl"
    assert json.loads(json.dumps(result.scores)) == result.scores


def test_a_function_of_ones_own_gets_pictures_and_returns_maps_of_any_size(options, tmp_path):
    detector = own_detector(tmp_path, "[np.ones((7, 5), dtype=np.int64) for _ in images]")
    result = one(replace(options, detector=detector))
    assert result.detector == "mine:detect"
    assert result.scores["acc"] == 1
    assert 0 < result.scores["miou"] < 1


def test_probabilities_are_scored_with_intervals_and_labels_follow_from_them(options, packed, tmp_path):
    maps = {"binary": truths(packed, "binary_mask"), "semantic": truths(packed, "semantic_mask")}
    for config, masks in maps.items():
        for id, mask in masks.items():
            edited = np.where(mask > 0, 0.9, 0.2)
            edited[0] = 0.95  # a row called edited in vain
            answer = edited
            if config == "semantic":
                answer = np.stack([1 - edited, *(np.where(mask == label, edited, 0) for label in range(1, 9))])
                answer[1] += 1 - answer.sum(axis=0)
            place = tmp_path / config / "clean" / f"{id}.npy"
            place.parent.mkdir(parents=True, exist_ok=True)
            np.save(place, answer.astype(np.float32))
        result = one(replace(options, detector=f"predictions:{tmp_path / config}", config=config))
        assert set(result.estimates) == {
            "pixel_f1", "pixel_iou", "pixel_best_f1", "pixel_best_iou", "pixel_auc",
        }  # fmt: skip
        f1 = result.estimates["pixel_f1"]
        assert f1.images == sum(bool(mask.any()) for mask in masks.values())
        assert f1.low <= f1.value <= f1.high < 1
        assert result.estimates["pixel_best_f1"].value >= f1.value
        labels = {id: (np.where(mask > 0, 0.9, 0.2) > 0.5) for id, mask in masks.items()}
        assert all(map_.any() == masks[id].any() for id, map_ in labels.items())


def test_a_trained_detector_hands_over_probabilities(options, binary):
    result = one(replace(options, detector=binary))
    assert 0 < result.estimates["pixel_auc"].value < 1
    assert result.scores["images"] == 4


def test_a_function_that_takes_ids_gets_them(options, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\n\n\ndef detect(images, ids):\n"
        "    assert all(id.startswith('row-') for id in ids)\n"
        "    return [np.zeros((4, 4), int) for _ in images]\n"
    )
    assert one(replace(options, detector=f"{file}:detect")).scores["images"] == 4


def test_a_sweep_gives_curves(packed, tmp_path):
    detector = own_detector(tmp_path, "[np.clip(image[..., 0] / 300, 0, 1) for image in images]")
    results, tables = str(tmp_path / "results"), tmp_path / "tables"
    given = ["--dataset", str(packed), "--config", "binary", "--out", results]
    done = run("evaluate", detector, *given, "--sweep", "jpeg=20:80:30", "--sweep", "noise=5:25:10")
    assert done.returncode == 0, done.stderr
    conditions = {read_result(str(file)).condition for file in Path(results).glob("*.json")}
    assert conditions == {"clean", "jpeg-20", "jpeg-50", "jpeg-80", "noise-5", "noise-15", "noise-25"}
    assert str(tables / "curves.png") in run("tables", results, "--out", str(tables)).stdout
    with Image.open(tables / "curves.png") as picture:
        assert picture.width > picture.height / 2
    text = (tables / "tables.md").read_text()
    assert "Pixel AUC" in text
    for wrong in ("jpeg", "jpeg=90:10:10", "jpeg=0:50:10", "fog=1:2:1", "jpeg=1:2:0"):
        refused = run("evaluate", detector, *given, "--sweep", wrong)
        assert (refused.returncode, refused.stderr.count("\ndiffseg30k: ")) == (1, 1), refused.stderr


def test_a_function_of_ones_own_classifies(options, tmp_path):
    detector = own_detector(tmp_path, "[float(image.std() > 0) * 0.9 for image in images]")
    scores = one(replace(options, detector=detector, config="classification")).scores
    assert scores["confusion"] == [[0, 2], [0, 4]]
    assert scores["acc"] == pytest.approx(4 / 6)
    assert scores["map"] == pytest.approx(4 / 6)


def test_a_trained_detector_under_every_condition_gives_a_result_each(options, binary, tmp_path):
    files = evaluate(
        replace(options, detector=binary, conditions=CONDITIONS, save_predictions=str(tmp_path / "saved"), count=2)
    )
    results = {result.condition: result for result in map(read_result, files)}
    assert tuple(results) == CONDITIONS
    assert results["clean"].size == 64
    assert results["resize-256"].size == 256
    again = one(replace(options, detector=f"predictions:{tmp_path / 'saved'}", count=2))
    assert again.scores == results["clean"].scores, "saved predictions score what they scored before"


def test_an_attack_within_its_limit_makes_a_detector_worse(options, binary):
    clean, attacked = (
        one(replace(options, detector=binary, split="train", conditions=(name,))).scores
        for name in ("clean", "pgd-8")
    )
    assert attacked["pixel_accuracy"] < clean["pixel_accuracy"]


def test_batches_and_streams_score_the_same(options, binary):
    options = replace(options, detector=binary, conditions=("social", "crop"))
    files = [[read_result(file).scores for file in evaluate(options)]]
    files.append([read_result(file).scores for file in evaluate(replace(options, batch_size=1, streaming=True))])
    assert files[0] == files[1]


def test_a_segmentation_model_scores_whole_images_when_asked_to(options, binary):
    options = replace(options, detector=binary, config="classification")
    with pytest.raises(ValueError, match="not for classification; add --as-classifier"):
        evaluate(options)
    result = one(replace(options, as_classifier=True))
    assert result.scores["images"] == 6
    assert result.detector.endswith("as-classifier")


@pytest.mark.parametrize("name", [name for name in CONDITIONS if not name.startswith("pgd")])
def test_a_distortion_depends_on_seed_and_row_alone(name, make):
    image, mask = make.photograph(0, 96), np.eye(96, dtype=np.uint8)
    wanted = condition(name)
    first = distort(image, mask, wanted, 64, chance(1, name, "row"))
    again = distort(image, mask, wanted, 64, chance(1, name, "row"))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert first[0].dtype == np.uint8
    if name in ("noise-5", "crop", "social"):
        other = distort(image, mask, wanted, 64, chance(1, name, "another row"))
        assert first[0].shape != other[0].shape or (first[0] != other[0]).any()


def test_a_crop_cuts_image_and_mask_alike():
    mask = np.random.default_rng(0).integers(0, 9, (50, 70), dtype=np.uint8)
    image = np.repeat(mask[..., None], 3, axis=2)
    cut, labels = distort(image, mask, condition("crop"), None, chance(0, "crop", "row"))
    np.testing.assert_array_equal(cut[..., 0], labels)
    assert 30 <= labels.shape[0] <= 45


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conditions": ("fog",)}, "'fog' is no condition; there are clean, crop, social, jpeg-QUALITY"),
        ({"conditions": ("jpeg-101",)}, "'jpeg-101': the number is 1 to 100"),
        ({"conditions": ()}, "no condition"),
        ({"config": "semantic"}, r"was trained for binary \(2 classes\), not for semantic"),
        ({"config": "binary-heldout-flux-hunyuan"}, "was trained on 'binary', which contains edits by the pair"),
        ({"split": "test"}, "has no split 'test'; it has train, validation"),
    ],
)
def test_a_mistake_is_one_clear_line(options, binary, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        evaluate(replace(options, detector=binary, **changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "[np.full((4, 4), 7) for _ in images]",
            "for row row-.* holds class 7; binary has the classes 0 to 1",
        ),
        ("[np.zeros(4, int) for _ in images]", r"gave for row .* is \(4,\); a label map is \(H, W\)"),
        ("[]", "gave 0 answers for 4 images"),
        ("[None for _ in images]", "gave for row .* is None: return a label map"),
        ("[np.full((4, 4), 255) for _ in images]", "holds 0 and 255: divide by 255"),
        ("[np.zeros((1, 4, 4), int) for _ in images]", "remove the axes of length 1"),
        ("[np.full((4, 4), -3.5) for _ in images]", "holds -3.5; probabilities are 0 to 1: apply a sigmoid"),
        ("[np.full((2, 4, 4), 0.9) for _ in images]", r"sum to 1\.8 and not to 1: apply a softmax"),
        ("[np.full((3, 4, 4), 0.3) for _ in images]", r"is \(3, 4, 4\); probabilities for binary are"),
        ("[np.full((4, 4), np.nan) for _ in images]", "numbers that are not finite"),
        ("[np.full((4, 4), 'x') for _ in images]", "holds <U1: return a label map"),
        ("[1 / 0 for _ in images]", r"mine\.py, line 5, in .*: ZeroDivisionError: division by zero"),
        ("[image.nothing for image in images]", r"mine\.py, line 5, in .*: AttributeError"),
    ],
)
def test_a_detector_that_answers_nonsense_is_told_so(options, tmp_path, body, message):
    with pytest.raises(ValueError, match=message):
        evaluate(replace(options, detector=own_detector(tmp_path, body)))


def test_a_detector_that_is_not_there_is_one_clear_line(options, tmp_path):
    for which in (str(tmp_path / "nowhere"), f"predictions:{tmp_path}/none", f"{tmp_path}/none.py:detect"):
        with pytest.raises(FileNotFoundError, match="there is no such"):
            evaluate(replace(options, detector=which))
    with pytest.raises(FileNotFoundError, match=r"holds no trained detector: there is no detector\.json"):
        evaluate(replace(options, detector=str(tmp_path)))
    detector = own_detector(tmp_path, "[np.zeros((4, 4), int) for _ in images]")
    with pytest.raises(ValueError, match="white-box attack and mine:detect has no gradient"):
        evaluate(replace(options, detector=detector, conditions=("pgd-2",)))


# ── Tables ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def written(options, packed, tmp_path):
    """Tables and figures of a detector that gives the truth on every config that it can."""
    for id, mask in truths(packed, "semantic_mask").items():
        for name in ("clean", "jpeg-60", "webp-80"):
            save_map(mask, tmp_path / name / f"{id}.png")
    perfect = replace(options, detector=f"predictions:{tmp_path}", name="perfect")
    evaluate(replace(perfect, config="semantic", conditions=("clean", "jpeg-60", "webp-80")))
    scores = own_detector(tmp_path, "[0.5 for _ in images]")
    evaluate(replace(options, detector=scores, config="classification"))
    evaluate(replace(options, detector=scores, config="classification-heldout-flux-hunyuan"))
    return write_tables([options.out], str(tmp_path / "tables"))


def test_tables_have_the_papers_numbers_beside_ours_and_say_whose_they_are(written):
    tables = {table["key"]: table for table in json.loads(Path(written.json).read_text())}
    assert list(tables)[:6] == [f"table-{number}" for number in range(2, 8)]
    rows = tables["table-2"]["rows"]
    assert {
        "source": "paper",
        "labels": ["Deeplab v3+"],
        "values": [0.984, 0.974, 0.761, 0.916, 0.76, 0.431],
    } in rows
    assert {"source": "this run", "labels": ["perfect"], "values": [None, None, None, 1.0, 1.0, 1.0]} in rows
    distortions = [row["labels"][1] for row in tables["table-3"]["rows"] if row["source"] == "this run"]
    assert distortions == ["Baseline", "JPEG 60", "webp-80"]
    assert len(tables["table-7"]["rows"]) == 8
    markdown = Path(written.markdown).read_text()
    assert "| Deeplab v3+ | *paper* | 0.984 | 0.974 | 0.761 | 0.916 | 0.760 | 0.431 |" in markdown
    assert "| perfect | **this run** | – | – | – | 1.000 | 1.000 | 1.000 |" in markdown
    latex = Path(written.latex).read_text()
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 9
    assert r"Flux\_Hunyuan & paper" in latex


def test_table_4_compares_the_images_that_sdxl_edited_with_and_without_the_lora(make, tmp_path):
    """The LoRA's rows of `cat` and `cup` are answered as the others are; `dog` and `elk` have no counterpart."""
    dataset, answers, results, tables = (str(tmp_path / name) for name in ("data", "answers", "results", "tables"))
    rows = {name: make.row(index, ("sdxl",)) for index, name in enumerate(("cat", "cup", "dog", "elk"))}
    groups = {"edited": ("00c0ffee", "cat cup dog"), "lora": ("12345678", "cat cup elk")}
    for group, (digest, names) in groups.items():
        written = [rows[name] | {"id": f"{name}-{digest}"} for name in names.split()]
        make.shard(tmp_path / "data", "validation", group, written)
    for config in ("semantic", "semantic-lora"):
        for row in load_rows(dataset, config, "validation"):
            answer = decode(row, "semantic").truth.copy()
            answer[: len(answer) // 2] = 0
            if row["id"].startswith("dog"):
                answer[:] = 0
            save_map(answer, Path(answers, "clean", f"{row['id']}.png"))
        given = ["--dataset", dataset, "--config", config, "--conditions", "clean", "--name", "blind"]
        done = run("evaluate", f"predictions:{answers}", "--out", results, *given)
        assert done.returncode == 0, done.stderr
    assert run("tables", results, "--out", tables).returncode == 0
    found = json.loads(Path(tables, "tables.json").read_text())
    [rows_of_table] = [table["rows"] for table in found if table["key"] == "table-4"]
    vanilla, lora = [row for row in rows_of_table if row["source"] == "this run"]
    assert [vanilla["labels"][1], lora["labels"][1]] == ["SDXL", "SDXL-LoRA"]
    assert 0 < vanilla["values"][0] < 1
    assert vanilla["values"] == lora["values"]
    assert "blind: 2 images." in Path(tables, "tables.md").read_text()


def test_table_4_says_what_is_missing(options, packed, tmp_path):
    perfect = replace(options, detector=f"predictions:{tmp_path}", name="perfect")
    missing = {"semantic": "not evaluated on `semantic-lora`", "semantic-lora": "no image is in both"}
    for config, said in missing.items():
        for row in load_rows(str(packed), config, "validation"):
            save_map(decode(row, "semantic").truth, tmp_path / "clean" / f"{row['id']}.png")
        evaluate(replace(perfect, config=config))
        tables = write_tables([options.out], str(tmp_path / "tables"))
        assert said in Path(tables.markdown).read_text()


def test_figures_show_the_classes_colours(written):
    with Image.open(written.figure_5) as picture:
        assert picture.width > 500
    [figure_6] = written.figure_6
    assert figure_6.endswith("figure-6-semantic.png")
    with Image.open(figure_6) as picture:
        assert picture.width < 1800, "as wide as a page"
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
    assert {(0, 158, 115), (240, 228, 66)} <= colours, "SDXL's and FLUX.1's"


def test_tables_are_written_where_torch_is_not_installed(written, options, tmp_path):
    code = """import sys
sys.modules["torch"] = None
from benchmark import write_tables
write_tables([sys.argv[1]], sys.argv[2])"""
    command = [sys.executable, "-c", code, options.out, str(tmp_path / "again")]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"USE_TORCH": "0"}, check=True)
    assert Path(written.json).read_bytes() == (tmp_path / "again/tables.json").read_bytes()


def test_tables_say_what_they_were_measured_on_and_are_printed(packed, tmp_path):
    detector = own_detector(tmp_path, "[image[..., 0] > 128 for image in images]")
    results = str(tmp_path / "results")
    given = ["--dataset", str(packed), "--config", "binary", "--conditions", "clean,jpeg-60", "--out", results]
    said = run("evaluate", detector, *given)
    assert said.returncode == 0, said.stderr
    assert "### mine:detect on binary, validation" in said.stdout
    assert re.search(r"^\| jpeg-60 \| 4 \| \*\*this run\*\* \| 0\.\d{3} \|", said.stdout, re.MULTILINE)
    printed = run("tables", results, "--out", str(tmp_path / "tables")).stdout
    assert "### Table 3: robustness to image transformations" in printed
    assert "### Table 6" not in printed, "without rows of this run there is nothing to print"
    assert (
        f"This run: {packed}, up to 4 images. With fewer than 1,000 images the numbers are not to be compared"
        in printed
    )
    assert run("tables", results, "--out", str(tmp_path / "tables"), "--json").stdout.startswith('{"what"')


def test_trainings_with_other_seeds_are_one_row_with_its_spread(binary, packed, tmp_path):
    results, scores = str(tmp_path / "results"), []
    for seed in range(3):
        detector = tmp_path / f"seed-{seed}"
        shutil.copytree(binary, detector)
        about = json.loads((detector / "detector.json").read_text())
        del about["content_sha256"]
        about["training"]["options"]["seed"] = seed
        (detector / "detector.json").write_text(json.dumps(about))
        weights = load_file(detector / "model.safetensors")
        name = next(name for name in weights if name.endswith("segmentation_head.0.bias"))
        weights[name] += torch.tensor([0, seed / 5])
        save_file(weights, detector / "model.safetensors")
        given = ["--dataset", str(packed), "--config", "binary", "--conditions", "clean", "--out", results]
        done = run("evaluate", str(detector), *given, "--name", "unet", "--json")
        assert done.returncode == 0, done.stderr
        scores.append(read_result(*json.loads(done.stdout)["files"]).scores["miou"])
    printed = run("tables", results, "--out", str(tmp_path / "tables")).stdout
    assert len(set(scores)) == 3
    assert f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}" in printed
    assert "± is the standard deviation over trainings with other seeds" in printed
    assert "$\\pm$" in (tmp_path / "tables/tables.tex").read_text()


def test_a_network_s_cost_is_counted(options, binary, tmp_path):
    result = one(replace(options, detector=binary))
    baseline, _ = load_baseline(binary)
    assert result.cost.parameters == sum(each.numel() for each in baseline.parameters())
    assert result.cost.side == 64
    assert result.cost.flops > 2 * 64 * 64 * 3 * 16 * 9 / 4, "at least the first convolution"
    tables = write_tables([options.out], str(tmp_path / "tables"))
    assert "Parameters, million" in tables.text()


def test_a_convolution_costs_two_operations_a_weight_and_pixel():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3, padding=1, bias=False))
    cost = measured_cost(SegmentationBaseline(network), 8, "cpu")
    assert (cost.parameters, cost.flops, cost.side) == (3 * 5 * 9, 2 * 3 * 5 * 9 * 64, 8)


def test_edits_outside_of_the_centre_are_counted_beside_table_6(options, make, tmp_path):
    rows = []
    for index, (top, left) in enumerate([(0, 0), (140, 140), (37, 37), (38, 38)]):
        mask = np.zeros((300, 300), np.uint8)
        mask[top : top + 1, left : left + 1] = 1
        row = make.row(index, ("sdxl",))
        rows.append(row | {"binary_mask": {"bytes": encode_mask(mask > 0), "path": None}})
    make.shard(tmp_path / "data", "validation", "edited", [*rows, make.row(9, ())])
    scores = own_detector(tmp_path, "[0.5 for _ in images]")
    evaluate(replace(options, detector=scores, dataset=str(tmp_path / "data"), config="classification"))
    tables = write_tables([options.out], str(tmp_path / "tables"))
    assert "2 of 4 edited images have no edited pixel in the 224 pixels in their centre" in tables.text()


def test_a_result_names_the_revision_of_its_dataset(options, packed, tmp_path):
    shutil.copytree(packed, tmp_path / "data")
    (tmp_path / "data/diffseg30k.json").write_text("{}")
    detector = own_detector(tmp_path, "[image[..., 0] > 128 for image in images]")
    result = one(replace(options, detector=detector, dataset=str(tmp_path / "data")))
    assert result.revision == hashlib.sha256(b"{}").hexdigest()[:12]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no TeX here")
def test_the_latex_compiles(written, tmp_path):
    document = tmp_path / "tables.tex"
    body = Path(written.latex).read_text()
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    document.write_text(f"{head}{body}\n\\end{{document}}")
    command = ["pdflatex", "-halt-on-error", document.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


def test_tables_of_nothing_are_one_clear_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no result files"):
        write_tables([str(tmp_path)], str(tmp_path / "out"))
    (tmp_path / "x--binary--clean.json").write_text("{}")
    with pytest.raises(ValueError, match="is not a result of diffseg30k evaluate"):
        write_tables([str(tmp_path)], str(tmp_path / "out"))
