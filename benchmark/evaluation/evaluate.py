"""`diffseg30k evaluate`: scores a detector on a split under each condition, and writes one result file for
each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np

from benchmark.data.dataset import Sample, decode, evaluation_split, load_rows, task_of
from benchmark.data.distortions import CLEAN, TABLE_3, Condition, chance, condition, distort
from benchmark.data.revision import dataset_revision
from benchmark.evaluation.answers import read_answer, read_score
from benchmark.evaluation.centre_crop import centre_crop_misses
from benchmark.evaluation.detector import Cost
from benchmark.evaluation.detectors import Detector, load_detector
from benchmark.evaluation.located import Located
from benchmark.evaluation.pairing import CONFIGS as PAIRED
from benchmark.evaluation.pairing import Counts, pair_key, sdxl_counts
from benchmark.evaluation.predictions import save_example, save_prediction
from benchmark.evaluation.results import Example, Result, scores_as_dict, seed_suffix, write_result
from benchmark.metrics import ClassificationMetrics, SegmentationMetrics
from benchmark.metrics.label_maps import resize_labels
from benchmark.models.checkpoint import installed_versions
from benchmark.models.registry import CLASSES, Task
from diffseg30k import CLASS_NAMES, DEFAULT_CONFIG, HELD_OUT_PAIRS, LABELS


@dataclass(frozen=True)
class EvaluateOptions:
    """The options of `evaluate`.

    Attributes:
        detector: the detector's name; see `detectors.load_detector`.
        out: output folder of the result files.
        dataset: a packed folder, a URL of one, or a dataset's name on the Hub.
        config: the config to evaluate on, which determines the task.
        split: the split; None for `test` of a held-out pair, else `validation`.
        conditions: names of conditions; see `distortions.condition`.
        size: side in pixels that images are resized to; None for the detector's own.
        as_classifier: whether a detector that segments scores whole images, by the probabilities of the pixels.
        name: the detector's name in files and tables; None for its own name.
        count: number of rows from the start; None for all.
        batch_size: images per batch.
        workers: number of threads that decode and distort.
        seed: seed of the distortions.
        examples: number of edited rows per condition that are saved with their predictions, for Figure 6.
        save_predictions: folder for every predicted label map, as CONDITION/ID.png; None saves none.
        streaming: whether rows are read on demand, without a copy on disk.
        device: `cpu`, `cuda`, or `auto` for a GPU if there is one.
        progress: whether a progress bar is shown.
    """

    detector: str
    out: str
    dataset: str = "diffseg30k"
    config: str = DEFAULT_CONFIG
    split: str | None = None
    conditions: tuple[str, ...] = TABLE_3
    size: int | None = None
    as_classifier: bool = False
    name: str | None = None
    count: int | None = None
    batch_size: int = 8
    workers: int = 2
    seed: int = 0
    examples: int = 4
    save_predictions: str | None = None
    streaming: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    progress: bool = True


@dataclass(frozen=True)
class _Facts:
    """What the results under all conditions have in common; see `results.Result`."""

    cost: Cost | None
    crop_misses: tuple[int, int] | None
    revision: str | None


def evaluate(options: EvaluateOptions) -> list[str]:
    """Evaluates a detector under every condition; returns the result files, one per condition, in order.

    Under `accelerate launch` the rows are divided among the processes, and the first process writes the files.

    Raises:
        ValueError, FileNotFoundError: an option is invalid, or the dataset or the detector does not exist or is
            for another task.
    """
    wanted = [condition(name) for name in options.conditions]
    if not wanted:
        raise ValueError("there is no condition to evaluate under")
    task = task_of(options.config)
    split = options.split or evaluation_split(options.config)
    detector = load_detector(options.detector, task, options.device, options.as_classifier)
    if options.name:
        detector = replace(detector, name=options.name)
    check_detector_fits(detector, options.config, wanted)
    detectors = [replace(detector.under(each.name), name=detector.name) for each in wanted]
    rows = load_rows(options.dataset, options.config, split, options.streaming)
    facts = _Facts(
        cost=detector.cost() if detector.cost else None,
        crop_misses=centre_crop_misses(options.dataset, options.config, split)
        if task == "classification"
        else None,
        revision=dataset_revision(options.dataset),
    )
    return [
        _evaluate(one, rows, task, split, each, options, facts)
        for one, each in zip(detectors, wanted, strict=True)
    ]


def check_detector_fits(detector: Detector, config: str, wanted: list[Condition]) -> None:
    """Raises an error for an evaluation whose scores would be meaningless.

    Raises:
        ValueError: the detector was trained on edits by the held-out pair, or has no gradient for an attack.
    """
    pairs = [pair for pair in HELD_OUT_PAIRS if config.endswith(f"heldout-{pair}")]
    if pairs and detector.trained_on and not detector.trained_on.endswith(f"heldout-{pairs[0]}"):
        raise ValueError(
            f"{detector.name} was trained on {detector.trained_on!r}, which contains edits by the pair that "
            f"{config!r} keeps for the test: train one on {config!r}"
        )
    if detector.loss is None and (attacks := [each.name for each in wanted if each.attack]):
        raise ValueError(f"{attacks[0]} is a white-box attack and {detector.name} has no gradient: leave it out")


def _evaluate(
    detector: Detector,
    rows,
    task: Task,
    split: str,
    wanted: Condition,
    options: EvaluateOptions,
    facts: _Facts,
) -> str:
    from accelerate.utils import gather_object

    started = time.perf_counter()
    metrics: Any = ClassificationMetrics() if task == "classification" else SegmentationMetrics(CLASSES[task])
    examples: list[Example] = []
    pairs: dict[str, Counts] = {}
    located = Located()
    for samples in _distorted(rows, task, wanted, detector, options):
        answers = _answers(detector, samples, task, options.as_classifier)
        truths = [sample.truth for sample in samples]
        turns = [sample.num_edits for sample in samples]
        located.add(samples, answers)
        if task != "classification":
            answers = [answer.labels for answer in answers]
            _save(samples, answers, wanted, detector, options, examples)
        metrics.update(truths, answers, None if None in turns else turns)
        if options.config in PAIRED and wanted.name == CLEAN:
            pairs |= _pairs(samples, answers)
    part = metrics, examples, pairs, located
    parts = gather_object([part]) if _processes()[1] > 1 else [part]
    for other, _, _, also in parts[1:]:
        parts[0][0].merge(other)
        parts[0][3].merge(also)
    metrics, _, _, located = parts[0]
    result = Result(
        detector=detector.name,
        architecture=detector.architecture,
        trained_on=detector.trained_on,
        dataset=options.dataset,
        config=options.config,
        split=split,
        task=task,
        condition=wanted.name,
        size=wanted.size or options.size or detector.size,
        seed=options.seed,
        scores=scores_as_dict(metrics.compute()),
        by_turns={str(turn): scores_as_dict(scores) for turn, scores in metrics.by_turns().items()},
        class_names=_class_names(task),
        examples=tuple(example for _, found, _, _ in parts for example in found)[: options.examples],
        seconds=round(time.perf_counter() - started, 3),
        versions=installed_versions(),
        cost=facts.cost,
        crop_misses=facts.crop_misses,
        training_seed=detector.training_seed,
        revision=facts.revision,
        estimates=located.compute(),
        sdxl_by_pair={key: counts for _, _, found, _ in parts for key, counts in found.items()},
        predictions=_predictions_folder(options, wanted) if task != "classification" else None,
    )
    if not result.scores["images"]:
        raise ValueError(f"{options.dataset}: the split {split!r} of {options.config!r} holds no rows")
    if _processes()[0]:
        return os.path.join(options.out, result.file_name)
    return write_result(result, options.out)


def _pairs(samples: list[Sample], answers: list) -> dict[str, Counts]:
    found = {}
    for sample, answer in zip(samples, answers, strict=True):
        assert isinstance(sample.truth, np.ndarray)
        if counts := sdxl_counts(sample.truth, answer):
            found[pair_key(sample.id, sample.truth)] = counts
    return found


def _class_names(task: Task) -> tuple[str, ...]:
    return {"semantic": CLASS_NAMES, "binary": ("background", "edited"), "classification": LABELS}[task]


def _processes() -> tuple[int, int]:
    """The rank of this process and the number of processes."""
    from accelerate import PartialState

    state = PartialState()
    return state.process_index, state.num_processes


def _distorted(
    rows, task: Task, wanted: Condition, detector: Detector, options: EvaluateOptions
) -> Iterator[list[Sample]]:
    """Yields batches of distorted rows, this process's share of them, in order."""
    from tqdm import tqdm

    index, processes = _processes()

    def make(row: dict) -> Sample:
        sample = decode(row, task)
        rng = chance(options.seed, wanted.name, sample.id)
        image, truth = distort(sample.image, sample.truth, wanted, options.size or detector.size, rng)
        return replace(sample, image=image, truth=truth)

    counts = [count for count in (getattr(rows, "num_rows", None), options.count) if count is not None]
    share = islice(islice(iter(rows), options.count), index, None, processes)
    with (
        ThreadPoolExecutor(max(1, options.workers)) as pool,
        tqdm(
            total=min(counts, default=None),
            desc=f"{detector.name} {wanted.name}",
            unit="image",
            disable=not options.progress or index > 0,
        ) as bar,
    ):
        # the next batch is decoded while this one is scored
        work = pool.map(make, islice(share, options.batch_size))
        while samples := list(work):
            work = pool.map(make, islice(share, options.batch_size))
            if wanted.attack:
                samples = [_attacked(sample, detector, wanted, options.seed) for sample in samples]
            yield samples
            bar.update(len(samples) * processes)


