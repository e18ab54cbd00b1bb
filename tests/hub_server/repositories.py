"""The JSON API of repositories: create, information, tree, paths, branches, tags and the card's check."""

import yaml
from aiohttp import web

from tests.hub_server.context import HUB, commit_of, error, refuse_write, repository_of, token_of
from tests.hub_server.store import Commit, File, Repository

routes = web.RouteTableDef()
API = "/api/datasets/{namespace}/{name}"


@routes.get("/api/whoami-v2")
async def who_am_i(request: web.Request) -> web.Response:
    if token_of(request) not in request.app[HUB].tokens:
        return error(401, "Invalid username or password.")
    return web.json_response({"type": "user", "name": "tester", "orgs": [], "auth": {"type": "access_token"}})


@routes.post("/api/repos/create")
async def create(request: web.Request) -> web.Response:
    if refusal := refuse_write(request):
        return refusal
    asked = await request.json()
    if asked.get("type") != "dataset":
        return error(400, "this server has datasets only")
    name = f"{asked.get('organization') or 'tester'}/{asked['name']}"
    repositories = request.app[HUB].repositories
    if name in repositories:
        return web.json_response(
            {
                "error": "You already created this dataset repo",
                "url": str(request.url.with_path(f"/datasets/{name}")),
            },
            status=409,
        )
    repositories[name] = Repository(
        name, private=asked.get("visibility") == "private" or bool(asked.get("private"))
    )
    return web.json_response({"url": str(request.url.with_path(f"/datasets/{name}")), "name": name, "id": name})


def _information(repository: Repository, commit: Commit) -> web.Response:
    return web.json_response(
        {
            "_id": repository.name,
            "id": repository.name,
            "author": repository.name.split("/")[0],
            "sha": commit.oid,
            "private": repository.private,
            "gated": False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "lastModified": "2026-01-01T00:00:00.000Z",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "siblings": [{"rfilename": path} for path in commit.files],
        }
    )


@routes.get(API)
@routes.get(API + "/revision/{revision:.+}")
async def information(request: web.Request) -> web.Response:
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    commit = repository.find(request.match_info.get("revision", "main"))
    if commit is None:
        return error(404, "Invalid rev id: no such revision", "RevisionNotFound")
    return _information(repository, commit)


def _file(path: str, file: File) -> dict:
    entry: dict = {"type": "file", "oid": file.oid, "size": file.size, "path": path}
    if file.sha256:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 134}
    return entry


def _listing(commit: Commit, folder: str, recursive: bool) -> list[dict]:
    prefix = f"{folder}/" if folder else ""
    entries: dict[str, dict] = {}
    for path, file in sorted(commit.files.items()):
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts)):
            parent = prefix + "/".join(parts[:depth])
            entries.setdefault(parent, {"type": "directory", "oid": commit.oid, "size": 0, "path": parent})
            if not recursive:
                break
        else:
            entries[path] = _file(path, file)
    return [entries[path] for path in sorted(entries)]


@routes.get(API + "/tree/{revision}")
@routes.get(API + "/tree/{revision}/{path:.*}")
async def tree(request: web.Request) -> web.Response:
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    commit = commit_of(request, repository)
    if isinstance(commit, web.Response):
        return commit
    folder = request.match_info.get("path", "").strip("/")
    entries = _listing(commit, folder, request.query.get("recursive", "").lower() in ("true", "1"))
    if folder and not entries:
        return error(404, f"{folder} does not exist on {commit.oid}", "EntryNotFound")
    size, start = request.app[HUB].page_size, int(request.query.get("cursor", 0))
    headers = {}
    if start + size < len(entries):
        following = request.url.update_query(cursor=start + size)
        headers["Link"] = f'<{following}>; rel="next"'
    return web.json_response(entries[start : start + size], headers=headers)


@routes.post(API + "/paths-info/{revision}")
async def paths_info(request: web.Request) -> web.Response:
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    commit = commit_of(request, repository)
    if isinstance(commit, web.Response):
        return commit
    asked = [str(path).strip("/") for path in (await request.post()).getall("paths", [])]
    entries = []
    for path in asked:
        if path in commit.files:
            entries.append(_file(path, commit.files[path]))
        elif any(other.startswith(f"{path}/") for other in commit.files):
            entries.append({"type": "directory", "oid": commit.oid, "size": 0, "path": path})
    return web.json_response(entries)


@routes.get(API + "/refs")
async def refs(request: web.Request) -> web.Response:
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    found = [(name, oid) for name, oid in repository.branches.items() if not name.startswith("refs/")]
    pull_requests = [(name, oid) for name, oid in repository.branches.items() if name.startswith("refs/pr/")]
    return web.json_response(
        {
            "branches": [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": oid} for n, oid in found],
            "pullRequests": [{"name": n, "ref": n, "targetCommit": oid} for n, oid in pull_requests],
            "converts": [],
            "tags": [
                {"name": n, "ref": f"refs/tags/{n}", "targetCommit": oid} for n, oid in repository.tags.items()
            ],
        }
    )


@routes.post(API + "/branch/{branch}")
async def create_branch(request: web.Request) -> web.Response:
    if refusal := refuse_write(request):
        return refusal
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    name = request.match_info["branch"]
    if name in repository.branches:
        return error(409, f"Reference already exists: refs/heads/{name}")
    start = repository.find((await request.json()).get("startingPoint") or "main")
    if start is None:
        return error(404, "Invalid rev id: no such revision", "RevisionNotFound")
    repository.branch(name, start.oid)
    return web.json_response({})


@routes.post(API + "/tag/{revision}")
async def create_tag(request: web.Request) -> web.Response:
    if refusal := refuse_write(request):
        return refusal
    repository = repository_of(request)
    if isinstance(repository, web.Response):
        return repository
    commit = commit_of(request, repository)
    if isinstance(commit, web.Response):
        return commit
    name = (await request.json())["tag"]
    if name in repository.tags:
        return error(409, f"Reference already exists: refs/tags/{name}")
    repository.tags[name] = commit.oid
    return web.json_response({})


@routes.post("/api/validate-yaml")
async def validate_yaml(request: web.Request) -> web.Response:
    content = (await request.json())["content"]
    parts = content.split("---\n", 2)
    problems = []
    try:
        metadata = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else {}
        if not isinstance(metadata, dict):
            problems.append("the metadata is not a mapping")
        elif not all("config_name" in entry for entry in metadata.get("configs", [])):
            problems.append("an entry of configs lacks config_name")
    except yaml.YAMLError as broken:
        problems.append(str(broken))
    answer = {"errors": [{"message": problem} for problem in problems], "warnings": []}
    return web.json_response(answer, status=400 if problems else 200)
