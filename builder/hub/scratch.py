"""Temporary folders of pushes, of which those that a killed process left behind are removed."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

PREFIX = "diffseg30k-"


@contextmanager
def scratch_folder() -> Iterator[str]:
    """A context with an empty folder, which is removed at its end.

    Before that, such folders of this user are removed whose process is no longer there.
    """
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as folder:
        yield folder


def _remove_abandoned() -> None:
    with os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            named = re.fullmatch(rf"{PREFIX}(\d+)-\w+", entry.name)
            if named and entry.is_dir(follow_symlinks=False) and _is_abandoned(entry, int(named[1])):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_abandoned(entry: "os.DirEntry[str]", process: int) -> bool:
    try:
        if entry.stat(follow_symlinks=False).st_uid != os.getuid():
            return False
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # the folder has just gone, or the process is another user's
        pass
    return False
