"""Kills processes at moments that files tell: when so many are there, never when so much time has passed.

The process that is to be killed looks for itself, in an audit hook that Python calls before a file is opened,
renamed or removed. Who watches from outside may be late on a busy machine and find the work done; a hook cannot.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
STARTUP = Path(__file__).parent / "startup"
"""Its `sitecustomize` arms every Python that a command starts."""

KILLS = "DIFFSEG30K_TESTS_KILLS"
EVENTS = {"open": 0, "os.mkdir": 0, "os.rename": 1, "os.link": 1, "os.remove": 0, "os.rmdir": 0}
"""The events that count, and which of their arguments is the path."""


@dataclass(frozen=True)
class Kill:
    """A kill, and its moment: when a process is about to touch the folder and so many files are there.

    Attributes:
        files: a pattern, relative to the folder.
        number: of files that match it, at least.
        victim: `command`: the session's first process and all that it started; `worker`: the process itself, if it
            is not the command; `parent`: the parent of such a worker.
    """

    files: str
    number: int
    victim: str = "command"


@dataclass(frozen=True)
class Kills:
    """Kills that befall the processes of a folder, one after the other; each once, over any number of commands.

    Attributes:
        folder: what they work in.
        marks: another folder, which remembers the kills that are done.
        kills: in their order.
    """

    folder: Path
    marks: Path
    kills: tuple[Kill, ...]

    def environment(self) -> dict[str, str]:
        """For a command, which has to be started as a session of its own."""
        self.marks.mkdir(exist_ok=True)
        kills = [str(self.folder), str(self.marks), [asdict(kill) for kill in self.kills]]
        paths = os.pathsep.join((str(STARTUP), str(ROOT)))
        return os.environ | {"PYTHONPATH": paths, KILLS: json.dumps(kills)}

    def done(self) -> list[dict[str, list[int]]]:
        """For each kill that is done, the files that there were: inode and time of change by relative path."""
        return [json.loads(path.read_text()) for path in sorted(self.marks.glob("*.json"))]

    def all_done(self) -> bool:
        return len(self.done()) == len(self.kills)


def obey(given: str) -> None:
    """Arms this process, from the environment of its command."""
    folder, marks, kills = json.loads(given)

    def strike() -> None:
        number = len([name for name in os.listdir(marks) if name.endswith(".json")])
        if number == len(kills):
            return
        kill = Kill(**kills[number])
        if kill.victim != "command" and os.getpid() == os.getsid(0):
            return
        there = states(Path(folder), kill.files)
        if len(there) < kill.number or not _first(marks, number, there):
            return
        if kill.victim == "command":
            os.killpg(os.getsid(0), signal.SIGKILL)
        else:
            os.kill(os.getpid() if kill.victim == "worker" else os.getppid(), signal.SIGKILL)

    before_each_touch((folder,), strike)


def _first(marks: str, number: int, there: dict[str, list[int]]) -> bool:
    """Whether this process is the one that carries out a kill; it has written down what was there then."""
    mark = f"{marks}/{number:03d}.json"
    own = f"{mark}.{os.getpid()}.{threading.get_ident()}"  # threads of one process may be here together
    with open(own, "w") as file:
        json.dump(there, file)
    try:
        os.link(own, mark)
    except FileExistsError:
        return False
    return True


def states(folder: Path, files: str) -> dict[str, list[int]]:
    """What is there; a file that was written again is another."""
    found = {}
    for path in folder.glob(files):
        try:
            about = path.stat()
        except FileNotFoundError:  # another process has just moved it
            continue
        found[str(path.relative_to(folder))] = [about.st_ino, about.st_mtime_ns]
    return found


def before_each_touch(folders: tuple[str, ...], act: Callable[[], object]) -> None:
    """Calls a function before this process opens, makes, moves or removes a file in the folders."""
    below = tuple(f"{folder}/" for folder in folders)
    own = threading.local()

    def hook(event: str, arguments: tuple) -> None:
        if event not in EVENTS or hasattr(own, "acts"):  # what the function itself touches does not count
            return
        path = arguments[EVENTS[event]]
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(below):
            own.acts = True
            try:
                act()
            finally:
                del own.acts

    sys.addaudithook(hook)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_touch(number: int, *folders: str, counts: Callable[[], bool] = lambda: True) -> None:
    """Lets this process be killed before it touches the folders for the nth time; only touches that count do."""
    left = number

    def touch() -> None:
        nonlocal left
        if counts():
            left -= 1
            if left == 0:
                die()

    before_each_touch(folders, touch)


def run_until(folder: str, files: str, number: int, task: Callable[..., object], *arguments: object) -> None:
    """Carries out a task in this process, which is killed once so many files match the pattern in the folder."""
    before_each_touch((folder,), lambda: len(states(Path(folder), files)) >= number and die())
    task(*arguments)
