"""The endpoint client over real HTTP, against an endpoint with troubles."""

import base64
import dataclasses
import email.utils
import io
import re
import threading
import time

import pytest
from PIL import Image

from generation.vlm.client import open_vlm
from generation.vlm.options import VlmOptions
from generation.vlm.question import VlmUnavailable
from generation.vlm.worked_examples import worked_examples
from tests.generation.vlm.endpoint_server import MALFORMED, Behaviour, asked_text, endpoint

GOOD = '{"score": 4, "reason": "fine"}'


def ask(server, questions, **options):
    options = {"concurrency": 4, "seconds": 5.0, "retries": 2} | options
    vlm = open_vlm(VlmOptions(server.url, model="m", **options))
    return {question.key: reply for question, reply in vlm.replies(questions)}


def test_a_question_is_sent_with_its_picture_its_examples_and_its_schema(question):
    with endpoint(lambda *_: Behaviour(GOOD)) as server:
        replies = ask(server, [question(examples=worked_examples())])
    assert replies["score/a"].text == GOOD
    (request,) = server.requests
    assert (request["model"], request["temperature"]) == ("m", 0)
    assert [message["role"] for message in request["messages"]] == ["system", *("user", "assistant") * 2, "user"]
    assert request["response_format"]["json_schema"]["schema"]["required"] == ["score", "reason"]
    url = request["messages"][-1]["content"][0]["image_url"]["url"]
    with Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,")))) as picture:
        assert picture.size == (112, 112)


def test_pictures_are_made_small_enough(question):
    with endpoint(lambda *_: Behaviour(GOOD)) as server:
        ask(server, [question()], picture_side=56)
    url = server.requests[0]["messages"][-1]["content"][0]["image_url"]["url"]
    with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as picture:
        assert picture.size == (56, 56)


def test_as_many_as_asked_for_are_on_the_wire_and_no_more(question):
    with endpoint(lambda *_: Behaviour(GOOD, delay=1)) as server:
        replies = ask(server, [question(f"score/{number}") for number in range(30)], concurrency=8)
    assert len(replies) == 30
    assert server.most_at_once == 8


def test_questions_are_made_only_when_they_can_be_sent(question):
    made = []

    def questions():
        for number in range(40):
            made.append(number)
            yield question(f"score/{number}")

    with endpoint(lambda *_: Behaviour(GOOD, delay=0.05)) as server:
        vlm = open_vlm(VlmOptions(server.url, model="m", concurrency=2))
        replies = 0
        for _ in vlm.replies(questions()):
            replies += 1
            assert len(made) <= len(server.requests) + 3
        assert replies == 40


def test_a_busy_endpoint_is_asked_again_when_it_says(question):
    times = []

    def behave(_, number):
        times.append(time.monotonic())
        return Behaviour(status=429, headers={"Retry-After": "1"}) if number == 0 else Behaviour(GOOD)

    with endpoint(behave) as server:
        assert ask(server, [question()])["score/a"].text == GOOD
    assert times[1] - times[0] >= 1


@pytest.mark.parametrize(
    ("trouble", "seconds"),
    [
        (Behaviour(status=500), 60),
        (Behaviour(status=503), 60),
        (Behaviour(GOOD, cut=True), 60),
        (Behaviour(GOOD, delay=20), 5),
    ],
    ids=["500", "503", "half a reply", "too slow"],
)
def test_trouble_that_passes_is_overcome(question, trouble, seconds):
    with endpoint(lambda _, number: trouble if number == 0 else Behaviour(GOOD)) as server:
        assert ask(server, [question()], seconds=seconds)["score/a"].text == GOOD


@pytest.mark.parametrize(
    ("trouble", "seconds", "problem"),
    [
        (Behaviour(status=500), 60, "status 500"),
        (Behaviour(status=429), 60, "status 429"),
        (Behaviour(GOOD, cut=True), 60, "connection"),
        (Behaviour(GOOD, delay=20), 5, "too long"),
        (Behaviour(GOOD, trickle=1), 5, "too long"),
    ],
    ids=["500", "429", "half a reply", "slow", "a trickle"],
)
def test_trouble_that_stays_is_a_temporary_problem_of_that_question(question, trouble, seconds, problem):
    def behave(request, _):
        return trouble if "bad" in request["messages"][0]["content"] else Behaviour(GOOD)

    bad = dataclasses.replace(question("score/bad"), system="bad")
    with endpoint(behave) as server:
        replies = ask(server, [bad, question("score/good")], seconds=seconds, retries=1)
    assert replies["score/good"].text == GOOD
    assert replies["score/bad"].temporary
    assert problem in replies["score/bad"].problem


