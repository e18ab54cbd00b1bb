"""Says which state a dataset is in."""

from __future__ import annotations

import hashlib
import os

MANIFEST = "diffseg30k.json"
"""The file of a dataset that `builder.dataset.manifest` writes."""


def dataset_revision(dataset: str) -> str | None:
    """The commit of a dataset on the Hub, or the SHA-256 of a folder's manifest, which names every shard.

    Both in twelve digits; None where there is neither: for a folder without a manifest, or away from the Hub.

    Args:
        dataset: a packed folder, a URL of one, or a dataset's name on the Hub.
    """
    if "://" in dataset:
        return None
    if os.path.isdir(dataset):
        try:
            with open(os.path.join(dataset, MANIFEST), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()[:12]
        except FileNotFoundError:
            return None
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return (HfApi().dataset_info(dataset).sha or "")[:12] or None
    except (HfHubHTTPError, OSError):
        return None


def state_of_shards(folder: str) -> str:
    """Sixteen digits that change with any shard of a packed folder; the same for all URLs."""
    digest = hashlib.sha256()
    for place, _, names in sorted(os.walk(folder)) if "://" not in folder else []:
        for name in sorted(names):
            if name.endswith(".parquet"):
                state = os.stat(os.path.join(place, name))
                digest.update(f"{place}/{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
