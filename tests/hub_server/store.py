"""The server's storage: repositories as commits of files, and LFS objects in a folder."""

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path


class ParentMoved(Exception):
    """The branch has moved on since the commit's parent."""


class Missing(Exception):
    """Something that a commit names is not there."""


@dataclass(frozen=True)
class File:
    """A file in a commit: its bytes, or the LFS object that holds them."""

    size: int
    content: bytes | None = None
    sha256: str | None = None

    @property
    def oid(self) -> str:
        """The git object id, of the LFS pointer where there is one."""
        data = self.content
        if data is None:
            version = "https://git-lfs.github.com/spec/v1"
            data = f"version {version}\noid sha256:{self.sha256}\nsize {self.size}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    message: str
    files: dict[str, File]


@dataclass
class Repository:
    """Branches, pull requests and all commits ever made."""

    name: str
    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pull_requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._append("main", "initial commit", {".gitattributes": File(27, b"*.parquet filter=lfs -text\n")})

    def find(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag, a pull request or an oid."""
        revision = revision.removeprefix("refs/heads/")
        return self.commits.get(self.branches.get(revision) or self.tags.get(revision) or revision)

    def branch(self, name: str, start: str) -> None:
        with self.lock:
            self.branches[name] = start

    def commit(
        self, branch: str, message: str, parent: str | None, added: dict[str, File], deleted: set[str], as_pr: bool
    ) -> tuple[Commit, str]:
        """Adds a commit to a branch, or to a new pull request from it; the commit and the branch it went to.

        Raises:
            ParentMoved: the branch is not at `parent`.
        """
        with self.lock:
            head = self.commits[self.branches[branch]]
            if parent is not None and parent != head.oid:
                raise ParentMoved(head.oid)
            files = {path: file for path, file in head.files.items() if path not in deleted} | added
            if as_pr:
                self.pull_requests += 1
                branch = f"refs/pr/{self.pull_requests}"
                self.branches[branch] = head.oid
            return self._append(branch, message, files), branch

    def _append(self, branch: str, message: str, files: dict[str, File]) -> Commit:
        parent = self.branches.get(branch)
        oid = hashlib.sha1(f"{self.name} {branch} {parent} {len(self.commits)}".encode()).hexdigest()
        self.commits[oid] = Commit(oid, parent, message, files)
        self.branches[branch] = oid
        return self.commits[oid]


class ObjectStore:
    """LFS objects by SHA-256, in a folder. An object is there whole and checked, or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        return self.folder / sha256

    def part(self, sha256: str, number: int) -> Path:
        return self.folder / f"{sha256}.part-{number}"

    def holds(self, sha256: str) -> bool:
        return self.path(sha256).exists()

    def size(self, sha256: str) -> int:
        return self.path(sha256).stat().st_size

    def accept(self, sha256: str, received: Path) -> None:
        """Takes a received file over.

        Raises:
            ValueError: its digest is another one.
        """
        with received.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            received.unlink()
            raise ValueError(f"the object is {found}, not {sha256}")
        received.rename(self.path(sha256))

    def join(self, sha256: str, count: int) -> None:
        """Makes one object of its uploaded parts."""
        whole = self.folder / f"{sha256}.joined"
        with whole.open("wb") as out:
            for number in range(1, count + 1):
                out.write(self.part(sha256, number).read_bytes())
                self.part(sha256, number).unlink()
        self.accept(sha256, whole)

    def forget(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)
