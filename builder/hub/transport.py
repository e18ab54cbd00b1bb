"""The HTTP library that `huggingface_hub` sends its requests with: `httpx` for 1.x, `httpx2` for 2.x.

It is asked of `huggingface_hub` and never required by us, so that there is one of them, and the one whose errors
are raised.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

from huggingface_hub import get_session


@cache
def http_library() -> ModuleType:
    """`httpx` or `httpx2`."""
    return importlib.import_module(type(get_session()).__module__.partition(".")[0])


def is_transport_error(error: object) -> bool:
    """Whether a request got no answer: the server cannot be reached, is silent or breaks off."""
    return isinstance(error, http_library().TransportError)


def is_timeout(error: object) -> bool:
    """Whether a request got no answer in time."""
    return isinstance(error, http_library().TimeoutException)


@contextmanager
def bounded_waits(seconds: float) -> Iterator[None]:
    """No request of the Hub's client waits longer than `seconds` for a byte; by itself it waits for ever."""
    client = get_session()
    before, client.timeout = client.timeout, http_library().Timeout(seconds, pool=None)
    try:
        yield
    finally:
        client.timeout = before
