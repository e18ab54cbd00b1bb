"""The cache folder: holds tiny checkpoints, built at their first use, and weights that are not on the Hub."""

import os
from collections.abc import Callable
from pathlib import Path

from builder.encoding.whole_file import whole_folder

TINY_VERSION = 3
"""Version in the folder name of the tiny checkpoints. Raise it whenever one of them is built differently."""


def cache_folder() -> Path:
    """`$DIFFSEG30K_CACHE`, else a folder of the user's cache."""
    if chosen := os.environ.get("DIFFSEG30K_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diffseg30k"


def tiny_folder(name: str, write: Callable[[Path], None]) -> Path:
    """Returns the folder of a tiny checkpoint, and writes the checkpoint first if it is missing.

    Args:
        write: writes the checkpoint to a folder; its random weights come from torch's seeded global generator.
    """
    folder = cache_folder() / f"tiny-{TINY_VERSION}" / name
    if folder.is_dir():
        return folder
    import torch

    def seeded(temporary: Path) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            write(temporary)

    return make_folder(folder, seeded)


def make_folder(folder: Path, write: Callable[[Path], None]) -> Path:
    """Makes a folder that is there whole or not at all, whichever process is first."""
    with whole_folder(folder) as temporary:
        write(Path(temporary))
    return folder
