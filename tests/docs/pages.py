"""The commands on the pages of the documentation, with what each needs.

A block of commands is run by a test unless a comment before it says otherwise: `gpu`, `network`, `frameworks` (run
by tests of their own), `shell` (make and pip), or `exit N` for a command that ends with that exit code.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
MARKS = ("gpu", "network", "frameworks", "shell")

_BLOCK = re.compile(r"^(?:<!-- (?P<mark>[\w ]+) -->\n)?```bash\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """One command as a page has it.

    Attributes:
        page: the file's name.
        line: the command, its continued lines joined, without comments.
        mark: what it needs; None where it is run.
        exit_code: that it ends with.
    """

    page: str
    line: str
    mark: str | None
    exit_code: int = 0

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line)


def commands(page: Path) -> Iterator[Command]:
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        mark, code = block["mark"], 0
        if mark and mark.startswith("exit "):
            mark, code = None, int(mark.removeprefix("exit "))
        assert mark is None or mark in MARKS, f"{page.name}: {mark} is none of {MARKS}"
        for line in block["text"].replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield Command(page.name, shlex.join(words), mark, code)


ALL = [command for page in PAGES for command in commands(page)]
OURS = [command for command in ALL if command.words[0] == "diffseg30k"]
