"""Saves and loads detectors (safetensors and a JSON description), and the checkpoints of a training."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass
from importlib import metadata

import torch

from benchmark.models.baseline import Baseline
from benchmark.models.registry import ModelSpec, build
from builder.encoding.json_document import JsonDocument
from builder.encoding.whole_file import UNFINISHED, whole_file, whole_folder, write_whole

DESCRIPTION, WEIGHTS = "detector.json", "model.safetensors"
FORMAT = 1
PACKAGES = (
    "torch",
    "torchvision",
    "segmentation-models-pytorch",
    "timm",
    "transformers",
    "datasets",
    "numpy",
    "pillow",
)


@dataclass(frozen=True)
class Trained:
    """The description of a trained detector, written as JSON.

    Attributes:
        model: the model to build.
        dataset, config: the data that it was trained on.
        step: number of updates.
        training: options and recipe of the training.
        versions: versions of the libraries in training.
    """

    model: ModelSpec
    dataset: str
    config: str
    step: int
    training: dict
    versions: dict[str, str]


def installed_versions() -> dict[str, str]:
    """Versions of the installed libraries that results depend on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def save_detector(folder: str, baseline: Baseline, trained: Trained) -> None:
    """Writes weights, then the description: a folder with a description is a complete detector."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in baseline.state_dict().items()}
    with whole_file(os.path.join(folder, WEIGHTS)) as temporary:
        save_file(_unshared(tensors), temporary)
    write_whole(os.path.join(folder, DESCRIPTION), _TRAINED.dump(asdict(trained)))


def _unshared(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors, with copies of those that share memory, which safetensors rejects."""
    seen: set[int] = set()
    out = {}
    for name, value in tensors.items():
        out[name] = value.clone() if value.data_ptr() in seen else value
        seen.add(value.data_ptr())
    return out


def read_description(folder: str) -> Trained:
    """Reads the description in a detector's folder.

    Raises:
        FileNotFoundError: the folder holds no detector.
        ValueError: its description has another format.
    """
    file = os.path.join(folder, DESCRIPTION)
    if not os.path.isfile(file):
        raise FileNotFoundError(f"{folder} holds no trained detector: there is no {DESCRIPTION} in it")
    with open(file, "rb") as opened:
        return _TRAINED.load(opened.read(), file)


_TRAINED = JsonDocument(
    "the description of a detector",
    FORMAT,
    lambda fields: Trained(**fields | {"model": ModelSpec(**fields["model"])}),
    "train it anew, or copy its folder again",
)


def load_detector_weights(folder: str, baseline: Baseline) -> None:
    """Loads a detector's weights into a baseline of the same kind.

    Raises:
        ValueError: the file is damaged, or its weights have other names or shapes.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = os.path.join(folder, WEIGHTS)
    try:
        weights = load_file(file)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from error
    own = baseline.state_dict()
    for name in sorted(own.keys() | weights.keys()):
        here, there = own.get(name), weights.get(name)
        if here is None or there is None:
            raise ValueError(f"{file} does not fit its {DESCRIPTION}: {name} is in only one of the two")
        if here.shape != there.shape:
            raise ValueError(
                f"{file} does not fit its {DESCRIPTION}: {name} is {tuple(there.shape)} and should be "
                f"{tuple(here.shape)}; is it of another number of classes?"
            )
    baseline.load_state_dict(weights)


def load_baseline(folder: str) -> tuple[Baseline, Trained]:
    """Loads a trained detector onto the CPU, in evaluation mode."""
    trained = read_description(folder)
    baseline = build(trained.model, pretrained=False)
    load_detector_weights(folder, baseline)
    return baseline.eval(), trained


# ── Checkpoints of a training ─────────────────────────────────────────────────────────────────────

CHECKPOINTS, STATE = "checkpoints", "training.pt"
_STEP = "step-"


def checkpoint_folder(out: str, step: int) -> str:
    return os.path.join(out, CHECKPOINTS, f"{_STEP}{step:08d}")


def save_checkpoint(out: str, baseline: Baseline, trained: Trained, state: dict) -> None:
    """Writes a checkpoint from which a training can resume, and deletes the previous one."""
    place = checkpoint_folder(out, trained.step)
    with whole_folder(place, replace=True) as temporary:
        save_detector(temporary, baseline, trained)
        torch.save(state, os.path.join(temporary, STATE))
    for older in _checkpoints(out)[:-1]:
        shutil.rmtree(older)


def _checkpoints(out: str) -> list[str]:
    root = os.path.join(out, CHECKPOINTS)
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return [os.path.join(root, name) for name in names if name.startswith(_STEP) and not name.endswith(UNFINISHED)]


def last_checkpoint(out: str) -> str | None:
    """The folder of a training's newest checkpoint; None if there is none."""
    found = _checkpoints(out)
    return found[-1] if found else None


def read_state(folder: str) -> dict:
    """Reads the `state` that was passed to `save_checkpoint`."""
    return torch.load(os.path.join(folder, STATE), map_location="cpu", weights_only=True)
