"""Nothing finished is asked again; what cannot be used is asked for once more; every answer is kept."""

import dataclasses
import json

import pytest

from builder.run.directory import RunDirectory
from generation.vlm.ask import ask
from generation.vlm.client import open_vlm
from generation.vlm.options import VlmOptions
from generation.vlm.question import VlmUnavailable
from generation.vlm.replies import Judgement
from generation.vlm.reply_store import ReplyStore
from tests.generation.vlm.endpoint_server import Behaviour, asked_text, endpoint

GOOD = '{"score": 4, "reason": "fine"}'


@pytest.fixture
def archive(tmp_path):
    return ReplyStore(RunDirectory(str(tmp_path)))


def answers(server, archive, questions, model="m", **options):
    vlm = open_vlm(VlmOptions(server.url, model=model, **({"concurrency": 3, "retries": 0} | options)))
    return {answer.question.key: answer for answer in ask(vlm, archive, questions)}


def questions(question, count):
    return [question(f"score/{number}") for number in range(count)]


def test_an_answer_is_read_and_kept(question, archive):
    with endpoint(lambda *_: Behaviour(GOOD)) as server:
        first = answers(server, archive, questions(question, 5))
        again = answers(server, archive, questions(question, 5))
    assert [answer.value for answer in first.values()] == [Judgement(4.0, "fine")] * 5
    assert {key: answer.value for key, answer in again.items()} == {
        key: answer.value for key, answer in first.items()
    }
    assert len(server.requests) == 5
    assert {answer.asked for answer in again.values()} == {0}


def test_a_reply_that_cannot_be_used_is_asked_for_once_more(question, archive):
    with endpoint(lambda _, number: Behaviour("I like it!" if number == 0 else GOOD)) as server:
        answer = answers(server, archive, [question()])["score/a"]
    assert (answer.value, answer.asked) == (Judgement(4.0, "fine"), 2)
    assert "could not be used" not in asked_text(server.requests[0])
    assert "could not be used: the reply is not one JSON value" in asked_text(server.requests[1])


def test_after_two_replies_that_cannot_be_used_the_question_is_given_up_for_good(question, archive):
    with endpoint(lambda *_: Behaviour("I like it!")) as server:
        first = answers(server, archive, [question()])["score/a"]
        again = answers(server, archive, [question()])["score/a"]
    assert len(server.requests) == 2
    for answer in (first, again):
        assert answer.value is None
        assert not answer.temporary
        assert answer.problem is not None
        assert answer.problem.startswith("no reply that can be used: the reply is not one JSON value")


def test_what_the_server_could_not_answer_is_asked_again_later(question, archive):
    with endpoint(lambda _, number: Behaviour(status=500) if number == 0 else Behaviour(GOOD)) as server:
        first = answers(server, archive, [question()])["score/a"]
        again = answers(server, archive, [question()])["score/a"]
    assert (first.value, first.temporary) == (None, True)
    assert again.value == Judgement(4.0, "fine")


def asked_in_calls(server, archive, questions, calls):
    vlm = open_vlm(VlmOptions(server.url, model="m", retries=0))
    return {answer.question.key: answer for answer in ask(vlm, archive, questions, calls)}


def test_a_question_that_stays_unanswered_is_given_up(question, archive):
    def behave(request, _):
        return Behaviour(body=b'{"choices": ["x"]}') if "bad" in str(request["messages"][0]) else Behaviour(GOOD)

    asked = [question("score/good"), dataclasses.replace(question("score/bad"), system="bad")]
    with endpoint(behave) as server:
        for call in range(3):
            found = asked_in_calls(server, archive, asked, 3)["score/bad"]
            assert found.temporary == (call < 2)
        before = len(server.requests)
        again = asked_in_calls(server, archive, asked, 3)["score/bad"]
        assert len(server.requests) == before
    for answer in (found, again):
        assert answer.value is None
        assert answer.problem.startswith("the server gave no reply in 3 calls: ")


def test_calls_in_which_the_server_cannot_be_reached_do_not_count(question, archive):
    with endpoint(lambda *_: Behaviour(GOOD)) as server:
        pass  # its port is closed from here on
    for _ in range(4):
        answers = asked_in_calls(server, archive, questions(question, 2), 3)
        assert {answer.problem for answer in answers.values()} == {"the endpoint cannot be reached"}
        assert all(answer.temporary for answer in answers.values())
    assert not archive.run.names("vlm/score")


def test_when_the_server_dies_what_was_answered_stays_answered(question, archive):
    dying = endpoint(lambda _, number: Behaviour(GOOD) if number < 10 else Behaviour(status=500))
    with dying as server, pytest.raises(VlmUnavailable):
        answers(server, archive, questions(question, 40))
    kept = len(archive.run.names("vlm/score"))
    assert 8 <= kept <= 10
    with endpoint(lambda *_: Behaviour(GOOD)) as server:
        assert len(answers(server, archive, questions(question, 40))) == 40
        assert len(server.requests) == 40 - kept


def test_a_first_refusal_is_remembered_over_a_kill(question, archive):
    with endpoint(lambda *_: Behaviour("what?")) as server:
        asking = ask(open_vlm(VlmOptions(server.url, model="m", concurrency=1)), archive, questions(question, 3))
        next(asking)  # all three were refused once, one twice
        asking.close()  # another may be on its way to the server
        before = [json.loads(archive.run.read(f"vlm/score/{number}.json")) for number in range(3)]
        asked = len(server.requests)
        answers(server, archive, questions(question, 3))
    assert sum(len(entry["refused"]) for entry in before) == 4
    assert len(server.requests) - asked == 2


@pytest.mark.parametrize("change", [{"model": "other"}, {"subject": "edited anew"}])
def test_another_model_or_another_picture_is_another_question(question, archive, change):
    model = change.pop("model", "m")
    with endpoint(lambda *_: Behaviour(GOOD)) as server:
        answers(server, archive, [question()])
        answers(server, archive, [question(**change)], model=model)
    assert len(server.requests) == 2


@pytest.mark.parametrize("keep", [True, False])
def test_a_maker_can_audit_what_was_asked_and_said(question, tmp_path, keep):
    archive = ReplyStore(RunDirectory(str(tmp_path)), keep_replies=keep)
    with endpoint(lambda _, number: Behaviour("hm" if number == 0 else GOOD)) as server:
        answers(server, archive, [question()])
    kept = json.loads((tmp_path / "vlm/score/a.json").read_text())
    assert (kept["model"], kept["reply"]) == ("m", GOOD)
    assert [refused["reply"] for refused in kept["refused"]] == ["hm"]
    assert ("question" in kept) == keep
    if keep:
        assert kept["question"]["messages"][-1][1] == "picture: turn-1/score/a.webp"
        assert "Are there unnatural things" in kept["question"]["messages"][-1][2]


def test_no_key_is_kept(question, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    archive = ReplyStore(RunDirectory(str(tmp_path)), keep_replies=True)
    with endpoint(lambda *_: Behaviour(GOOD)) as server:
        answers(server, archive, [question()])
    assert not any("sk-secret" in path.read_text() for path in tmp_path.rglob("*.json"))


def test_a_damaged_entry_is_named(question, archive):
    archive.run.write("vlm/score/a.json", b'{"reply"')
    with (
        endpoint(lambda *_: Behaviour(GOOD)) as server,
        pytest.raises(ValueError, match=r"vlm/score/a\.json is not"),
    ):
        answers(server, archive, [question()])
