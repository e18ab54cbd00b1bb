"""Scores of whole images from the probabilities of their pixels: `--as-classifier`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.data.dataset import decode, load_rows
from benchmark.evaluation.answers import read_score
from benchmark.evaluation.evaluate import EvaluateOptions, evaluate
from benchmark.evaluation.results import read_result
from benchmark.evaluation.torch_detectors import whole_image_scores


@pytest.fixture
def options(packed, tmp_path) -> EvaluateOptions:
    return EvaluateOptions(
        detector="", out=str(tmp_path / "results"), dataset=str(packed), config="classification",
        conditions=("clean",), device="cpu", progress=False,
    )  # fmt: skip


def own_detector(folder: Path, body: str) -> str:
    (folder / "mine.py").write_text(f"import numpy as np\n\n\ndef detect(images):\n    return {body}\n")
    return f"{folder / 'mine.py'}:detect"


@pytest.mark.parametrize("shape", [(2, 40, 30), (9, 40, 30)])
def test_the_score_is_that_of_a_trained_segmentation_network(shape):
    logits = torch.randn(3, *shape, dtype=torch.float64) * 3
    maps = logits.softmax(dim=1).numpy()
    for probabilities, expected in zip(maps, whole_image_scores(logits), strict=True):
        assert read_score(probabilities, "here", as_classifier=True) == pytest.approx(expected, abs=1e-12)
        edited = 1 - probabilities[0]
        assert read_score(edited, "here", as_classifier=True) == pytest.approx(expected, abs=1e-12)
        assert read_score(torch.tensor(edited), "here", as_classifier=True) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("saved", [False, True], ids=["function", "saved"])
def test_maps_of_probabilities_score_whole_images_and_give_an_image_auc(options, tmp_path, saved):
    rows = [decode(row, "classification") for row in load_rows(options.dataset, options.config, "validation")]
    maps = [sample.image[..., 0] / 255 for sample in rows]
    if saved:
        (tmp_path / "clean").mkdir()
        for sample, probabilities in zip(rows, maps, strict=True):
            np.save(tmp_path / "clean" / f"{sample.id}.npy", probabilities)
        detector = f"predictions:{tmp_path}"
    else:
        detector = own_detector(tmp_path, "[image[..., 0] / 255 for image in images]")
    (file,) = evaluate(replace(options, detector=detector, as_classifier=True))
    result = read_result(file)
    count = round(maps[0].size / 100)
    expected = [np.sort(each, axis=None)[-count:].mean() for each in maps]
    labels = [int(sample.truth) for sample in rows]
    assert result.scores["map"] == pytest.approx(average_precision_score(labels, expected), abs=1e-9)
    assert result.estimates["image_auc"].value == pytest.approx(roc_auc_score(labels, expected), abs=1e-9)


@pytest.mark.parametrize(
    ("body", "as_classifier", "message"),
    [
        ("[image[..., 0] / 255 for image in images]", False, r"is \(96, 96\), .*: add --as-classifier"),
        ("[image[..., 0] > 9 for image in images]", True, "holds labels; --as-classifier takes the probabilities"),
        ("[image[..., 0] * 1.0 for image in images]", True, "probabilities are 0 to 1: apply a sigmoid"),
        ("['much' for _ in images]", True, "is str, and not one number from 0 to 1"),
        ("[1.5 for _ in images]", False, r"is 1\.5; a probability is 0 to 1"),
        ("[None for _ in images]", False, "is NoneType, and not one number"),
    ],
)
def test_what_is_no_score_is_one_line_that_says_what_to_do(options, tmp_path, body, as_classifier, message):
    detector = own_detector(tmp_path, body)
    with pytest.raises(ValueError, match=message) as error:
        evaluate(replace(options, detector=detector, as_classifier=as_classifier))
    assert "\n" not in str(error.value)


def test_saved_label_maps_are_no_scores(options, tmp_path):
    (tmp_path / "clean").mkdir()
    with pytest.raises(ValueError, match=r"save probabilities, as CONDITION/ID\.npy, and add --as-classifier"):
        evaluate(replace(options, detector=f"predictions:{tmp_path}"))
