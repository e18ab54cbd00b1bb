"""The server: in a thread of a test, or in a process of its own."""

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.hub_server import downloads, repositories, uploads
from tests.hub_server.context import HUB, Hub, token_of
from tests.hub_server.faults import Fault, Handler
from tests.hub_server.store import Commit

WRITE_TOKEN = "hf_" + "w" * 34
READ_TOKEN = "hf_" + "r" * 34


@dataclass
class Request:
    """One request that the server was sent.

    Attributes:
        received: bytes of its body that came in.
        sent: bytes of the answer's body.
        status: the answer's status; 0 where there was none.
    """

    method: str
    path: str
    received: int = 0
    sent: int = 0
    status: int = 0


_REQUEST: web.RequestKey[Request] = web.RequestKey("request", Request)


class HubServer:
    """A Hub that lives as long as the `with` block.

    Attributes:
        endpoint: its URL, for `HF_ENDPOINT`.
        hub: its state.
        requests: what it was asked, in order.
        faults: what goes wrong next.
    """

    def __init__(self, folder: Path | str, port: int = 0, **settings) -> None:
        self.hub = Hub(Path(folder), tokens={WRITE_TOKEN: True, READ_TOKEN: False}, **settings)
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._runner = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def fail(self, fault: Fault) -> Fault:
        """Lets the next requests that fit go wrong."""
        self.faults.append(fault)
        return fault

    def head(self, name: str, revision: str = "main") -> Commit:
        """The newest commit of a dataset."""
        commit = self.hub.repositories[name].find(revision)
        assert commit is not None, f"{name} has no revision {revision}"
        return commit

    def received(self, since: int = 0) -> int:
        """Bytes of request bodies from the request of that number on."""
        return sum(request.received for request in self.requests[since:])

    def sent(self, since: int = 0) -> int:
        return sum(request.sent for request in self.requests[since:])

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=1 << 30, middlewares=[self._watch])
        app[HUB] = self.hub
        app.on_response_prepare.append(_record_answer)
        for module in (repositories, uploads, downloads):
            app.add_routes(module.routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        record = request[_REQUEST] = Request(request.method, request.path)
        self.requests.append(record)
        if request.path.startswith("/storage/") and token_of(request):
            self.hub.leaked.append(f"{request.method} {request.path}")
        fault = next((fault for fault in list(self.faults) if fault.strikes(request)), None)
        try:
            return await (fault.act(request, handler) if fault else handler(request))
        finally:
            record.received = request.content.total_bytes


async def _record_answer(request: web.Request, answer: web.StreamResponse) -> None:
    record = request.get(_REQUEST)
    if record is not None:
        record.status = answer.status
        record.sent = 0 if request.method == "HEAD" else int(answer.headers.get("Content-Length", 0))
