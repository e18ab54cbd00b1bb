"""Finds out at once whether the Hub can be reached, instead of by retries of several libraries."""

import os
import socket
import sys
from urllib.parse import urlsplit
from urllib.request import getproxies

SECONDS = 3.0
"""How long a connection may take."""


def go_offline_if_unreachable() -> None:
    """Sets HF_HUB_OFFLINE for this process and its workers where the Hub does not answer.

    What is on this machine is then used, and what is not is an error at once. Behind a proxy nothing is tried.
    """
    if os.environ.get("HF_HUB_OFFLINE") or getproxies() or _reachable():
        return
    os.environ["HF_HUB_OFFLINE"] = "1"
    for module, name in (("huggingface_hub.constants", "HF_HUB_OFFLINE"), ("datasets.config", "HF_HUB_OFFLINE")):
        if module in sys.modules:
            setattr(sys.modules[module], name, True)


def _reachable() -> bool:
    url = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        with socket.create_connection((url.hostname or "", port), SECONDS):
            return True
    except OSError:
        return False
