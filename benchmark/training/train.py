"""`diffseg30k train`: trains a baseline on a packed dataset."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import nn

from benchmark.data.cache import CacheOptions, CacheSource, cached_rows
from benchmark.data.dataset import load_rows
from benchmark.data.feed import FeedOptions, as_images, split_off, train_batches
from benchmark.models.baseline import Baseline
from benchmark.models.checkpoint import (
    CHECKPOINTS,
    Trained,
    installed_versions,
    load_detector_weights,
    read_state,
    save_checkpoint,
    save_detector,
)
from benchmark.models.recipes import Recipe
from benchmark.models.registry import build
from benchmark.training.log import Clock, Log
from benchmark.training.optimisation import (
    Plateau,
    learning_rate,
    make_optimizer,
    set_batch_norm_momentum,
    set_learning_rate,
)
from benchmark.training.options import Best, TrainOptions, TrainReport
from benchmark.training.resume import folder_to_resume
from benchmark.training.validation import Share, Validation, validate
from diffseg30k import derived_seed

__all__ = ["TrainOptions", "TrainReport", "train"]


class _Loss(nn.Module):
    """A module that computes the loss, because data parallelism wraps a module's call."""

    def __init__(self, baseline: Baseline):
        super().__init__()
        self.baseline = baseline

    def forward(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.baseline.loss(images, targets)


def train(options: TrainOptions) -> TrainReport:
    """Trains a baseline; run it under `accelerate launch` for several GPUs.

    On a CPU an interrupted and resumed training ends with the same weights, bit for bit, as an uninterrupted one;
    with `streaming` this holds for the same number of workers. Several processes validate together, and the first
    decides for all.

    Raises:
        ValueError, FileNotFoundError: an option is invalid, the dataset does not exist, or `out` cannot be
            resumed.
    """
    return _Training(options).run()


class _Training:
    def __init__(self, options: TrainOptions):
        from accelerate import Accelerator
        from accelerate.utils import set_seed

        self.options, self.recipe, self.spec = options, options.recipe(), options.model()
        self.restored = folder_to_resume(options)
        self.rows, self.kept = _rows(options, self.recipe)
        self.validate_every = _validate_every(self.rows, self.kept, self.recipe)
        precision = _precision(options)
        self.accelerator = Accelerator(mixed_precision=precision, cpu=options.device == "cpu")
        set_seed(options.seed)
        if self.accelerator.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
        pretrained = options.weights == "imagenet" and self.restored is None
        self.baseline = build(self.spec, pretrained)
        if options.weights == "imagenet" and self.recipe.batch_norm_momentum:
            set_batch_norm_momentum(self.baseline, self.recipe.batch_norm_momentum)
        self.optimizer: Any = make_optimizer(self.baseline, self.recipe)
        self.plateau, self.step = Plateau(self.recipe.learning_rate), 0
        self.best: Best | None = None
        self.position: dict | None = None
        self._share_batch_norm()
        self.loss_module: Any = _Loss(self.baseline)
        if self.restored:
            load_detector_weights(self.restored, self.baseline)
        self.loss_module, self.optimizer = self.accelerator.prepare(self.loss_module, self.optimizer)
        if self.restored:
            self._restore(read_state(self.restored))

    def _restore(self, state: dict) -> None:
        self.step = state["step"]
        self.plateau = Plateau(**state["plateau"])
        self.best = Best(**state["best"]) if state["best"] else None
        positions = state["positions"]  # of a stream, one a process; with another number of them it is refused
        self.position = positions[min(self.accelerator.process_index, len(positions) - 1)]
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"] and self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])

    def _share_batch_norm(self) -> None:
        """Lets batch normalisation see the batch of all processes; torch has that for GPUs only."""
        if self.accelerator.num_processes > 1 and self.accelerator.device.type == "cuda":
            self.baseline = torch.nn.SyncBatchNorm.convert_sync_batchnorm(self.baseline)

    def run(self) -> TrainReport:
        from tqdm import tqdm

        last = self.recipe.steps
        if self.options.stop_after is not None:
            last = min(last, self.options.stop_after)
        clock = Clock(self.recipe.batch_size)
        known = self.recipe.schedule != "plateau" or self.options.stop_after is not None
        main = self.accelerator.is_main_process
        with (
            tqdm(
                total=last if known else None,
                initial=self.step,
                unit="step",
                desc=f"train {self.spec.architecture}",
                smoothing=0.05,
                disable=not (self.options.progress and main),
            ) as bar,
            Log(self.options.out, self.step, main) as log,
        ):
            ended = self._loop(last, clock, log, bar)
        report = TrainReport(None, self.step, clock.loss, clock.images_per_second, clock.data_share, self.best)
        if not ended:
            return report
        return replace(report, detector=self._finish())

    def _loop(self, last: int, clock: Clock, log: Log, bar) -> bool:
        """Trains up to step `last`; returns whether the training is complete."""
        if self.step >= last:
            return self.step >= self.recipe.steps
        self.loss_module.train()
        losses: list[torch.Tensor] = []
        told: dict[str, str] = {}
        batches = self._batches()
        for images, targets in clock.waiting_for(iter(batches)):
            losses.append(self._update(images, targets))
            self.step += 1
            bar.update()
            over = self.step >= self.recipe.steps
            if self.validate_every and self.step % self.validate_every == 0:
                over |= self._validate(log, told)
            if over or self.step % self.options.log_every == 0:
                clock.loss = float(self.accelerator.reduce(torch.stack(losses).mean(), "mean"))
                losses.clear()
                log.write(self.step, self.optimizer.param_groups[0]["lr"], clock)
                bar.set_postfix(loss=f"{clock.loss:.4g}", data=f"{clock.data_share:.0%}", **told)
                _check_finite(clock.loss, self.step)
            stop = over or self.step >= last
            if stop or self.step % self.options.checkpoint_every == 0:
                self.position = batches.position()
                self._checkpoint()
            if stop:
                clock.stop()
                return over
        raise RuntimeError("the batches ended before the training did")

    def _batches(self):
        return train_batches(
            self.rows,
            FeedOptions(
                task=self.spec.task,
                recipe=self.recipe,
                size=self.spec.size,
                seed=self.options.seed,
                rank=self.accelerator.process_index,
                processes=self.accelerator.num_processes,
                workers=self.options.decoding_workers(),
                start=self.step,
            ),
            self.position,
        )

    def _update(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        device = self.accelerator.device
        least = self.recipe.least_rate if self.recipe.schedule == "poly" else 0.0
        set_learning_rate(self.optimizer, learning_rate(self.recipe, self.step, self.plateau), least)
        # Dropout draws from torch's own generator: seeded by the step, it needs no state of its own to resume.
        torch.manual_seed(derived_seed(self.options.seed, self.step, self.accelerator.process_index))
        self.optimizer.zero_grad()
        with self.accelerator.autocast():
            loss = self.loss_module(as_images(images, device), targets.to(device, non_blocking=True))
        self.accelerator.backward(loss)
        if self.recipe.clip_norm:
            self.accelerator.clip_grad_norm_(self.loss_module.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        return loss.detach().float()

    def _validate(self, log: Log, told: dict[str, str]) -> bool:
        """Scores the rows kept for validation, and keeps the best weights.

        Args:
            told: what the bar shows beside the loss.

        Returns:
            Whether the rate fell below the recipe's least rate.
        """
        self._share_buffers()
        found = self._scored()
        self.loss_module.train()
        name = found.measure.lower()
        log.add("validation/loss", found.loss, self.step)
        log.add(f"validation/{name}", found.score, self.step)
        told |= {"validation": f"{found.loss:.4g}", name: f"{found.score:.3f}"}
        from accelerate.utils import broadcast_object_list

        decided = [self._decide(found)]
        broadcast_object_list(decided)
        better, self.plateau = decided[0]
        if better:
            self.best = Best(found.measure, found.score, self.step)
            if self.accelerator.is_main_process:
                save_detector(self._best, self.baseline, self._trained())
        return self.recipe.schedule == "plateau" and self.plateau.rate < self.recipe.least_rate

    def _scored(self) -> Validation:
        accelerator = self.accelerator
        share = Share(
            accelerator.process_index, accelerator.num_processes, lambda counts: accelerator.reduce(counts, "sum")
        )
        return validate(self.baseline, self.kept, self.spec, accelerator.device, self._local_batch, share)

    def _decide(self, found: Validation) -> tuple[bool, Plateau]:
        """Whether the weights are the best so far, and the state of the schedule."""
        if self.recipe.schedule == "plateau":
            return self.plateau.gains(found.score), self.plateau.after(found.score, self.recipe)
        return self.best is None or found.score > self.best.score, self.plateau

    def _share_buffers(self) -> None:
        """Gives every process the buffers of the first, such as the statistics of batch normalisation."""
        if self.accelerator.num_processes > 1:
            for buffer in self.baseline.buffers():
                torch.distributed.broadcast(buffer, 0)

    @property
    def _local_batch(self) -> int:
        return max(1, self.recipe.batch_size // self.accelerator.num_processes)

    @property
    def _best(self) -> str:
        return os.path.join(self.options.out, CHECKPOINTS, "best")

    def _trained(self) -> Trained:
        training = {"options": asdict(self.options), "recipe": asdict(self.recipe)}
        options = self.options
        return Trained(self.spec, options.dataset, options.config, self.step, training, installed_versions())

    def _checkpoint(self) -> None:
        from accelerate.utils import gather_object

        positions = gather_object([self.position])
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            scaler = self.accelerator.scaler
            state = {
                "step": self.step,
                "plateau": asdict(self.plateau),
                "best": asdict(self.best) if self.best else None,
                "positions": positions,
                "optimizer": self.optimizer.state_dict(),
                "scaler": scaler.state_dict() if scaler else None,
            }
            save_checkpoint(self.options.out, self.baseline, self._trained(), state)

    def _finish(self) -> str:
        """Writes the detector to `out`: that of the best validation where the recipe says so, or the last one."""
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            if self.best and self.recipe.detector == "best":
                shutil.copytree(self._best, self.options.out, dirs_exist_ok=True)
            else:
                save_detector(self.options.out, self.baseline, self._trained())
        self.accelerator.wait_for_everyone()
        return self.options.out


def _rows(options: TrainOptions, recipe: Recipe):
    """The rows to train on, and the rows kept for validation, where the recipe or an option asks for one."""
    rows = load_rows(options.dataset, options.config, "train", options.streaming)
    if options.cache:
        source = CacheSource(options.dataset, options.config, recipe.preparation, options.model().size)
        rows = cached_rows(rows, source, CacheOptions(options.cache, options.decoding_workers(), options.progress))
    validated = recipe.schedule == "plateau" or recipe.validate_every
    return split_off(rows, recipe.validation_share if validated else 0.0)


def _validate_every(rows, kept, recipe: Recipe) -> int:
    """Steps between validations; those of one epoch if the recipe has no number; 0 for no validation."""
    if kept is None:
        return 0
    if hasattr(kept, "__len__") and not len(kept):
        raise ValueError(
            f"of {len(rows)} rows none is kept for validation: give a larger --validation-share "
            f"than {recipe.validation_share:g}"
        )
    if recipe.validate_every:
        return recipe.validate_every
    if not hasattr(rows, "__len__"):
        raise ValueError("the length of an epoch is unknown with --streaming: give --validate-every STEPS")
    return max(1, len(rows) // recipe.batch_size)


def _precision(options: TrainOptions) -> str:
    gpu = options.device != "cpu" and torch.cuda.is_available()
    if options.device == "cuda" and not gpu:
        raise ValueError("there is no GPU that torch can use: leave out --device cuda")
    if options.mixed_precision != "auto":
        return options.mixed_precision
    if not gpu:
        return "no"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"


def _check_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise ValueError(f"the loss became {loss} by step {step}: try a lower --learning-rate")
