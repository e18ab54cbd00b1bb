"""Ways in which the server misbehaves on request."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Act = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]


class Killable(Protocol):
    """A process."""

    def kill(self) -> None: ...


@dataclass
class Fault:
    """Something done to requests instead of answering them properly.

    Attributes:
        act: what is done.
        method: regular expression of the HTTP methods it strikes.
        path: regular expression that the request's path contains.
        times: how many requests it strikes.
        spared: how many that fit it lets pass first.
        struck: how many it has struck.
    """

    act: Act
    method: str
    path: str
    times: int = 1
    spared: int = 0
    struck: int = field(default=0, init=False)

    def strikes(self, request: web.Request) -> bool:
        if not re.fullmatch(self.method, request.method) or not re.search(self.path, request.path):
            return False
        if self.spared:
            self.spared -= 1
            return False
        hit = self.struck < self.times
        self.struck += hit
        return hit


def refuse(status: int, message: str = "", headers: dict[str, str] | None = None) -> Act:
    """Answers with an error status, before anything is done."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        await request.read()
        return web.json_response({"error": message or f"refused with {status}"}, status=status, headers=headers)

    return act


def stall(seconds: float) -> Act:
    """Answers late."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await handler(request)

    return act


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> Act:
    """Answers once a condition holds, or after some seconds."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            await asyncio.sleep(0.05)
        return await handler(request)

    return act


def drop() -> Act:
    """Closes the connection without doing anything."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        return _hang_up(request)

    return act


def cut_upload(after: int) -> Act:
    """Closes the connection once `after` bytes have come in."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        received = 0
        async for chunk in request.content.iter_chunked(64 * 1024):
            received += len(chunk)
            if received >= after:
                break
        return _hang_up(request)

    return act


def kill(victim: Future[Killable]) -> Act:
    """Kills who asks, when half of what it sends has come in and nothing is done yet."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        received = 0
        async for chunk in request.content.iter_chunked(4 * 1024):
            received += len(chunk)
            if received >= (request.content_length or 0) / 2:
                break
        (await asyncio.wrap_future(victim)).kill()
        return _hang_up(request)

    return act


def kill_after(victim: Future[Killable]) -> Act:
    """Does what was asked, and kills who asked before it hears of it."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        await handler(request)
        (await asyncio.wrap_future(victim)).kill()
        return _hang_up(request)

    return act


def lose_answer() -> Act:
    """Does what was asked, and closes the connection instead of saying so."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        await handler(request)
        return _hang_up(request)

    return act


def forget_upload(forget: Callable[[str], None]) -> Act:
    """Accepts an LFS object, says so, and loses it."""

    async def act(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        forget(request.match_info["sha256"])
        return answer

    return act


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
