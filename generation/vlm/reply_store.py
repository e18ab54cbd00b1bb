"""What a VLM was asked and what it said, kept in the run directory, so that nothing finished is asked again.

vlm/KEY.json    one question: whose answer it is, to what, and the reply; with every attempt and the whole
                question where replies are kept for audit
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
        reply: as it came.
        problem: why it could not be used.
    """

    reply: str
    problem: str


@dataclass(frozen=True)
class Entry:
    """What is kept of one question.

    Attributes:
        fingerprint: of the model and the question: another one's entry does not count.
        reply: the one that was used; None where there is none, or none yet.
        refused: the attempts that could not be used.
    """

    fingerprint: str
    reply: str | None
    refused: tuple[Attempt, ...] = field(default=())


def fingerprint(question: Question[Any], model: str) -> str:
    """A digest of all that an answer depends on; the pictures go in by their names and the subject."""
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
    """The kept questions of a run.

    Attributes:
        run: where they are kept.
        keep_replies: keep the whole question beside its answer, for audit.
    """

    run: RunDirectory
    keep_replies: bool = False

    def read(self, question: Question[Any], model: str) -> Entry | None:
        """What is kept of this very question to this model; None where it has to be asked."""
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
    return Entry(fields["fingerprint"], fields["reply"], refused)


_ENTRY = JsonDocument("a kept reply", 1, _entry, "delete it to ask again")


def _path(key: str) -> str:
    return f"{FOLDER}/{key}.json"
