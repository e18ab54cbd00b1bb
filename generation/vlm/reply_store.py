"""Stores a VLM's replies in the run directory, so that answered questions are not asked again.

vlm/KEY.json    one question: fingerprint, reply and unusable attempts; with `keep_replies` also the whole
                question
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from builder.encoding.json_document import JsonDocument
from builder.run.directory import RunDirectory
from generation.vlm.question import Message, Question

FOLDER = "vlm"


@dataclass(frozen=True)
class Attempt:
    """One reply that could not be used.

    Attributes:
        reply: the reply's text.
        problem: why it is unusable.
    """

    reply: str
    problem: str


@dataclass(frozen=True)
class Entry:
    """The stored entry of one question.

    Attributes:
        fingerprint: digest of model and question; an entry with another fingerprint is ignored.
        reply: the usable reply; None if there is none yet.
        refused: the unusable replies.
        unanswered: the problem of each earlier call in which the server was reached and gave no reply.
    """

    fingerprint: str
    reply: str | None
    refused: tuple[Attempt, ...] = field(default=())
    unanswered: tuple[str, ...] = field(default=())


def fingerprint(question: Question[Any], model: str) -> str:
    """A digest of all that an answer depends on; images enter by their names and the subject."""
    content = [model, question.subject, question.system, _texts(question.messages), question.schema]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _texts(messages: tuple[Message, ...]) -> list[list[str]]:
    return [
        [message.role, *(part if isinstance(part, str) else f"picture: {part.name}" for part in message.parts)]
        for message in messages
    ]


@dataclass(frozen=True)
class ReplyStore:
    """The stored questions of a run.

    Attributes:
        run: the run directory.
        keep_replies: whether the whole question is stored with its answer, for audit.
    """

    run: RunDirectory
    keep_replies: bool = False

    def read(self, question: Question[Any], model: str) -> Entry | None:
        """The entry of a question to a model; None if there is none with the same fingerprint."""
        try:
            data = self.run.read(_path(question.key))
        except FileNotFoundError:
            return None
        entry = _ENTRY.load(data, f"{self.run.url}/{_path(question.key)}")
        return entry if entry.fingerprint == fingerprint(question, model) else None

    def write(self, question: Question[Any], model: str, entry: Entry) -> None:
        content = dataclasses.asdict(entry) | {"model": model}
        if self.keep_replies:
            content["question"] = {
                "system": question.system,
                "messages": _texts(question.messages),
                "schema": question.schema,
            }
        self.run.write(_path(question.key), _ENTRY.dump(content))


def _entry(fields: dict[str, Any]) -> Entry:
    refused = tuple(Attempt(one["reply"], one["problem"]) for one in fields["refused"])
    return Entry(fields["fingerprint"], fields["reply"], refused, tuple(fields.get("unanswered", ())))


_ENTRY = JsonDocument("a kept reply", 1, _entry, "delete it to ask again")


def _path(key: str) -> str:
    return f"{FOLDER}/{key}.json"
