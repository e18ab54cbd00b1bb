"""Makes the optimizer of a recipe and computes its learning rates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from benchmark.models.baseline import Baseline
from benchmark.models.recipes import Recipe

_FIRST_GAIN, _LATER_GAIN = 0.001, 0.002
"""Least improvement of the accuracy before and after the first drop of the rate, from CNNSpot's `train.py`."""


def make_optimizer(baseline: Baseline, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over the trainable parameters; each group has a `factor` on the learning rate."""
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in baseline.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(_treatment(baseline, name, parameter, recipe), []).append(parameter)
    listed = [
        {"params": parameters, "factor": factor, "weight_decay": decay, "lr": recipe.learning_rate * factor}
        for (factor, decay), parameters in groups.items()
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(listed, lr=recipe.learning_rate, momentum=recipe.momentum)
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return kind(listed, lr=recipe.learning_rate, betas=(0.9, 0.999))


def set_batch_norm_momentum(baseline: Baseline, momentum: float) -> None:
    """Sets the momentum of the backbone's batch normalisation."""
    for name, module in baseline.named_modules():
        if baseline.in_backbone(f"{name}.") and isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = momentum


def _treatment(baseline: Baseline, name: str, parameter, recipe: Recipe) -> tuple[float, float]:
    factor = recipe.backbone_factor if baseline.in_backbone(name) else recipe.head_factor
    bias = name.endswith("bias")
    if bias:
        factor *= recipe.bias_factor
    norm = parameter.ndim == 1 and not bias
    exempt = (bias and recipe.decay_exempt != "none") or (norm and recipe.decay_exempt == "bias and norm")
    return factor, 0.0 if exempt else recipe.weight_decay


@dataclass(frozen=True)
class Plateau:
    """The state of a `plateau` schedule.

    Attributes:
        rate: the present learning rate.
        best: the best validation accuracy; None before the first validation.
        waited: number of validations since the best.
        gain: least improvement over the best that counts.
    """

    rate: float
    best: float | None = None
    waited: int = 0
    gain: float = _FIRST_GAIN

    def gains(self, score: float) -> bool:
        """Whether a validation is a new best, which CNNSpot's `earlystop.py` saves."""
        return self.best is None or score >= self.best + self.gain

    def after(self, score: float, recipe: Recipe) -> Plateau:
        """The state after a validation."""
        if self.gains(score):
            return replace(self, best=score, waited=0)
        if self.waited + 1 < recipe.patience:
            return replace(self, waited=self.waited + 1)
        return Plateau(rate=self.rate / 10, gain=_LATER_GAIN)


def learning_rate(recipe: Recipe, step: int, plateau: Plateau) -> float:
    """The learning rate of update `step`, counted from 0, without the groups' factors."""
    rate = plateau.rate
    if recipe.schedule == "poly":
        rate *= (1 - step / recipe.steps) ** recipe.power
    if step < recipe.warmup:
        rate *= max(1e-6, (step + 1) / recipe.warmup)
    return rate


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float, least: float = 0.0) -> None:
    """Sets the rate of each group of parameters: `rate` times its factor, and at least `least`."""
    for group in optimizer.param_groups:
        group["lr"] = max(rate * group["factor"], least)
