"""The context of every request handler: the store, and the permissions of tokens."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tests.hub_server.store import Commit, ObjectStore, Repository


@dataclass
class Hub:
    """The state of a server.

    Attributes:
        tokens: token to whether it may write.
        part_size: objects above this many bytes are uploaded in parts of it; None for never.
        page_size: entries in one page of a tree listing.
        bytes_per_second: how fast an upload is taken in; None for as fast as it comes.
    """

    folder: Path
    tokens: dict[str, bool]
    part_size: int | None = None
    page_size: int = 1000
    bytes_per_second: int | None = None
    repositories: dict[str, Repository] = field(default_factory=dict)
    leaked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.objects = ObjectStore(self.folder / "objects")

    def storage_url(self, request: web.Request, path: str) -> str:
        """A signed URL on another host name, as the real Hub's storage has."""
        return f"http://localhost:{request.url.port}{path}"


HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)


def error(status: int, message: str, code: str | None = None) -> web.Response:
    headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return web.json_response({"error": message}, status=status, headers=headers)


def token_of(request: web.Request) -> str | None:
    return request.headers.get("Authorization", "").removeprefix("Bearer ") or None


def refuse_write(request: web.Request) -> web.Response | None:
    """The refusal of a request whose token may not write."""
    may_write = request.app[HUB].tokens.get(token_of(request) or "")
    if may_write is None:
        return error(401, "Invalid username or password.")
    return None if may_write else error(403, "you must use a write token to write to a repository")


def repository_of(request: web.Request) -> Repository | web.Response:
    hub = request.app[HUB]
    found = hub.repositories.get(f"{request.match_info['namespace']}/{request.match_info['name']}")
    if found is None or (found.private and token_of(request) not in hub.tokens):
        return error(401 if found else 404, "Repository not found", "RepoNotFound")
    return found


def commit_of(request: web.Request, repository: Repository) -> Commit | web.Response:
    found = repository.find(request.match_info["revision"])
    return found or error(404, "Invalid rev id: no such revision", "RevisionNotFound")


SIGNATURE = re.compile(r"^signed-[0-9a-f]+$")


def sign(sha256: str) -> str:
    return f"signed-{sha256[:16]}"
