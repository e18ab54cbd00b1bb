"""Questions per second through the endpoint client, against the same requests sent bare."""

import asyncio
import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import Connection

import aiohttp
import numpy as np
from aiohttp import web
from skimage import data

from builder.run.directory import RunDirectory
from generation.vlm.ask import ask
from generation.vlm.client import open_vlm
from generation.vlm.options import VlmOptions
from generation.vlm.question import Picture
from generation.vlm.questions import image_question
from generation.vlm.reply_store import ReplyStore
from performance.ratios import Result, in_turn

QUESTIONS = 320
AT_ONCE = 32
ROUNDS = 3
SIDE = 512

REPLY_SECONDS = 1.0
"""What a reply takes on average; from half of it to half more, for replies differ in length. With 32 at once that
is 32 a second, which is taken to be what a 7B model gives on one large GPU."""

REPLY = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": '{"score": 4, "reason": "the scene looks natural"}'},
        }
    ],
}


def results() -> list[Result]:
    waiting, questions, bare = _compared(REPLY_SECONDS, ROUNDS)
    _, questions_at_once, bare_at_once = _compared(0.0, 1)
    return [
        Result(
            "questions a second through the endpoint client / of the same requests sent bare",
            waiting,
            0.9,
            False,
            f"{QUESTIONS} questions, {AT_ONCE} at once, pictures of {SIDE} px, replies after {REPLY_SECONDS} s: "
            f"{questions:.0f} and {bare:.0f} a second; with replies at once {questions_at_once:.0f} and "
            f"{bare_at_once:.0f}",
        )
    ]


def _compared(reply_seconds: float, rounds: int) -> tuple[float, float, float]:
    """The ratio of the two speeds, and both of them in questions a second."""
    photograph = np.ascontiguousarray(data.astronaut()[:SIDE, :SIDE])
    with _server(reply_seconds) as url:
        bodies = asyncio.run(_bodies(url, photograph))
        ratio, bare, ours = in_turn(lambda: _sent_bare(url, bodies), lambda: _asked(url, photograph), rounds)
    return ratio, QUESTIONS / ours, QUESTIONS / bare


def _asked(url: str, photograph: np.ndarray) -> None:
    """As a run asks: pictures encoded, replies read and kept."""
    vlm = open_vlm(VlmOptions(url, "m", concurrency=AT_ONCE))
    questions = (
        image_question(f"score/{number}", "s", Picture(f"{number}.webp", lambda: photograph), ())
        for number in range(QUESTIONS)
    )
    with tempfile.TemporaryDirectory() as folder:
        read = sum(answer.value is not None for answer in ask(vlm, ReplyStore(RunDirectory(folder)), questions))
    if read != QUESTIONS:
        raise RuntimeError(f"{QUESTIONS - read} of {QUESTIONS} questions were not answered")


async def _bodies(url: str, photograph: np.ndarray) -> list[bytes]:
    """The bodies that the client sends."""
    await asyncio.to_thread(_asked, url, photograph)
    async with aiohttp.ClientSession() as session, session.get(f"{url}/bodies/0") as response:
        sent = int(response.headers["X-Count"])
        found = [await response.read()]
        for place in range(1, sent):
            async with session.get(f"{url}/bodies/{place}") as other:
                found.append(await other.read())
    return found


def _sent_bare(url: str, bodies: list[bytes]) -> None:
    async def send_all() -> None:
        waiting = iter(bodies)

        async def keep_sending(session: aiohttp.ClientSession) -> None:
            for body in waiting:
                async with session.post(f"{url}/chat/completions", data=body) as response:
                    (await response.json())["choices"][0]["message"]["content"]

        async with (
            aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(AT_ONCE):
                tasks.create_task(keep_sending(session))

    asyncio.run(send_all())


@contextmanager
def _server(reply_seconds: float) -> Iterator[str]:
    """An endpoint in a process of its own; gives its URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, reply_seconds), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, reply_seconds: float) -> None:
    bodies: list[bytes] = []
    numbers = count()

    async def complete(request: web.Request) -> web.Response:
        body = await request.read()
        if len(bodies) < QUESTIONS:
            bodies.append(body)
        await asyncio.sleep(reply_seconds * (0.5 + next(numbers) * 0.618 % 1))
        return web.json_response(REPLY)

    async def show(request: web.Request) -> web.Response:
        return web.Response(body=bodies[int(request.match_info["place"])], headers={"X-Count": str(len(bodies))})

    async def run() -> None:
        app = web.Application(client_max_size=2**26)
        app.add_routes([web.post("/v1/chat/completions", complete), web.get("/v1/bodies/{place}", show)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    for result in results():
        print(result)
