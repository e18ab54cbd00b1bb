"""Finds out at once whether the Hub can be reached, instead of by retries of several libraries."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

OFFLINE = "HF_HUB_OFFLINE"
SECONDS = 3.0
"""How long a connection may take."""


def go_offline_if_unreachable() -> None:
    """Sets HF_HUB_OFFLINE for this command and its workers where the Hub does not answer.

    What is on this machine is then used, and what is not is an error at once. Behind a proxy nothing is tried.
    """
    if not (os.environ.get(OFFLINE) or getproxies() or _reachable()):
        os.environ[OFFLINE] = "1"
        _tell_libraries(True)


@contextmanager
def network_restored() -> Iterator[None]:
    """A context at whose end the process is as much online as at its beginning."""
    before = os.environ.get(OFFLINE)
    try:
        yield
    finally:
        if os.environ.get(OFFLINE) != before:
            os.environ.pop(OFFLINE)
            _tell_libraries(False)


def _tell_libraries(offline: bool) -> None:
    """Sets what those that are imported already have read from the environment."""
    for module in ("huggingface_hub.constants", "datasets.config"):
        if module in sys.modules:
            setattr(sys.modules[module], OFFLINE, offline)


def _reachable() -> bool:
    url = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        with socket.create_connection((url.hostname or "", port), SECONDS):
            return True
    except OSError:
        return False
