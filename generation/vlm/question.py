"""The data types of questions to a VLM and of its replies, and the interface of a VLM."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)


class UnusableReply(ValueError):
    """A reply does not have the requested content; the message says why."""


class VlmUnavailable(ConnectionError):
    """The VLM does not answer any question; the message says what to do. Earlier answers are kept."""


@dataclass(frozen=True)
class Picture:
    """An image in a question.

    Attributes:
        name: its source, for the reply store: `turn-2/IMAGE.webp`.
        load: returns its (H, W, 3) uint8 RGB pixels; called when the question is asked.
    """

    name: str
    load: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: `user` or `assistant`.
        parts: texts and images, in order.
    """

    role: str
    parts: tuple[str | Picture, ...]


@dataclass(frozen=True)
class Question(Generic[Value_co]):
    """One question.

    Attributes:
        key: unique name in the run: letters, digits, `.`, `_`, `-`, and `/` between folders.
        subject: a digest of the images' content; with another subject it is another question.
        system: the system prompt.
        messages: worked examples, if any, then the question as a user message.
        schema: JSON schema of the reply.
        schema_name: the schema's name, which endpoints require.
        read: parses a reply; raises `UnusableReply`.
        max_tokens: largest number of tokens of the reply.
    """

    key: str
    subject: str
    system: str
    messages: tuple[Message, ...]
    schema: dict[str, Any]
    schema_name: str
    read: Callable[[str], Value_co]
    max_tokens: int = 256


BROKEN_OFF = "the reply was broken off at its largest length"


@dataclass(frozen=True)
class Reply:
    """The reply to a question.

    Attributes:
        text: the reply's text; empty if there is none.
        problem: why there is none or it is unusable; None for a whole reply.
        temporary: whether the problem is the server's, so that asking later may succeed.
        reached: whether there was a connection to the server.
    """

    text: str
    problem: str | None = None
    temporary: bool = False
    reached: bool = True


class Vlm(Protocol):
    """A vision-language model that answers questions about images.

    Attributes:
        name: the model's name, under which answers are stored.
    """

    name: str

    def replies(self, questions: Iterable[Question[Any]]) -> Iterator[tuple[Question[Any], Reply]]:
        """Yields a reply to each question, in any order.

        Raises:
            VlmUnavailable: the VLM answers no questions.
        """

    def close(self) -> None:
        """Frees its memory and connections."""
