"""Repeats a request after temporary errors: a busy server, a lost connection."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

TRIES = 4
LONGEST_PAUSE = 30.0
"""Seconds; the pauses double up to it."""


def retried(
    request: Callable[[], Result],
    is_passing: Callable[[Exception], bool],
    tries: int = TRIES,
    asked_pause: Callable[[Exception], float | None] = lambda _: None,
) -> Result:
    """Carries out a request that may be repeated, and tries again after what may pass.

    Args:
        is_passing: whether the same request may succeed after this error; any other error ends the tries.
        tries: how often at most, at least 1.
        asked_pause: the seconds that the server asks to wait after this error; None where it does not say.

    Raises:
        Exception: the error of the last try.
    """
    for attempt in range(tries - 1):
        try:
            return request()
        except Exception as error:
            if not is_passing(error):
                raise
            asked = asked_pause(error)
            pause = min(2.0**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1) if asked is None else asked
        time.sleep(pause)
    return request()
