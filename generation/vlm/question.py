"""What a VLM is asked, and what it says: no model and no wire in here."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)


class UnusableReply(ValueError):
    """A reply that is not what was asked for; the message says why, in our own words."""


class VlmUnavailable(ConnectionError):
    """The VLM as a whole does not answer; the message says what to do. What was answered before is kept."""


@dataclass(frozen=True)
class Picture:
    """A picture to show.

    Attributes:
        name: where it comes from, for the reply store: `turn-2/IMAGE.webp`.
        load: gives its (H, W, 3) uint8 RGB pixels, when they are needed.
    """

    name: str
    load: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: `user` or `assistant`.
        parts: text and pictures, in order.
    """

    role: str
    parts: tuple[str | Picture, ...]


@dataclass(frozen=True)
class Question(Generic[Value_co]):
    """One question.

    Attributes:
        key: names it in the run: letters, digits, `.`, `_`, `-`, and `/` between folders.
        subject: a digest of what the pictures show; another subject under the same key is another question.
        system: how to behave.
        messages: worked examples, if any, and then the question itself, by the user.
        schema: JSON schema of the reply.
        schema_name: a name for it, as endpoints want one.
        read: reads a reply; raises `UnusableReply`.
        max_tokens: of the reply.
    """

    key: str
    subject: str
    system: str
    messages: tuple[Message, ...]
    schema: dict[str, Any]
    schema_name: str
    read: Callable[[str], Value_co]
    max_tokens: int = 256


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        text: of the reply; empty where there was none.
        problem: why there is none, or None.
        temporary: asking later may help: the problem is the server's and not the question's.
    """

    text: str
    problem: str | None = None
    temporary: bool = False


class Vlm(Protocol):
    """A model that looks at pictures and answers.

    Attributes:
        name: of the model. Answers are kept by it.
    """

    name: str

    def replies(self, questions: Iterable[Question[Any]]) -> Iterator[tuple[Question[Any], Reply]]:
        """A reply to each question, in any order.

        Raises:
            VlmUnavailable: there is no use in asking on.
        """

    def close(self) -> None:
        """Frees what it holds: memory, connections."""
