"""Uploads: what goes through LFS, its objects whole or in parts, and commits."""

import asyncio
import base64
import fnmatch
import json
import uuid
from pathlib import Path

from aiohttp import web

from tests.hub_server.context import HUB, Hub, error, refuse_write, repository_of, sign
from tests.hub_server.repositories import API
from tests.hub_server.store import File, Missing, ParentMoved

routes = web.RouteTableDef()
LFS_PATTERNS = ("*.parquet", "*.zip", "*.png", "*.webp")
"""What the Hub's own `.gitattributes` sends through LFS: columns of numbers and pictures, not text."""
OBJECT = "/storage/{sha256}"


@routes.post(API + "/preupload/{revision}")
async def preupload(request: web.Request) -> web.Response:
    if refusal := refuse_write(request):
        return refusal
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    commit = repository.find(request.match_info["revision"])
    if commit is None:
        return error(404, "Invalid rev id: no such revision", "RevisionNotFound")
    files = []
    for asked in (await request.json())["files"]:
        there = commit.files.get(asked["path"])
        lfs = any(fnmatch.fnmatch(asked["path"], pattern) for pattern in LFS_PATTERNS)
        files.append(
            {
                "path": asked["path"],
                "uploadMode": "lfs" if lfs else "regular",
                "shouldIgnore": False,
                "oid": (there.sha256 or there.oid) if there else None,
            }
        )
    return web.json_response({"files": files})


@routes.post("/datasets/{namespace}/{name}.git/info/lfs/objects/batch")
async def batch(request: web.Request) -> web.Response:
    if refusal := refuse_write(request):
        return refusal
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    objects = [_instructions(request, asked["oid"], asked["size"]) for asked in (await request.json())["objects"]]
    return web.json_response({"transfer": "basic", "objects": objects})


def _instructions(request: web.Request, sha256: str, size: int) -> dict:
    hub = request.app[HUB]
    if hub.objects.holds(sha256):
        return {"oid": sha256, "size": size}
    url = hub.storage_url(request, f"/storage/{sha256}")
    signature = f"?X-Signature={sign(sha256)}"
    verify = {"href": str(request.url.with_path(f"/verify/{sha256}").with_query(None)), "header": {}}
    if hub.part_size is None or size <= hub.part_size:
        upload = {"href": url + signature, "header": {}}
    else:
        count = -(-size // hub.part_size)
        parts = {str(number): f"{url}/part/{number}{signature}" for number in range(1, count + 1)}
        complete = str(request.url.with_path(f"/complete/{sha256}").with_query({"X-Signature": sign(sha256)}))
        upload = {"href": complete, "header": {"chunk_size": str(hub.part_size)} | parts}
    return {"oid": sha256, "size": size, "authenticated": True, "actions": {"upload": upload, "verify": verify}}


async def _receive(request: web.Request, hub: Hub, target: Path) -> None:
    with target.open("wb") as file:
        async for chunk in request.content.iter_chunked(256 * 1024):
            if hub.bytes_per_second:
                await asyncio.sleep(len(chunk) / hub.bytes_per_second)
            file.write(chunk)


def _refuse_unsigned(request: web.Request) -> web.Response | None:
    signed = request.query.get("X-Signature") == sign(request.match_info["sha256"])
    return None if signed else error(403, "the URL is not signed")


@routes.put(OBJECT)
async def put_object(request: web.Request) -> web.Response:
    if refusal := _refuse_unsigned(request):
        return refusal
    hub, sha256 = request.app[HUB], request.match_info["sha256"]
    received = hub.objects.folder / f"{sha256}.{uuid.uuid4().hex}.tmp"
    try:
        await _receive(request, hub, received)
        await asyncio.to_thread(hub.objects.accept, sha256, received)
    except ValueError as wrong:
        return error(400, str(wrong))
    finally:
        received.unlink(missing_ok=True)
    return web.Response()


@routes.put(OBJECT + "/part/{number}")
async def put_part(request: web.Request) -> web.Response:
    if refusal := _refuse_unsigned(request):
        return refusal
    hub, sha256, number = request.app[HUB], request.match_info["sha256"], int(request.match_info["number"])
    part = hub.objects.part(sha256, number)
    await _receive(request, hub, part)
    return web.Response(headers={"ETag": f'"{sha256[:8]}-{number}-{part.stat().st_size}"'})


@routes.post("/complete/{sha256}")
async def complete(request: web.Request) -> web.Response:
    if refusal := _refuse_unsigned(request):
        return refusal
    hub, sha256 = request.app[HUB], request.match_info["sha256"]
    parts = (await request.json())["parts"]
    for part in parts:
        there = hub.objects.part(sha256, part["partNumber"])
        if not there.exists() or part["etag"] != f'"{sha256[:8]}-{part["partNumber"]}-{there.stat().st_size}"':
            return error(400, f"part {part['partNumber']} was not uploaded")
    try:
        await asyncio.to_thread(hub.objects.join, sha256, len(parts))
    except ValueError as wrong:
        return error(400, str(wrong))
    return web.json_response({"success": True})


@routes.post("/verify/{sha256}")
async def verify(request: web.Request) -> web.Response:
    if refusal := refuse_write(request):
        return refusal
    objects, asked = request.app[HUB].objects, await request.json()
    if not objects.holds(asked["oid"]) or objects.size(asked["oid"]) != asked["size"]:
        return error(404, "the object is not there")
    return web.json_response({})


@routes.post(API + "/commit/{revision}")
async def commit(request: web.Request) -> web.Response:
    if refusal := refuse_write(request):
        return refusal
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    branch, as_pr = request.match_info["revision"], request.query.get("create_pr") == "1"
    if branch not in repository.branches:
        return error(404, "Invalid rev id: no such branch", "RevisionNotFound")
    lines = [json.loads(line) for line in (await request.read()).splitlines() if line]
    header = next(line["value"] for line in lines if line["key"] == "header")
    try:
        added, deleted = _changes(request.app[HUB], lines)
        made, went_to = repository.commit(
            branch, header["summary"], header.get("parentCommit"), added, deleted, as_pr
        )
    except Missing as missing:
        return error(400, str(missing))
    except ParentMoved:
        return error(412, "A commit has happened since. Please refresh and try again.")
    page = request.url.with_query(None)
    answer = {
        "success": True,
        "commitUrl": str(page.with_path(f"/datasets/{repository.name}/commit/{made.oid}")),
        "commitOid": made.oid,
    }
    if as_pr:
        number = went_to.rsplit("/", 1)[-1]
        answer["pullRequestUrl"] = str(page.with_path(f"/datasets/{repository.name}/discussions/{number}"))
    return web.json_response(answer)


def _changes(hub: Hub, lines: list[dict]) -> tuple[dict[str, File], set[str]]:
    added: dict[str, File] = {}
    deleted: set[str] = set()
    for line in lines:
        value = line["value"]
        if line["key"] == "file":
            content = base64.b64decode(value["content"])
            added[value["path"]] = File(len(content), content=content)
        elif line["key"] == "lfsFile":
            if not hub.objects.holds(value["oid"]):
                raise Missing(f"LFS pointer pointed to a file that does not exist: {value['path']}")
            added[value["path"]] = File(hub.objects.size(value["oid"]), sha256=value["oid"])
        elif line["key"] == "deletedFile":
            deleted.add(value["path"])
    return added, deleted
