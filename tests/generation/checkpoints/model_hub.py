"""A Hub of models on the loopback: as much of its HTTP interface as downloads need."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "a" * 40


class ModelHub(ThreadingHTTPServer):
    """Serves folders as repositories.

    Args:
        repositories: name to the folder that it holds.
        gated: names of repositories whose files nobody may have.

    Attributes:
        revisions: name to the commit of a repository, where it is not COMMIT.
        downloads: the files that were fetched, as NAME/PATH.
    """

    def __init__(self, repositories: dict[str, Path], gated: set[str]):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = repositories
        self.gated = gated
        self.revisions: dict[str, str] = {}
        self.downloads: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "ModelHub":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ModelHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._about("/".join(parts[2:4]), parts[4:])
        else:
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))

    def _about(self, name: str, rest: list[str]) -> None:
        folder = self._repository(name, rest[1] if len(rest) > 1 else "main")
        if folder is None:
            return
        if rest == ["auth-check"]:
            self._refuse(403, "GatedRepo") if name in self.server.gated else self._send(b"{}")
            return
        files = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
        if "tree" in rest:
            entries = [
                {
                    "type": "file",
                    "path": file,
                    "size": (folder / file).stat().st_size,
                    "oid": _etag((folder / file).read_bytes()),
                }
                for file in files
            ]
            self._send(json.dumps(entries).encode(), "application/json")
            return
        about = {
            "id": name,
            "modelId": name,
            "sha": self._commit(name),
            "siblings": [{"rfilename": file} for file in files],
        }
        self._send(json.dumps(about).encode(), "application/json")

    def _file(self, name: str, revision: str, file: str) -> None:
        folder = self._repository(name, revision)
        if folder is None:
            return
        if name in self.server.gated:
            self._refuse(403, "GatedRepo")
        elif not (folder / file).is_file():
            self._refuse(404, "EntryNotFound")
        else:
            data = (folder / file).read_bytes()
            if self.command == "GET":
                self.server.downloads.append(f"{name}/{file}")
            self._send(data, headers={"ETag": f'"{_etag(data)}"', "X-Repo-Commit": self._commit(name)})

    def _commit(self, name: str) -> str:
        return self.server.revisions.get(name, COMMIT)

    def _repository(self, name: str, revision: str) -> Path | None:
        if name not in self.server.repositories:
            self._refuse(404, "RepoNotFound")
        elif revision not in ("main", self._commit(name)):
            self._refuse(404, "RevisionNotFound")
        else:
            return self.server.repositories[name]
        return None

    def _send(self, data: bytes, kind: str = "application/octet-stream", headers: dict | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _etag(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