@pytest.mark.parametrize("trouble", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_response_is_a_temporary_problem_of_its_question(question, trouble):
    def behave(request, _):
        return trouble if "bad" in request["messages"][0]["content"] else Behaviour(GOOD)

    bad = dataclasses.replace(question("score/bad"), system="bad")
    with endpoint(behave) as server:
        replies = ask(server, [bad, question("score/good")], retries=0)
    assert replies["score/good"].text == GOOD
    assert replies["score/bad"].temporary
    assert re.search("not a chat completion|connection", replies["score/bad"].problem)


def test_a_reply_that_the_endpoint_broke_off_is_unusable(question):
    with endpoint(lambda *_: Behaviour(GOOD, finish="length")) as server:
        reply = ask(server, [question()])["score/a"]
    assert (reply.problem, reply.temporary) == ("the reply was broken off at its largest length", False)


def test_a_pause_that_is_asked_for_as_a_date_is_kept(question):
    times = []

    def behave(_, number):
        times.append(time.time())
        date = email.utils.formatdate(time.time() + 3, usegmt=True)  # whole seconds
        return Behaviour(status=503, headers={"Retry-After": date}) if number == 0 else Behaviour(GOOD)

    with endpoint(behave) as server:
        assert ask(server, [question()])["score/a"].text == GOOD
    assert times[1] - times[0] >= 1.5


def test_an_endpoint_that_stops_answering_is_given_up(question):
    with endpoint(lambda _, number: Behaviour(GOOD) if number < 5 else Behaviour(status=500)) as server:
        vlm = open_vlm(VlmOptions(server.url, model="m", concurrency=2, retries=0))
        answered = []
        with pytest.raises(VlmUnavailable, match="in a row unanswered: the endpoint answered with status 500"):
            answered += [
                reply for _, reply in vlm.replies(question(f"score/{n}") for n in range(500)) if reply.text
            ]
        assert len(server.requests) < 20


def test_an_endpoint_that_is_not_there_is_given_up(question):
    vlm = open_vlm(VlmOptions("http://127.0.0.1:9/v1", model="m", concurrency=1, retries=0))
    with pytest.raises(VlmUnavailable, match="cannot be reached"):
        list(vlm.replies(question(f"score/{number}") for number in range(500)))


@pytest.mark.parametrize("status", [401, 403])
def test_without_the_right_key_asking_ends_and_the_key_is_not_shown(question, status, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with endpoint(lambda *_: Behaviour(status=status)) as server, pytest.raises(VlmUnavailable) as caught:
        ask(server, [question()])
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "sk-secret" not in str(caught.value)
    assert server.keys == ["Bearer sk-secret"]


def test_a_wrong_address_or_model_ends_the_asking(question):
    with endpoint(lambda *_: Behaviour(GOOD)) as server:
        server.url = server.url.removesuffix("/v1")
        with pytest.raises(VlmUnavailable, match="has no model 'm', or is not the address"):
            ask(server, [question()])


def test_an_endpoint_that_enforces_no_schema_is_asked_without_one(question):
    def behave(request, _):
        kind = request.get("response_format", {}).get("type")
        return Behaviour(status=400) if kind == "json_schema" else Behaviour(GOOD)

    with endpoint(behave) as server:
        replies = ask(server, [question(f"score/{number}") for number in range(6)], concurrency=1)
    assert {reply.text for reply in replies.values()} == {GOOD}
    kinds = [request.get("response_format", {}).get("type") for request in server.requests]
    assert kinds == ["json_schema", *["json_object"] * 6], "what is refused once is not tried again"


def test_an_endpoint_that_knows_no_format_is_asked_in_words(question):
    with endpoint(
        lambda request, _: Behaviour(status=422 if "response_format" in request else 200, content=GOOD)
    ) as server:
        assert ask(server, [question()])["score/a"].text == GOOD
    assert '{"score": NUMBER' in asked_text(server.requests[-1])


def test_a_question_that_is_refused_spoils_no_other(question):
    def behave(request, _):
        return Behaviour(status=400) if request["messages"][0]["content"] == "bad" else Behaviour(GOOD)

    bad = dataclasses.replace(question("score/bad"), system="bad")
    with endpoint(behave) as server:
        replies = ask(server, [bad, question("score/good"), question("score/better")], concurrency=1)
    assert not replies["score/bad"].temporary
    assert "refuses the question with status 400" in replies["score/bad"].problem
    assert replies["score/good"].text == replies["score/better"].text == GOOD
    assert [request["response_format"]["type"] for request in server.requests[-2:]] == ["json_schema"] * 2


def test_a_model_that_says_nothing_has_an_empty_reply(question):
    with endpoint(lambda *_: Behaviour(None)) as server:
        reply = ask(server, [question()])["score/a"]
    assert (reply.text, reply.problem, reply.temporary) == ("", None, False)


def test_an_error_in_making_the_questions_reaches_the_caller(question):
    def questions():
        yield question()
        raise ValueError("the run is broken")

    with endpoint(lambda *_: Behaviour(GOOD)) as server, pytest.raises(ValueError, match="the run is broken"):
        ask(server, questions())


def test_nobody_is_left_when_the_caller_stops(question):
    with endpoint(lambda *_: Behaviour(GOOD, delay=0.2)) as server:
        vlm = open_vlm(VlmOptions(server.url, model="m", concurrency=4))
        before = threading.active_count()
        replies = vlm.replies(question(f"score/{number}") for number in range(1000))
        next(replies)
        replies.close()
        assert len(server.requests) < 20
        while threading.active_count() > before + 4:  # the server's own threads may linger
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vlm": "http://localhost:8000/v1"}, "--vlm-model"),
        ({"vlm": "qwen2.5-vl-7b", "model": "m"}, "--vlm-model is for an endpoint"),
        ({"vlm": "qwen2.5-vl-7b", "batch_size": 0}, "batch_size is at least 1"),
        ({"vlm": "qwen2.5-vl-7b", "seconds": 0}, "--vlm-timeout is a number of seconds above 0"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        VlmOptions(**options)
