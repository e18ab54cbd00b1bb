"""Imports the heavy modules in the fork server, so that no worker has to; no other process imports this module.

While the imports run, for seconds, the fork server would not notice that its command has died; a thread here does.
"""

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from generation.editing.executors.worker_process import COMMAND

MODULES = ("generation.editing.worker", "diffusers.pipelines.pipeline_utils")
"""The second imports torch and transformers, the largest part of every pipeline's imports."""

POLL_SECONDS = 0.2
"""Seconds between two checks that the command is running."""


@contextmanager
def _exit_without(command: int) -> Iterator[None]:
    """Ends this process when its parent is no longer the command. The watching thread ends before any fork."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if os.getppid() != command:
                os._exit(1)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _preload(command: int) -> None:
    with _exit_without(command):
        for name in MODULES:
            with suppress(Exception):  # the worker that needs the module reports its error
                importlib.import_module(name)


if command := os.environ.get(COMMAND):
    _preload(int(command))
