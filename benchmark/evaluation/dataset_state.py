"""Says which state of a dataset was evaluated, so that a result can be repeated."""

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
