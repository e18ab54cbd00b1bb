"""Makes detectors of trained baselines and of published weights, with torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmark.data.feed import as_images
from benchmark.evaluation.answers import CLASSIFIER_SHARE, Answer
from benchmark.evaluation.detector import Cost, Detector
from benchmark.models.baseline import Baseline
from benchmark.models.checkpoint import load_baseline
from benchmark.models.classification import load_published
from benchmark.models.recipes import size_for
from benchmark.models.registry import ENCODERS, ModelSpec, Task, build


def trained(folder: str, task: Task, device: str = "auto", as_classifier: bool = False) -> Detector:
    """Loads the detector in a training's output folder.

    Raises:
        ValueError: it was trained for another task.
    """
    baseline, about = load_baseline(folder)
    made_for = about.model.task
    segments_as_classifier = as_classifier and task == "classification" and made_for != "classification"
    if made_for != task and not segments_as_classifier:
        hint = "; add --as-classifier to score whole images with it" if task == "classification" else ""
        raise ValueError(
            f"{folder} was trained for {made_for} ({about.model.classes} classes), not for {task}{hint}"
        )
    device = chosen_device(device)
    baseline.to(device)
    name = f"{about.model.architecture}-{about.model.encoder}".replace("/", "-")
    common: dict[str, Any] = {
        "task": task,
        "device": device,
        "architecture": about.model.architecture,
        "trained_on": about.config,
        "training_seed": about.training.get("options", {}).get("seed"),
    }
    if segments_as_classifier:
        return Detector(
            name=f"{name}-as-classifier",
            detect=lambda images, ids: _detect(baseline, images, device, whole_image_scores),
            size=about.model.size,
            loss=lambda image, truth: _as_classifier_loss(baseline, image, truth),
            cost=lambda: measured_cost(baseline, about.model.size, device),
            **common,
        )
    return _detector(baseline, name, about.model, common, device)


def published(kind: str, file: str, task: Task, device: str = "auto") -> Detector:
    """Loads a classifier with its authors' weights; CLIP's own weights come from the Hub."""
    if task != "classification":
        raise ValueError(f"{kind} classifies whole images; it cannot be evaluated on {task}")
    spec = ModelSpec(kind, ENCODERS[kind], "classification", size_for(kind))
    baseline = build(spec, pretrained=kind == "universalfakedet")
    load_published(baseline, file)  # type: ignore[arg-type]
    device = chosen_device(device)
    baseline.eval().to(device)
    common: dict[str, Any] = {"task": task, "device": device, "architecture": kind, "trained_on": None}
    return _detector(baseline, f"{kind}-published", spec, common, device)


def _detector(baseline: Baseline, name: str, spec: ModelSpec, common: dict, device: str) -> Detector:
    classifies = spec.task == "classification"
    answer = _scores if classifies else _label_maps

    def loss(image: torch.Tensor, truth: np.ndarray | int) -> torch.Tensor:
        return baseline.loss(image, _target(truth, image, classifies))

    return Detector(
        name=name,
        detect=lambda images, ids: _detect(baseline, images, device, answer),
        size=None if classifies else spec.size,
        loss=loss,
        cost=lambda: measured_cost(baseline, spec.size, device),
        **common,
    )


@torch.no_grad()
def measured_cost(baseline: Baseline, side: int, device: str) -> Cost:
    """Counts the parameters, and by `torch.utils.flop_counter` the operations for one image of `side` pixels."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        baseline(torch.zeros(1, 3, side, side, device=device))
    return Cost(sum(each.numel() for each in baseline.parameters()), counter.get_total_flops(), side)


def chosen_device(device: str) -> str:
    """Resolves `auto` to `cuda` if torch can use a GPU, else to `cpu`.

    Raises:
        ValueError: `cuda` is given and torch can use no GPU.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("torch can use no GPU on this machine: leave out --device cuda")
    return device


@torch.no_grad()
def _detect(baseline: Baseline, images: Sequence[np.ndarray], device: str, answer) -> list:
    """Runs the network on images and returns the answers in order; images of equal shape form a batch."""
    answers: list = [None] * len(images)
    for shape in dict.fromkeys(image.shape for image in images):
        places = [place for place, image in enumerate(images) if image.shape == shape]
        batch = torch.from_numpy(np.stack([images[place] for place in places]))
        for place, found in zip(places, answer(baseline(as_images(batch, device))), strict=True):
            answers[place] = found
    return answers


def _label_maps(logits: torch.Tensor) -> list[Answer]:
    labels = logits.argmax(dim=1).to(torch.uint8).cpu().numpy()
    edited = (1 - logits.float().softmax(dim=1)[:, 0]).clamp(0, 1).cpu().numpy()
    return [Answer(*each) for each in zip(labels, edited, strict=True)]


def _scores(logits: torch.Tensor) -> list[float]:
    return torch.sigmoid(logits.double()).tolist()


def whole_image_scores(logits: torch.Tensor) -> list[float]:
    """Scores of whole images, 0 (real) to 1 (edited), from (N, C, H, W) logits of a segmentation model.

    The score is the mean probability "edited" of the hundredth of the pixels with the highest one: a single
    outlier does not determine it, and an edit of a hundredth of the image does.
    """
    edited = 1 - logits.double().softmax(dim=1)[:, 0].flatten(1)
    count = max(1, round(edited.shape[1] * CLASSIFIER_SHARE))
    return edited.topk(count, dim=1).values.mean(dim=1).clamp(0, 1).tolist()


def _as_classifier_loss(baseline: Baseline, image: torch.Tensor, truth) -> torch.Tensor:
    edited = 1 - baseline(image).softmax(dim=1)[:, 0].flatten(1)
    count = max(1, round(edited.shape[1] * CLASSIFIER_SHARE))
    score = edited.topk(count, dim=1).values.mean().clamp(1e-6, 1 - 1e-6)
    return -torch.log(score if truth else 1 - score)


def _target(truth: np.ndarray | int, image: torch.Tensor, classifies: bool) -> torch.Tensor:
    if classifies:
        return torch.tensor([int(truth)], device=image.device)
    from benchmark.metrics.label_maps import resize_labels

    labels = resize_labels(np.asarray(truth), tuple(image.shape[-2:]))
    return torch.from_numpy(np.array(labels))[None].to(image.device)
