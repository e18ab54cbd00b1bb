"""Downloads: `resolve` with ETag and ranges, by a signed redirect for LFS objects."""

from aiohttp import web

from tests.hub_server.context import HUB, commit_of, error, repository_of, sign

routes = web.RouteTableDef()


@routes.get("/datasets/{namespace}/{name}/resolve/{revision}/{path:.+}")
async def resolve(request: web.Request) -> web.StreamResponse:
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    commit = commit_of(request, repository)
    if isinstance(commit, web.Response):
        return commit
    file = commit.files.get(request.match_info["path"])
    if file is None:
        return error(404, "Entry not found", "EntryNotFound")
    headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{file.sha256 or file.oid}"', "Accept-Ranges": "bytes"}
    if file.sha256:
        hub = request.app[HUB]
        location = hub.storage_url(request, f"/storage/{file.sha256}?X-Signature={sign(file.sha256)}")
        linked = {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
        return web.Response(status=302, headers=headers | linked | {"Location": location})
    return _ranged(request, file.content or b"", headers)


def _ranged(request: web.Request, content: bytes, headers: dict[str, str]) -> web.Response:
    asked = request.http_range
    if asked.start is None and asked.stop is None:
        return web.Response(body=content, headers=headers)
    first, last, _ = asked.indices(len(content))
    if first >= last:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(content)}"
    return web.Response(status=206, body=content[first:last], headers=headers)


@routes.get("/storage/{sha256}")
async def storage(request: web.Request) -> web.StreamResponse:
    hub, sha256 = request.app[HUB], request.match_info["sha256"]
    if request.query.get("X-Signature") != sign(sha256):
        return error(403, "the URL is not signed")
    if not hub.objects.holds(sha256):
        return error(404, "the object is not there")
    return web.FileResponse(hub.objects.path(sha256))
