"""Asks a VLM at an OpenAI-compatible endpoint, such as vLLM, TGI or Ollama, with the `openai` client."""

import asyncio
import os
import queue
import random
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from generation.vlm.images import data_url
from generation.vlm.options import VlmOptions
from generation.vlm.question import BROKEN_OFF, Message, Question, Reply, VlmUnavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FORMATS = ("json_schema", "json_object", "text")
"""Response formats, the strictest first; if an endpoint refuses one, the next is used."""

SILENT_AT_LEAST = 3
"""Number of successive questions without a reply, in addition to `concurrency`, after which the call gives up."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds before a request is sent again; the pause doubles each time."""

LONGEST_ASKED_PAUSE = 60.0
"""Seconds. Longest `Retry-After` of an endpoint that is honoured."""

Replied = tuple[Question[Any], Reply]


class EndpointVlm:
    """A VLM at an OpenAI-compatible endpoint.

    After growing pauses a request is sent again on status 408, 409, 429 (with its `Retry-After`) and 5xx, after a
    lost connection, and after `seconds` without the whole response. If that fails too, or the response is no chat
    completion, the reply is `temporary`.

    Args:
        options: options whose `vlm` is a URL.

    Raises:
        ImportError: the extra is not installed.
    """

    def __init__(self, options: VlmOptions):
        _import_client()
        self.name = options.name
        self._options = options
        self._format = 0
        self._silent = 0

    def replies(self, questions: Iterable[Question[Any]]) -> Iterator[Replied]:
        """Yields a reply to each question, in any order; at most `concurrency` requests are open at a time.

        Raises:
            VlmUnavailable: the endpoint refuses access, has no such model, or has stopped answering.
        """
        results: queue.Queue[Replied | BaseException | None] = queue.Queue()
        stop = threading.Event()
        thread = threading.Thread(target=self._in_thread, args=(iter(questions), results, stop), daemon=True)
        thread.start()
        try:
            while (result := results.get()) is not None:
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            stop.set()
            thread.join()

    def close(self) -> None:
        """Does nothing: no connection stays open between calls."""

    def _in_thread(self, questions: Iterator[Question[Any]], results: queue.Queue, stop: threading.Event) -> None:
        """Runs the event loop in its own thread, so that the handling of replies does not block it."""
        try:
            asyncio.run(self._ask_all(questions, results, stop))
        except BaseException as error:  # raised in the caller's thread
            results.put(_first(error))
        results.put(None)

    async def _ask_all(
        self, questions: Iterator[Question[Any]], results: queue.Queue, stop: threading.Event
    ) -> None:
        one_at_a_time = threading.Lock()

        def prepared() -> tuple[Question[Any], list[Any]] | None:
            with one_at_a_time:
                question = next(questions, None)
            return None if question is None else (question, self._messages(question))

        async def keep_asking(client: "AsyncOpenAI") -> None:
            while (one := await asyncio.to_thread(prepared)) is not None and not stop.is_set():
                question, messages = one
                results.put((question, await self._reply(client, question, messages)))

        async with self._client() as client, asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(keep_asking(client)) for _ in range(self._options.concurrency)]
            tasks.create_task(_cancel_when(stop, asking))

    def _client(self) -> "AsyncOpenAI":
        return _import_client()(
            http_client=_http_client(),
            base_url=self._options.vlm,
            api_key=os.environ.get(self._options.key_variable) or "none",
            timeout=self._options.seconds,
            max_retries=0,  # its timeout is one between two bytes, so that a trickle would hold a request for ever
        )

    async def _reply(self, client: "AsyncOpenAI", question: Question[Any], messages: list[Any]) -> Reply:
        for attempt in range(self._options.retries + 1):
            try:
                async with asyncio.timeout(self._options.seconds):
                    reply = await self._completion(client, question, messages)
                break
            except Exception as error:  # whatever a server sends costs this question and not the run
                self._raise_if_closed(error)
                reply = _failed(error)
                if attempt == self._options.retries or not _may_pass(error):
                    break
                pause = _pause(error, attempt)
            await asyncio.sleep(pause)
        self._notice(reply)
        return reply

    def _raise_if_closed(self, error: Exception) -> None:
        """Raises VlmUnavailable after an error that every question would meet."""
        import openai

        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            raise VlmUnavailable(
                f"{self._options.vlm} refuses access ({error.status_code}): set {self._options.key_variable} to "
                "its API key, or name another environment variable with --vlm-key-env"
            ) from None
        if isinstance(error, openai.NotFoundError):
            raise VlmUnavailable(
                f"{self._options.vlm} has no model {self.name!r}, or is not the address of an OpenAI-compatible "
                "endpoint; most end in /v1"
            ) from None

    def _notice(self, reply: Reply) -> None:
        self._silent = self._silent + 1 if reply.temporary else 0
        if self._silent >= max(SILENT_AT_LEAST, self._options.concurrency):
            raise VlmUnavailable(
                f"{self._options.vlm} left {self._silent} questions in a row unanswered: {reply.problem}. "
                "What was answered is kept; start again when it is back"
            )

    async def _completion(self, client: "AsyncOpenAI", question: Question[Any], messages: list[Any]) -> Reply:
        """Sends a request with the strictest response format that the endpoint accepts."""
        import openai

        for place in range(self._format, len(FORMATS)):
            try:
                completion = await client.post(
                    "/chat/completions", body=self._body(FORMATS[place], question, messages), cast_to=object
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                if place == len(FORMATS) - 1:
                    raise
                continue
            self._format = max(self._format, place)
            return _read(completion)
        raise AssertionError("unreachable: the last format returns or raises")

    def _body(self, format: str, question: Question[Any], messages: list[Any]) -> dict[str, Any]:
        """The JSON body of a request. The client's typed call would spend a third of its time on type look-ups."""
        return {
            "model": self.name,
            "messages": messages,
            "max_tokens": question.max_tokens,
            "temperature": 0,
            **_response_format(format, question),
        }

    def _messages(self, question: Question[Any]) -> list[Any]:
        return [{"role": "system", "content": question.system}, *map(self._message, question.messages)]

    def _message(self, message: Message) -> dict[str, Any]:
        if message.role == "assistant":
            return {"role": "assistant", "content": "".join(str(part) for part in message.parts)}
        return {"role": message.role, "content": [self._part(part) for part in message.parts]}

    def _part(self, part: Any) -> dict[str, Any]:
        if isinstance(part, str):
            return {"type": "text", "text": part}
        return {"type": "image_url", "image_url": {"url": data_url(part.load(), self._options.picture_side)}}


def _import_client() -> "type[AsyncOpenAI]":
    try:
        from openai import AsyncOpenAI
    except ImportError as error:
        raise ImportError("--vlm URL needs the openai client: pip install 'diffseg30k[generation]'") from error
    return AsyncOpenAI


def _http_client() -> Any:
    """The `openai` client's aiohttp transport if available; httpx scans all connections for each request."""
    try:
        from openai import DefaultAioHttpClient

        return DefaultAioHttpClient()
    except (ImportError, RuntimeError):
        return None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _cancel_when(stop: threading.Event, tasks: list[asyncio.Task]) -> None:
    """Cancels tasks once the caller has stopped reading replies."""
    while not all(task.done() for task in tasks):
        if stop.is_set():
            for task in tasks:
                task.cancel()
            return
        await asyncio.wait(tasks, timeout=0.2, return_when=asyncio.ALL_COMPLETED)


def _response_format(name: str, question: Question[Any]) -> dict[str, Any]:
    if name == "json_schema":
        schema = {"name": question.schema_name, "schema": question.schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {"response_format": {"type": "json_object"}} if name == "json_object" else {}


def _read(completion: Any) -> Reply:
    """The reply in a completion; one that the endpoint broke off for its length is unusable.

    Raises:
        ValueError: the response is no chat completion.
    """
    choices = completion.get("choices") if isinstance(completion, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ValueError("the response is not a chat completion")
    content = message.get("content")
    text = content if isinstance(content, str) else ""
    return Reply(text, BROKEN_OFF if choice.get("finish_reason") == "length" else None)


def _failed(error: Exception) -> Reply:
    """A `Reply` that describes a failed request."""
    import openai

    if type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout"):
        return Reply("", "the endpoint cannot be reached", temporary=True, reached=False)
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return Reply("", "the endpoint took too long", temporary=True)
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        if status in (408, 409, 429) or status >= 500:
            return Reply("", f"the endpoint answered with status {status}", temporary=True)
        said = " ".join(str(error.message).split())[:200]
        return Reply("", f"the endpoint refuses the question with status {status}: {said}")
    if isinstance(error, openai.APIConnectionError):
        return Reply("", "the connection to the endpoint failed", temporary=True)
    return Reply("", "the endpoint's response is not a chat completion", temporary=True)


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed a moment later."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError | TimeoutError)


def _pause(error: Exception, attempt: int) -> float:
    """Seconds before the next attempt: what the endpoint asks for, within limits, else a growing pause."""
    response = getattr(error, "response", None)
    asked = _asked_pause(response.headers.get("retry-after")) if response is not None else None
    if asked is not None and 0 < asked <= LONGEST_ASKED_PAUSE:
        return asked
    return min(FIRST_PAUSE * 2.0**attempt, LONGEST_PAUSE) * random.uniform(0.75, 1)


def _asked_pause(header: str | None) -> float | None:
    """The seconds of a `Retry-After` header: a number, or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        return float(header)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
