"""Resolves the options for the device and the number of workers on this machine."""

import os


def resolve_device(device: str) -> str:
    """Resolves `auto` to `cuda` if there is a GPU, else to `cpu`; checks any other name.

    Raises:
        ValueError: the device does not exist here.
    """
    import torch

    gpus = torch.cuda.device_count()
    if device == "auto":
        return "cuda" if gpus else "cpu"
    kind, _, index = device.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdigit()):
        raise ValueError(f"--device {device}: give auto, cpu, cuda or cuda:N")
    if kind == "cuda" and gpus <= int(index or 0):
        raise ValueError(f"--device {device}: there are {gpus} GPUs on this machine")
    return device


def resolve_workers(workers: int | None, device: str) -> int:
    """The number asked for; without one, a worker per GPU or per processor core that this process may use."""
    if workers is not None:
        return workers
    if device == "cpu":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    import torch

    return torch.cuda.device_count() if device == "cuda" else 1
