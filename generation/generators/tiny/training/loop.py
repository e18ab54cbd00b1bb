"""The training loop of one network: timed by its own clock, stopped and resumed anywhere."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from builder.encoding.whole_file import whole_file

SAVE_EVERY = 120.0
LOG_EVERY = 30.0
"""Seconds."""

LEAST_RATE = 0.02
"""Of the highest learning rate, at the end."""

Loss = Callable[[float, np.random.Generator], Tensor]
"""Progress of 0 to 1 and a source of random numbers to the loss of a batch."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        minutes: of training.
        rate: learning rate at its highest; it falls as a cosine.
        warm_up: steps over which it rises.
        weight_decay: of AdamW.
        memory: of the weights' moving average, which is what is published.
    """

    minutes: float
    rate: float = 1.2e-3
    warm_up: int = 200
    weight_decay: float = 0.01
    memory: float = 0.998

    def rate_at(self, step: int, progress: float) -> float:
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return self.rate * min(1.0, (step + 1) / self.warm_up) * (fall * (1 - LEAST_RATE) + LEAST_RATE)


class Training:
    """A network in training, with its optimiser and the moving average of its weights.

    Args:
        network: whose parameters that require a gradient are trained.
        schedule: how long and how fast.
        file: where the state is kept, and resumed from if it is there.
        seed: of the data order and of the noise.
        earlier: weights to begin from where there is no state yet; None for the network's own.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        file: Path,
        seed: int,
        earlier: dict[str, Tensor] | None = None,
    ):
        self.schedule, self.file, self.seed = schedule, file, seed
        self._weights = {name: each for name, each in network.named_parameters() if each.requires_grad}
        self._average = {name: each.detach().clone() for name, each in self._weights.items()}
        self._optimiser = torch.optim.AdamW(
            self._weights.values(), lr=schedule.rate, betas=(0.9, 0.99), weight_decay=schedule.weight_decay
        )
        self.step, self.seconds = 0, 0.0
        if file.is_file():
            self._resume(torch.load(file, weights_only=True))
        elif earlier is not None:
            self._begin_from(earlier)

    def run(self, loss: Loss, scale: float, stop: Callable[[], bool]) -> None:
        """Trains until the time is up, or it is asked to stop; the state is saved then.

        Args:
            scale: of the schedule's minutes.
            stop: whether to stop, asked after each step.
        """
        budget, saved, logged = self.schedule.minutes * 60 * scale, self.seconds, self.seconds
        sums: list[float] = []
        torch.manual_seed(self.seed + self.step)
        draw = np.random.default_rng((self.seed, self.step))
        while self.seconds < budget and not stop():
            started = time.monotonic()
            sums.append(self._one_step(loss, self.seconds / budget, draw))
            self.seconds += time.monotonic() - started
            if self.seconds - logged > LOG_EVERY:
                self._log(sums, budget)
                sums, logged = [], self.seconds
            if self.seconds - saved > SAVE_EVERY:
                self.save()
                saved = self.seconds
        self.save()

    def save(self) -> None:
        """Writes the state, whole or not at all."""
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "weights": {name: each.detach() for name, each in self._weights.items()},
            "average": self._average,
            "optimiser": self._optimiser.state_dict(),
        }
        with whole_file(self.file) as temporary:
            torch.save(state, temporary)

    def _one_step(self, loss: Loss, progress: float, draw: np.random.Generator) -> float:
        for group in self._optimiser.param_groups:
            group["lr"] = self.schedule.rate_at(self.step, progress)
        value = loss(progress, draw)
        self._optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(self._weights.values(), 1.0)
        self._optimiser.step()
        self.step += 1
        keep = min(self.schedule.memory, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self._average.values()), list(self._weights.values()), 1 - keep)
        return value.item()

    def _log(self, sums: list[float], budget: float) -> None:
        line = f"{self.file.stem},{self.step},{self.seconds:.0f},{budget:.0f},{np.mean(sums):.5f}"
        print(line, flush=True)
        with (self.file.parent / "losses.csv").open("a") as log:
            log.write(line + "\n")

    def _begin_from(self, earlier: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(earlier[name])
                self._average[name].copy_(earlier[name])

    def _resume(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(state["weights"][name])
                self._average[name].copy_(state["average"][name])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]


def seconds_of(file: Path) -> float:
    """How long a network has been trained; 0 if not yet."""
    if not file.is_file():
        return 0.0
    return float(torch.load(file, weights_only=True, mmap=True)["seconds"])


def averages(file: Path) -> dict[str, Tensor]:
    """The moving averages of a network's trained parameters, from its state.

    Raises:
        FileNotFoundError: it has not been trained yet.
    """
    average: dict[str, Tensor] = torch.load(file, weights_only=True)["average"]
    return average
