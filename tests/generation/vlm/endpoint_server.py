"""An OpenAI-compatible endpoint on the loopback, with the troubles that real ones have."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Behaviour:
    """How one request is answered.

    Attributes:
        content: of the completion's message.
        status: of the response; above 399 the body is an error.
        headers: besides the usual ones.
        delay: seconds before the response.
        body: sent as it is in place of a completion.
        cut: the connection ends after half of the body.
        trickle: seconds between two bytes of the body; 0 sends it at once.
        finish: why the completion ended: `stop`, or `length` if it was broken off.
    """

    content: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    body: bytes | None = None
    cut: bool = False
    trickle: float = 0.0
    finish: str = "stop"


@dataclass
class Endpoint:
    """A running endpoint.

    Attributes:
        url: what `--vlm` is given.
        requests: the bodies that came, in order.
        keys: the Authorization headers that came.
        most_at_once: the most requests that were open at a time.
    """

    url: str
    requests: list[dict] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    most_at_once: int = 0


def completion(content: str | None, finish: str = "stop") -> bytes:
    return json.dumps(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": content},
                }
            ],
        }
    ).encode()


def asked_text(request: dict) -> str:
    """The text of a request's last message."""
    return "".join(part.get("text", "") for part in request["messages"][-1]["content"])


@contextmanager
def endpoint(behave: Callable[[dict, int], Behaviour]):
    """Serves until the block ends; `behave` gets a request and how many came before it."""
    lock, state = threading.Lock(), {"open": 0}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(found.requests)
                found.requests.append(request)
                found.keys.append(self.headers["Authorization"])
                state["open"] += 1
                found.most_at_once = max(found.most_at_once, state["open"])
            try:
                self.answer(behave(request, number))
            finally:
                with lock:
                    state["open"] -= 1

        def answer(self, how: Behaviour):
            time.sleep(how.delay)
            if self.path != "/v1/chat/completions":
                how = Behaviour(status=404)
            body = how.body if how.body is not None else completion(how.content, how.finish)
            if how.status >= 400 and how.body is None:
                body = json.dumps({"error": {"message": f"status {how.status} it is"}}).encode()
            self.send_response(how.status)
            for name, value in ({"Content-Type": "application/json"} | how.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for at in range(len(body) if how.trickle else 0):
                self.wfile.write(body[at : at + 1])
                time.sleep(how.trickle)
            if not how.trickle:
                self.wfile.write(body[: len(body) // 2] if how.cut else body)
            if how.cut:
                self.close_connection = True

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass  # clients that give up hang up

    server = Server(("127.0.0.1", 0), Handler)
    found = Endpoint(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


MALFORMED: dict[str, Behaviour] = {
    "a page": Behaviour(body=b"<html>hello</html>", headers={"Content-Type": "text/html"}),
    "nothing": Behaviour(body=b""),
    "half a body": Behaviour(body=b'{"choices": [{"mess'),
    "a list": Behaviour(body=b"[1, 2]"),
    "null": Behaviour(body=b"null"),
    "a text": Behaviour(body=b'"hello"'),
    "other JSON": Behaviour(body=b'{"hello": "world"}'),
    "no choice": Behaviour(body=b'{"choices": []}'),
    "choices by name": Behaviour(body=b'{"choices": {"0": 1}}'),
    "a choice that is a text": Behaviour(body=b'{"choices": ["x"]}'),
    "a message that is a text": Behaviour(body=b'{"choices": [{"message": "x"}]}'),
    "not UTF-8": Behaviour(body=b'{"choices": "\xff\xfe"}'),
    "not gzip": Behaviour(body=b"hello", headers={"Content-Encoding": "gzip"}),
    "too deep": Behaviour(body=b"[" * 100_000),
}
"""Responses with status 200 that are no chat completion."""
