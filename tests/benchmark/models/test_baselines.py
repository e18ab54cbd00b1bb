"""The baselines: their shapes, their published weights, and that each overfits eight images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

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


def test_deeplab_has_the_papers_encoder_output_stride_and_atrous_rates():
    baseline = build(ModelSpec("deeplabv3plus", "resnet50", "semantic", 512), pretrained=False)
    rates = {
        module.dilation for module in baseline.network.decoder.aspp.modules() if isinstance(module, nn.Conv2d)
    }
    assert rates == {(1, 1), (6, 6), (12, 12), (18, 18)}
    features = baseline.network.encoder(torch.rand(1, 3, 64, 64))
    assert features[-1].shape[1:] == (2048, 4, 4), "output stride 16"


def test_fcn8s_at_full_width_has_the_published_number_of_parameters():
    with torch.device("meta"):
        network = FCN8s(classes=21)
    counted = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    vgg16_without_its_last_layer = 138_357_544 - 4097 * 1000
    assert counted == vgg16_without_its_last_layer + (4097 + 513 + 257) * 21
    assert network.stages[0][0].padding == (100, 100)


def test_fcn8s_upsamples_bilinearly_and_keeps_that_fixed():
    network = FCN8s(classes=2, width=0.05)
    ones = torch.ones(1, 2, 6, 6)
    for layer, factor in ((network.upscore_fc7, 2), (network.upscore_pool3, 8)):
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
    assert network.stages[4][4].weight.unique().tolist() == [12.0]
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
    "fcn8s": TrainOptions(out="", architecture="fcn8s", width=0.125, steps=100, learning_rate=3e-6),
    "deeplabv3plus": TrainOptions(out="", encoder="resnet18", steps=80, learning_rate=0.1),
    "segformer": TrainOptions(out="", architecture="segformer", encoder="mit_b0", steps=120, learning_rate=2e-3),
    "mask2former": TrainOptions(
        out="", architecture="mask2former", encoder="swin-nano", steps=150, learning_rate=3e-3
    ),
    "unet": TrainOptions(out="", architecture="unet", encoder=SMALLEST, steps=80, learning_rate=0.1),
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
    least = 0.3 if architecture == "fcn8s" else 0.9
    assert read_result(files[0]).scores["miou"] > least
    one, other = load_baseline(report.detector)[0], load_baseline(report.detector)[0]
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(one(image), other(image))


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