def _attacked(sample: Sample, detector: Detector, wanted: Condition, seed: int) -> Sample:
    from benchmark.evaluation.attack import projected_gradient

    assert detector.loss is not None
    assert wanted.attack is not None
    loss = detector.loss
    image = projected_gradient(
        sample.image,
        lambda picture: loss(picture, sample.truth),
        wanted.attack,
        chance(seed, wanted.name, sample.id),
        detector.device,
    )
    return replace(sample, image=image)


def _answers(detector: Detector, samples: list[Sample], task: Task, as_classifier: bool) -> list:
    answers = detector.detect([sample.image for sample in samples], [sample.id for sample in samples])
    if len(answers) != len(samples):
        raise ValueError(f"{detector.name} gave {len(answers)} answers for {len(samples)} images")
    named = [f"what {detector.name} gave for row {sample.id}" for sample in samples]
    if task == "classification":
        return [read_score(answer, where, as_classifier) for answer, where in zip(answers, named, strict=True)]
    return [read_answer(answer, task, where) for answer, where in zip(answers, named, strict=True)]


def _predictions_folder(options: EvaluateOptions, wanted: Condition) -> str | None:
    """Where the label maps are, relative to the result files."""
    if options.save_predictions is None:
        return None
    return os.path.relpath(os.path.join(options.save_predictions, wanted.name), options.out)


def _save(
    samples, answers, wanted: Condition, detector: Detector, options: EvaluateOptions, examples: list[Example]
):
    for sample, answer in zip(samples, answers, strict=True):
        if options.save_predictions:
            save_prediction(answer, os.path.join(options.save_predictions, wanted.name, f"{sample.id}.png"))
        if len(examples) < options.examples and np.any(sample.truth):
            prediction = resize_labels(answer, sample.truth.shape)
            stem = f"{detector.name}{seed_suffix(detector.training_seed)}--{options.config}--{wanted.name}"
            examples.append(save_example(options.out, stem, sample, prediction))
