"""Returns the HTTP library that `huggingface_hub` uses: `httpx` for 1.x, `httpx2` for 2.x.

It is not a requirement of this project, so that there is only one, whose errors can be caught.
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
