"""Reads and changes a dataset repository on the Hugging Face Hub, and explains errors in one line.

The token is the one stored by `hf auth login` or in `HF_TOKEN`. It is never an argument and never printed.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeGuard, TypeVar

from huggingface_hub import GitRefs, HfApi, HfFileSystem
from huggingface_hub.errors import (
    BadRequestError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from builder.dataset.directory import Shard
from builder.encoding.secrets import redact
from builder.hub.retry import TRIES, retried
from builder.hub.transport import bounded_waits, http_library, is_timeout, is_transport_error
from diffseg30k import GROUPS, SIDES

TIMEOUT = 120.0
_PASSING = (408, 429, 500, 502, 503, 504)
_SHARD_PATH = re.compile(rf"data/({'|'.join(SIDES)})/({'|'.join(GROUPS)})/[^/.][^/]*\.parquet")

Result = TypeVar("Result")


class HubError(OSError):
    """The Hub refused a request, or could not be reached. The message names the remedy."""


@dataclass(frozen=True)
class RemoteFile:
    """A file in a repository.

    Attributes:
        path: relative to the repository.
        size: bytes.
        sha256: digest of its content, of a file kept as a large one; None for the others.
        blob: its git object id.
    """

    path: str
    size: int
    sha256: str | None
    blob: str


@dataclass(frozen=True)
class Snapshot:
    """A repository at one commit.

    Attributes:
        commit: the commit's id; None where the repository is yet to be made.
        files: path to file.
    """

    commit: str | None
    files: dict[str, RemoteFile]

    @cached_property
    def shards(self) -> dict[str, Shard]:
        """The shards in it, by path."""
        found = ((path, _SHARD_PATH.fullmatch(path)) for path in sorted(self.files))
        return {path: Shard(path, match[1], match[2], self.files[path].size) for path, match in found if match}


@dataclass(frozen=True)
class HubDataset:
    """A dataset on the Hub.

    Attributes:
        repo_id: `NAMESPACE/NAME`.
        revision: a branch, `main` if None. For reading also a tag or a commit.
        endpoint: the Hub's URL; `HF_ENDPOINT` or huggingface.co if None.
        timeout: seconds to wait for a byte before a connection counts as dead.
    """

    repo_id: str
    revision: str | None = None
    endpoint: str | None = None
    timeout: float = TIMEOUT
    api: HfApi = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repo_id):
            raise ValueError(f"{redact(self.repo_id)!r} is not the name of a dataset: it takes NAMESPACE/NAME")
        object.__setattr__(self, "api", HfApi(endpoint=self.endpoint, library_name="diffseg30k"))

    @cached_property
    def files(self) -> HfFileSystem:
        """Its files by range requests."""
        return HfFileSystem(endpoint=self.endpoint)

    def path(self, path: str, commit: str | None) -> str:
        """Where `files` has a file."""
        return f"datasets/{self.repo_id}@{commit}/{path}" if commit else f"datasets/{self.repo_id}/{path}"

    def snapshot(self) -> Snapshot:
        """What it holds now.

        Raises:
            FileNotFoundError: there is no such dataset or revision, or the token may not see it.
        """

        def read() -> Snapshot:
            info = self.api.repo_info(self.repo_id, repo_type="dataset", revision=self.revision)
            tree = self.api.list_repo_tree(self.repo_id, repo_type="dataset", revision=info.sha, recursive=True)
            files = [_remote_file(entry) for entry in tree if isinstance(entry, RepoFile)]
            return Snapshot(info.sha, {file.path: file for file in files})

        return self.call(read)

    def is_private(self) -> bool:
        return bool(self.call(lambda: self.api.repo_info(self.repo_id, repo_type="dataset")).private)

    def exists(self) -> bool:
        """Whether the repository exists and the token may read it."""
        try:
            self.call(lambda: self.api.repo_info(self.repo_id, repo_type="dataset"))
        except FileNotFoundError:
            return False
        return True

    def refs(self) -> GitRefs:
        """Its branches and tags."""
        return self.call(lambda: self.api.list_repo_refs(self.repo_id, repo_type="dataset"))

    def waiting(self) -> AbstractContextManager[None]:
        """No request made in this context waits longer than `timeout` for a byte."""
        return bounded_waits(self.timeout)

    def call(self, request: Callable[[], Result], tries: int = TRIES) -> Result:
        """Sends a request that may be repeated, with retries, and raises one-line errors.

        Raises:
            HubError: the Hub refused it or could not be reached.
            FileNotFoundError: what it asks for is not there.
            BadRequestError: the Hub found it wrong.
        """
        try:
            with self.waiting():
                return retried(request, is_passing, tries, asked_pause)
        except BadRequestError:
            raise
        except (LocalTokenNotFoundError, HFValidationError) as error:
            raise self.plain(error) from error
        except Exception as error:
            # the client raises RuntimeError for an upload that failed after its own retries
            cause = error.__cause__ if isinstance(error, RuntimeError) else error
            if not is_refusal(cause):
                raise
            raise self.plain(cause) from error

    def plain(self, error: BaseException) -> Exception:
        """The same in one plain line."""
        where = f"{self.repo_id} on {redact(self.api.endpoint)}"
        if isinstance(error, GatedRepoError):
            return HubError(f"{where} is gated: ask for access on its page, then try again")
        if isinstance(error, RepositoryNotFoundError):
            return FileNotFoundError(
                f"there is no dataset {where}, or you may not see it: "
                "check the name, and log in with `hf auth login`"
            )
        if isinstance(error, RevisionNotFoundError):
            return FileNotFoundError(f"{where} has no revision {self.revision!r}")
        if isinstance(error, HfHubHTTPError):
            return HubError(f"{where}: {_refusal(error)}")
        if is_timeout(error):
            return HubError(f"{where} did not answer for {self.timeout:g} seconds; try again later")
        if is_transport_error(error):
            return HubError(
                f"{where} cannot be reached ({redact(str(error))}); check the connection and try again"
            )
        return HubError(f"{where}: {redact(str(error)).splitlines()[0]}")


def locate(dataset: str) -> str:
    """Where a dataset is read: a folder or URL as it is, `NAMESPACE/NAME[@REVISION]` on the Hub.

    Raises:
        FileNotFoundError: it is none of these.
    """
    if "://" in dataset or os.path.exists(dataset):
        return dataset
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", dataset):
        return f"hf://datasets/{dataset}"
    raise FileNotFoundError(f"there is no dataset {redact(dataset)}: give a folder, a URL or NAMESPACE/NAME")


@contextmanager
def plain_errors(url: str) -> Iterator[None]:
    """A context in which a dataset is read by its URL; trouble with the Hub raises one plain line.

    Args:
        url: as `locate` gives it.

    Raises:
        HubError: the Hub refused, or could not be reached.
        FileNotFoundError: there is no such dataset or revision, or the token may not see it.
    """
    try:
        yield
    except Exception as error:
        on_hub = re.fullmatch(r"hf://datasets/([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", url)
        if not on_hub or not is_refusal(error):
            raise
        raise HubDataset(on_hub[1], on_hub[2]).plain(error) from error


def is_passing(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code in _PASSING
    return is_transport_error(error)


def is_refusal(error: BaseException | None) -> TypeGuard[Exception]:
    """Whether an error means that the Hub refused the request or could not be reached."""
    return isinstance(error, HfHubHTTPError) or is_transport_error(error)


def status(error: Exception) -> int | None:
    """The HTTP status that an error came with."""
    response = error.response if isinstance(error, HfHubHTTPError) else None
    return None if response is None else response.status_code


def _refusal(error: HfHubHTTPError) -> str:
    code = status(error)
    said = redact(error.server_message or "").strip().replace("\n", " ")
    if code == 401:
        return "it does not know you: log in with `hf auth login` or set HF_TOKEN"
    if code == 403:
        return f"your token may not do that ({said}): use one with write access to it"
    if code == 429:
        return "it asks for fewer requests; try again later"
    return f"it answered {code}" + (f": {said}" if said else "")


def asked_pause(error: Exception) -> float | None:
    """The seconds that the Hub asks to wait, at most five minutes."""
    asked = error.response.headers.get("Retry-After") if isinstance(error, HfHubHTTPError) else None
    return min(float(asked), 300) if asked and asked.isdigit() else None


def _remote_file(entry: RepoFile) -> RemoteFile:
    return RemoteFile(entry.path, entry.size, entry.lfs.sha256 if entry.lfs else None, entry.blob_id)


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


@contextmanager
def redacted_logs() -> Iterator[None]:
    """The client logs the signed URLs of uploads that it tries again; here it does so without the signatures."""
    redaction = _Redaction()
    loggers = [
        logging.getLogger(name)
        for name in ("huggingface_hub.utils._http", "huggingface_hub.lfs", http_library().__name__)
    ]
    for logger in loggers:
        logger.addFilter(redaction)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(redaction)
