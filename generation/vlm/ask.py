"""Asks a VLM questions: uses stored replies, stores new ones, and asks again after an unusable reply."""

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from generation.vlm.question import Message, Question, Reply, UnusableReply, Vlm
from generation.vlm.reply_store import Attempt, Entry, ReplyStore, fingerprint

ATTEMPTS = 2
"""Largest number of times that a question is asked in one call."""

_AGAIN = (
    "Your last reply could not be used: {problem}. Reply with one JSON object of the form asked for, in English, "
    "and with nothing else."
)

Value = TypeVar("Value")


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """The answer to a question.

    Attributes:
        question: the question.
        value: the answer; None if there is no usable one.
        problem: why there is none, or None.
        temporary: whether the server gave no reply; a later call asks again.
        asked: how often the question was asked in this call; 0 if the answer was stored.
    """

    question: Question[Value]
    value: Value | None
    problem: str | None
    temporary: bool
    asked: int


@dataclass(frozen=True)
class _Asked(Generic[Value]):
    """A question with its stored entry and the number of times that it was asked in this call."""

    question: Question[Value]
    entry: Entry
    calls: int | None
    times: int = 0

    @property
    def given_up(self) -> bool:
        """Whether the server left the question unanswered in as many calls as are allowed."""
        return self.calls is not None and len(self.entry.unanswered) >= self.calls

    @property
    def settled(self) -> bool:
        return self.entry.reply is not None or len(self.entry.refused) >= ATTEMPTS or self.given_up

    def answer(self) -> Answer[Value]:
        if self.entry.reply is None and self.given_up:
            problem = f"the server gave no reply in {self.calls} calls: {self.entry.unanswered[-1]}"
            return Answer(self.question, None, problem, False, self.times)
        if self.entry.reply is None:
            problem = f"no reply that can be used: {self.entry.refused[-1].problem}"
            return Answer(self.question, None, problem, False, self.times)
        return Answer(self.question, self.question.read(self.entry.reply), None, False, self.times)


def ask(
    vlm: Vlm, store: ReplyStore, questions: Iterable[Question[Value]], calls: int | None = None
) -> Iterator[Answer[Value]]:
    """Asks questions and yields the answers in any order; each is in the reply store before it is yielded.

    Questions that the server does not answer are yielded last.

    Args:
        vlm: the VLM.
        store: the reply store, which may hold answers of earlier calls.
        questions: questions with different keys.
        calls: number of calls after which a question that the server left unanswered in each of them is given up
            for good; calls in which the server could not be reached do not count. None never gives up.

    Raises:
        VlmUnavailable: the VLM refuses access or stopped answering; earlier answers are kept.
    """
    waiting: Iterable[_Asked[Value]] = (
        _Asked(question, _kept(store, question, vlm.name), calls) for question in questions
    )
    unanswered: list[tuple[_Asked[Value], Reply]] = []
    for _ in range(ATTEMPTS):
        again = []
        for one, reply in _round(vlm, waiting):
            if reply is not None and reply.temporary:
                unanswered.append((dataclasses.replace(one, times=one.times + 1), reply))
                continue
            if reply is not None:
                entry = _noted(one.question, one.entry, reply)
                one = dataclasses.replace(one, entry=entry, times=one.times + 1)
                store.write(one.question, vlm.name, one.entry)
            if one.settled:
                yield one.answer()
            else:
                again.append(one)
        waiting = again
    for one, reply in unanswered:
        if reply.reached and calls is not None:
            entry = dataclasses.replace(one.entry, unanswered=(*one.entry.unanswered, str(reply.problem)))
            one = dataclasses.replace(one, entry=entry)
            store.write(one.question, vlm.name, entry)
        yield one.answer() if one.settled else Answer(one.question, None, reply.problem, True, one.times)


def _kept(store: ReplyStore, question: Question[Value], model: str) -> Entry:
    entry = store.read(question, model)
    if entry is not None and (entry.reply is None or _problem(question, Reply(entry.reply)) is None):
        return entry
    return Entry(fingerprint(question, model), None)


def _round(vlm: Vlm, waiting: Iterable[_Asked[Value]]) -> Iterator[tuple[_Asked[Value], Reply | None]]:
    """Asks each unsettled question once; yields settled ones without a reply."""
    open_ones: dict[str, _Asked[Value]] = {}
    settled: deque[_Asked[Value]] = deque()

    def questions() -> Iterator[Question[Value]]:
        for one in waiting:
            if one.settled:
                settled.append(one)
            else:
                open_ones[one.question.key] = one
                yield _reminded(one.question, one.entry)

    for question, reply in vlm.replies(questions()):
        yield open_ones.pop(question.key), reply
        while settled:
            yield settled.popleft(), None
    while settled:
        yield settled.popleft(), None


def _reminded(question: Question[Value], entry: Entry) -> Question[Value]:
    """The question with the problem of its last reply added, because the same words would get the same reply."""
    if not entry.refused:
        return question
    *earlier, last = question.messages
    reminder = f"\n\n{_AGAIN.format(problem=entry.refused[-1].problem)}"
    return dataclasses.replace(question, messages=(*earlier, Message(last.role, (*last.parts, reminder))))


def _noted(question: Question[Value], entry: Entry, reply: Reply) -> Entry:
    problem = _problem(question, reply)
    if problem is None:
        return dataclasses.replace(entry, reply=reply.text, unanswered=())
    return dataclasses.replace(entry, refused=(*entry.refused, Attempt(reply.text, problem)))


def _problem(question: Question[Value], reply: Reply) -> str | None:
    """Why a reply is unusable; None if it is usable."""
    if reply.problem is not None:
        return reply.problem
    try:
        question.read(reply.text)
    except UnusableReply as error:
        return str(error)
    return None
