"""Detectors on the disk: safetensors, and a JSON file with everything needed to build and evaluate them."""

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
    """A detector's description.

    Attributes:
        model: how to build it.
        dataset, config: what it was trained on.
        step: after how many updates.
        training: the options and the recipe of the training, for the record.
        versions: of the libraries it was trained with.
    """

    model: ModelSpec
    dataset: str
    config: str
    step: int
    training: dict
    versions: dict[str, str]


def installed_versions() -> dict[str, str]:
    """The versions of the libraries that a result depends on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def save_detector(folder: str, baseline: Baseline, trained: Trained) -> None:
    """Writes the two files; the description, by which a folder counts as a detector, comes last."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in baseline.state_dict().items()}
    with whole_file(os.path.join(folder, WEIGHTS)) as temporary:
        save_file(_unshared(tensors), temporary)
    write_whole(os.path.join(folder, DESCRIPTION), _TRAINED.dump(asdict(trained)))


def _unshared(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors, copied where two names share memory, which safetensors refuses."""
    seen: set[int] = set()
    out = {}
    for name, value in tensors.items():
        out[name] = value.clone() if value.data_ptr() in seen else value
        seen.add(value.data_ptr())
    return out


def read_description(folder: str) -> Trained:
    """The description in a detector's folder.

    Raises:
        FileNotFoundError: the folder holds no detector.
        ValueError: its description is not one of ours.
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
        ValueError: the file is damaged, or holds weights of another shape: of another number of classes, say.
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
    """A trained detector, on the CPU, ready to evaluate."""
    trained = read_description(folder)
    baseline = build(trained.model, pretrained=False)
    load_detector_weights(folder, baseline)
    return baseline.eval(), trained


# ── Trainings that go on ──────────────────────────────────────────────────────────────────────────

CHECKPOINTS, STATE = "checkpoints", "training.pt"
_STEP = "step-"


def checkpoint_folder(out: str, step: int) -> str:
    return os.path.join(out, CHECKPOINTS, f"{_STEP}{step:08d}")


def save_checkpoint(out: str, baseline: Baseline, trained: Trained, state: dict) -> None:
    """Writes a checkpoint that a training can go on from, and drops the one before it."""
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
    """The folder of the newest checkpoint of a training, None where there is none."""
    found = _checkpoints(out)
    return found[-1] if found else None


def read_state(folder: str) -> dict:
    """What `save_checkpoint` was given as the state."""
    return torch.load(os.path.join(folder, STATE), map_location="cpu", weights_only=True)
