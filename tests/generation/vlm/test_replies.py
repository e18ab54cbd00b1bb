"""Irregular replies are parsed correctly or rejected; none is parsed to a wrong value."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.vlm.question import UnusableReply
from generation.vlm.replies import (
    MAX_OBJECTS,
    read_judgement,
    read_objects,
    read_prompt,
)

GOLDEN = json.loads((Path(__file__).parent / "golden_replies.json").read_text())


def cases(kind):
    return [pytest.param(case, id=case["name"]) for case in GOLDEN[kind]]


def read_or_none(read, *arguments):
    try:
        return read(*arguments)
    except UnusableReply:
        return None


def test_there_are_forty_replies_to_each_kind_of_question_and_some_of_each_fate():
    for kind, replies in GOLDEN.items():
        read = sum(case["read"] is not None for case in replies)
        assert len(replies) >= 40, kind
        assert min(read, len(replies) - read) >= 15, kind


@pytest.mark.parametrize("case", cases("objects"))
def test_objects(case):
    found = read_or_none(read_objects, case["reply"])
    assert (found is None) == (case["read"] is None)
    if found is not None:
        assert [[one.name, one.kind] for one in found] == case["read"]


@pytest.mark.parametrize("case", cases("prompt"))
def test_prompts(case):
    found = read_or_none(read_prompt, case["reply"], case["edit_type"], case["object"])
    assert (found is None) == (case["read"] is None)
    if found is not None:
        assert [found.prompt, found.background] == case["read"]


@pytest.mark.parametrize("case", cases("score"))
def test_scores(case):
    found = read_or_none(read_judgement, case["reply"])
    assert (found is None) == (case["read"] is None)
    if found is not None:
        assert [found.score, found.reason] == case["read"]


@pytest.mark.parametrize(
    "reply",
    [
        '{"score": 4, "reason": "' + "x" * 25_000 + '"}',
        '{"score": ' + "4" * 5000 + ', "reason": "fine"}',
        "[" * 15_000,
        '{"score": ' * 1500,
        '{"a": ' * 1500 + "1" + "}" * 1500,
    ],
    ids=["long", "digits", "brackets", "open objects", "nested objects"],
)
def test_enormous_replies_are_refused(reply):
    assert read_or_none(read_judgement, reply) is None
    assert read_or_none(read_objects, reply) is None


NOISE = st.text(st.sampled_from("{}[]\"':,0459.e+-`json score reason objects prompt\n\\ <>|"), max_size=60)


@given(NOISE)
def test_noise_is_refused_or_read_within_bounds(text):
    if judged := read_or_none(read_judgement, text):
        assert 0 <= judged.score <= 5
        assert judged.reason.strip()
    if named := read_or_none(read_objects, text):
        assert len(named) <= MAX_OBJECTS
    read_or_none(read_prompt, text, "removal", "dog")


@given(st.sampled_from([0, 1, 2.5, 4, 5]), st.text("abc dé", min_size=3).filter(str.strip), st.data())
def test_a_reply_cut_anywhere_is_refused(score, reason, data):
    whole = json.dumps({"score": score, "reason": reason})
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert read_or_none(read_judgement, whole[:cut]) is None


def test_an_unknown_edit_type_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="not an edit type"):
        read_prompt("{}", "swap", "dog")
