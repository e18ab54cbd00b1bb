"""What the fork server imports once, so that no worker has to; no other process imports this module.

The fork server ends by itself when its command has died, but not before its imports are done, which takes seconds.
"""

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from generation.editing.executors.worker_process import COMMAND

MODULES = ("generation.editing.worker", "diffusers.pipelines.pipeline_utils")
"""The second imports torch and transformers, which is nearly all that any pipeline takes."""

LOOK = 0.2
"""Seconds between two looks whether the command is there."""


@contextmanager
def _ending_with(command: int) -> Iterator[None]:
    """Ends this process if its parent is no longer the command. Its thread is over before anything forks."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(LOOK):
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
    with _ending_with(command):
        for name in MODULES:
            with suppress(Exception):  # a worker that needs it says what is wrong with it
                importlib.import_module(name)


if command := os.environ.get(COMMAND):
    _preload(int(command))
