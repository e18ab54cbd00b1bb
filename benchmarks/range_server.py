"""A folder over HTTP on the loopback, by range, counting what it sends."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Traffic:
    """What a server has sent.

    Attributes:
        url: of the folder.
        sent: bytes of file contents.
        requests: requests for contents.
    """

    url: str
    sent: int = 0
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, size: int) -> None:
        with self.lock:
            self.sent += size
            self.requests += 1


@contextmanager
def serve(folder: Path) -> Iterator[Traffic]:
    """Serves a folder while the context lasts."""
    traffic = Traffic("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(folder, traffic))
    traffic.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield traffic
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(folder: Path, traffic: Traffic) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(send=False)

        def do_GET(self) -> None:
            self._answer(send=True)

        def _answer(self, send: bool) -> None:
            path = folder / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(404)
                return
            size = path.stat().st_size
            asked = _RANGE.fullmatch(self.headers.get("Range", ""))
            start = int(asked[1]) if asked else 0
            end = min(int(asked[2]) if asked and asked[2] else size - 1, size - 1)
            self.send_response(206 if asked else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(end - start + 1))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
            self.end_headers()
            if send:
                self._send(path, start, end)

        def _send(self, path: Path, start: int, end: int) -> None:
            with path.open("rb") as file:
                file.seek(start)
                data = file.read(end - start + 1)
            try:
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            traffic.count(len(data))

        def log_message(self, *_: object) -> None:
            """Says nothing: the requests are counted."""

    return Handler
