"""The baselines: their shapes, their published weights, and that each overfits eight images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data.dataset import decode, load_rows
from benchmark.evaluation.evaluate import EvaluateOptions, evaluate
from benchmark.evaluation.results import read_result
from benchmark.models.checkpoint import load_baseline
from benchmark.models.classification import load_published
from benchmark.models.fcn8s import FCN8s
from benchmark.models.registry import ModelSpec, architectures, build
from benchmark.training.train import TrainOptions, train

SMALL = {
    "fcn8s": ("vgg16", 0.125),
    "deeplabv3plus": ("mobilenet_v2", 1.0),
    "segformer": ("mit_b0", 1.0),
    "mask2former": ("swin-nano", 1.0),
    "unet": ("mobilenet_v2", 1.0),
}
"""The smallest encoder of each, with a width."""


@pytest.mark.parametrize("architecture", SMALL)
@pytest.mark.parametrize("task", ["binary", "semantic"])
def test_segmentation_gives_logits_of_every_class_at_the_size_of_any_image(architecture, task):
    encoder, width = SMALL[architecture]
    baseline = build(ModelSpec(architecture, encoder, task, 64, width), pretrained=False).eval()
    with torch.no_grad():
        logits = baseline(torch.rand(2, 3, 70, 45))
    assert logits.shape == (2, 2 if task == "binary" else 9, 70, 45)


def test_fcn8s_upsamples_bilinearly_and_keeps_that_fixed():
    network = FCN8s(classes=2, width=0.05)
    ones = torch.ones(1, 2, 6, 6)
    for layer, factor in ((network.upscore2, 2), (network.upscore8, 8)):
        inside = layer(ones)[..., factor:-factor, factor:-factor]
        torch.testing.assert_close(inside, torch.ones_like(inside))
        assert not layer.weight.requires_grad


def test_fcn8s_takes_the_weights_of_vgg16():
    weights = {}
    for index, (before, after) in enumerate([(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256),
                                             (256, 256), (256, 512), (512, 512), (512, 512), (512, 512),
                                             (512, 512), (512, 512)]):  # fmt: skip
        weights[f"features.{index}.weight"] = torch.full((after, before, 3, 3), float(index))
        weights[f"features.{index}.bias"] = torch.zeros(after)
    for name, shape in (("fc1", (4096, 512, 7, 7)), ("fc2", (4096, 4096, 1, 1))):
        weights[f"pre_logits.{name}.weight"] = torch.zeros(()).expand(shape)
        weights[f"pre_logits.{name}.bias"] = torch.ones(4096)
    network = FCN8s(classes=2)
    network.load_vgg16(weights)
    assert network.conv5_3.weight.unique().tolist() == [12.0]
    assert network.fc7.bias.unique().tolist() == [1.0]


def test_universalfakedet_loads_the_published_head_and_trains_nothing_else(tmp_path):
    baseline = build(ModelSpec("universalfakedet", "tiny", "classification", 64), pretrained=False)
    head = {"weight": torch.randn(1, 768), "bias": torch.randn(1)}
    torch.save(head, tmp_path / "fc_weights.pth")
    load_published(baseline, str(tmp_path / "fc_weights.pth"))
    assert torch.equal(baseline.network.fc.weight, head["weight"])
    trainable = [name for name, parameter in baseline.named_parameters() if parameter.requires_grad]
    assert trainable == ["network.fc.weight", "network.fc.bias"]
    assert not baseline.train().network.clip.training, "frozen CLIP stays as it is"


def test_universalfakedet_scores_the_unnormalised_features_of_the_centre():
    baseline = build(ModelSpec("universalfakedet", "tiny", "classification", 64), pretrained=False).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        features = baseline.network.clip(pixel_values=baseline.normalised(image)).image_embeds
        expected = features @ baseline.network.fc.weight.T + baseline.network.fc.bias
        padded = nn.functional.pad(image, (10, 10, 20, 20), value=1.0)
        torch.testing.assert_close(baseline(image), expected.flatten())
        torch.testing.assert_close(baseline(padded), expected.flatten())


def test_cnnspot_loads_weights_as_its_authors_saved_them(tmp_path):
    spec = ModelSpec("cnnspot", "resnet18.tv_in1k", "classification", 64)
    source, target = build(spec, pretrained=False), build(spec, pretrained=False)
    state = {
        name: value
        for name, value in source.network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    torch.save({"model": state, "total_steps": 3}, tmp_path / "blur_jpg_prob0.5.pth")
    load_published(target, str(tmp_path / "blur_jpg_prob0.5.pth"))
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(target.eval()(image), source.eval()(image))


def test_weights_that_are_not_the_published_ones_are_named(tmp_path):
    baseline = build(ModelSpec("universalfakedet", "tiny", "classification", 64), pretrained=False)
    with pytest.raises(FileNotFoundError, match="no such file of published weights"):
        load_published(baseline, str(tmp_path / "none.pth"))
    torch.save({"weight": torch.zeros(1, 512), "bias": torch.zeros(1)}, tmp_path / "fc.pth")
    with pytest.raises(ValueError, match="does not hold the published weights: weight"):
        load_published(baseline, str(tmp_path / "fc.pth"))
    (tmp_path / "evil.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError, match="no file of weights that can be read safely"):
        load_published(baseline, str(tmp_path / "evil.pth"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ModelSpec("nonet", "x", "binary", 64), "'nonet' is no architecture; there are fcn8s, deeplabv3plus"),
        (ModelSpec("unet", "nocoder", "binary", 64), "cannot be built on the encoder 'nocoder'"),
        (ModelSpec("unet", "resnet18", "classification", 64), "unet segments; it cannot be trained on"),
        (ModelSpec("cnnspot", "resnet18", "binary", 64), "cnnspot classifies whole images"),
        (ModelSpec("mask2former", "resnet50", "binary", 64), "no encoder of mask2former; it has swin-tiny"),
        (ModelSpec("universalfakedet", "vit", "classification", 64), "no encoder of universalfakedet"),
    ],
)
def test_a_model_that_cannot_be_is_one_clear_line(spec, message):
    with pytest.raises(ValueError, match=message) as caught:
        build(spec, pretrained=False)
    assert "\n" not in str(caught.value)


def test_every_architecture_of_the_library_is_there_by_name():
    assert {"unet", "fpn", "upernet", "deeplabv3plus", "segformer", "fcn8s", "mask2former"} <= set(architectures())


SMALLEST = "timm-mobilenetv3_small_minimal_100"
LEARNING = {
    "deeplabv3plus": TrainOptions(out="", encoder="resnet18", steps=80, learning_rate=0.1, scale=(1, 1)),
    "segformer": TrainOptions(
        out="", architecture="segformer", encoder="mit_b0", steps=120, learning_rate=2e-3, scale=(1, 1)
    ),
    "mask2former": TrainOptions(
        out="", architecture="mask2former", encoder="swin-nano", steps=150, learning_rate=3e-3, scale=(1, 1)
    ),
    "unet": TrainOptions(out="", architecture="unet", encoder=SMALLEST, steps=80, learning_rate=0.1, scale=(1, 1)),
}
"""Rates and steps for random weights and 64 pixels, the least that still shows it."""


@pytest.mark.training
@pytest.mark.parametrize("architecture", LEARNING)
def test_a_baseline_learns_eight_images_by_heart_and_survives_saving(architecture, eight, tmp_path):
    options = replace(
        LEARNING[architecture],
        out=str(tmp_path / "trained"), dataset=str(eight), config="binary", weights="none", size=64, workers=0,
        batch_size=8, device="cpu", progress=False,
    )  # fmt: skip
    report = train(options)
    files = evaluate(
        EvaluateOptions(
            detector=report.detector, out=str(tmp_path), dataset=str(eight), config="binary", split="train",
            conditions=("clean",), device="cpu", progress=False,
        )
    )  # fmt: skip
    assert read_result(files[0]).scores["miou"] > 0.9
    one, other = load_baseline(report.detector)[0], load_baseline(report.detector)[0]
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(one(image), other(image))


@pytest.mark.training
def test_fcn8s_learns_where_edits_are_and_not_only_how_large(eight, tmp_path):
    # FCN-8s sums its loss over the pixels, of which there are a 64th of the recipe's, and starts without VGG16
    options = TrainOptions(
        out=str(tmp_path / "trained"), dataset=str(eight), config="binary", architecture="fcn8s", width=0.125,
        weights="none", size=64, steps=160, batch_size=8, learning_rate=1e-6, workers=0, device="cpu",
        progress=False,
    )  # fmt: skip
    rows = load_rows(str(eight), "binary", "train")
    share = np.mean([(np.asarray(decode(row, "binary").truth) > 0).mean() for row in rows])
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    report = train(options)
    assert report.loss is not None
    assert report.loss / 64**2 < 0.96 * entropy


@pytest.mark.training
@pytest.mark.parametrize(
    ("architecture", "encoder"), [("cnnspot", "resnet18.tv_in1k"), ("universalfakedet", "tiny")]
)
def test_a_classifier_learns_eight_images_by_heart(architecture, encoder, packed, tmp_path):
    # UniversalFakeDetect has one layer to learn with, on features that are random and frozen here.
    rate, steps, least = {"cnnspot": (1e-3, 100, 0.9), "universalfakedet": (3e-2, 300, 0.8)}[architecture]
    options = TrainOptions(
        out=str(tmp_path / "trained"), dataset=str(packed), config="classification", architecture=architecture,
        encoder=encoder, weights="none", size=64, workers=0, device="cpu", progress=False, learning_rate=rate,
        batch_size=8, steps=steps, validate_every=1000, augment_probability=0.0,
    )  # fmt: skip
    report = train(options)
    files = evaluate(
        EvaluateOptions(
            detector=report.detector, out=str(tmp_path), dataset=str(packed), config="classification",
            split="train", conditions=("clean",), size=73, device="cpu", progress=False,
        )
    )  # fmt: skip
    scores = read_result(files[0]).scores
    assert scores["map"] > least
    assert np.isfinite(scores["acc"])
