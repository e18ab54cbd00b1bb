"""Qwen2.5-VL on this machine: a tiny one of the real classes, with the real chat template and real generation."""

import numpy as np
import pytest
from skimage import data

from builder.run.directory import RunDirectory
from diffseg30k import EDIT_TYPES
from generation.vlm.ask import ask
from generation.vlm.client import open_vlm
from generation.vlm.options import MODELS, VlmOptions
from generation.vlm.question import Picture
from generation.vlm.questions import edit_question, image_question, objects_question, prompt_question
from generation.vlm.replies import Judgement, NamedObject, WrittenPrompt
from generation.vlm.reply_store import ReplyStore
from generation.vlm.worked_examples import worked_examples
from tests.generation.vlm.tiny_qwen import REPLIES, SIDE


def picture(name: str, pixels: np.ndarray) -> Picture:
    return Picture(name, lambda: np.ascontiguousarray(pixels))


CAT, COFFEE = picture("cat", data.chelsea()[:200, :200]), picture("coffee", data.coffee()[:300, :300])


def questions():
    yield objects_question("objects/a", "s", CAT)
    for edit_type in EDIT_TYPES:
        yield prompt_question(f"prompts/{edit_type}", "s", CAT, COFFEE, edit_type, "cup")
    yield image_question("score/image", "s", COFFEE, worked_examples())
    yield edit_question("score/edit", "s", CAT, COFFEE, CAT, "removal of the cup", worked_examples())


ANSWERS = {
    "objects/a": (NamedObject("woman", "person"), NamedObject("cup", "kitchen")),
    "prompts/attribute_change": WrittenPrompt("made of polished green glass", None),
    "prompts/addition": WrittenPrompt("a small red balloon", "an empty wooden table"),
    "prompts/removal": WrittenPrompt("an empty wooden table", None),
    "score/image": Judgement(4.0, "the scene looks reasonable and natural"),
    "score/edit": Judgement(2.0, "the edited place has a torn edge"),
}


def options(checkpoint: str, **changes) -> VlmOptions:
    return VlmOptions(**{"vlm": checkpoint, "picture_side": SIDE} | changes)


def test_it_answers_every_kind_of_question(tiny_qwen, tmp_path):
    vlm = open_vlm(options(tiny_qwen))
    archive = ReplyStore(RunDirectory(str(tmp_path)))
    answers = {answer.question.key: answer.value for answer in ask(vlm, archive, questions())}
    assert answers == ANSWERS
    assert {answer.asked for answer in ask(vlm, archive, questions())} == {0}


def test_what_it_says_does_not_depend_on_what_is_asked_beside_it(tiny_qwen):
    alone = {question.key: reply.text for question, reply in open_vlm(options(tiny_qwen)).replies(questions())}
    together = open_vlm(options(tiny_qwen, batch_size=4)).replies(questions())
    assert {question.key: reply.text for question, reply in together} == alone
    assert set(alone.values()) == set(REPLIES.values())


def test_it_is_loaded_at_the_first_question_and_can_be_asked_again_after_it_is_closed(tiny_qwen):
    vlm = open_vlm(options(tiny_qwen))
    assert vlm._model is None
    for _ in range(2):
        ((_, reply),) = vlm.replies([objects_question("k", "s", CAT)])
        assert reply.text == REPLIES["objects"]
        vlm.close()
        assert vlm._model is None


def test_a_checkpoint_that_is_not_there_or_something_else_is_named(tmp_path):
    with pytest.raises(OSError, match="is not on this machine and cannot be fetched"):
        list(open_vlm(options(str(tmp_path / "nowhere"))).replies([objects_question("k", "s", CAT)]))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises((ValueError, OSError), match=str(tmp_path)):
        list(open_vlm(options(str(tmp_path))).replies([objects_question("k", "s", CAT)]))


@pytest.mark.parametrize(
    ("named", "vlm", "revision", "name"),
    [
        ("qwen2.5-vl-7b", "qwen2.5-vl-7b", None, "qwen2.5-vl-7b"),
        (
            "Qwen/Qwen2.5-VL-3B-Instruct@abc",
            "Qwen/Qwen2.5-VL-3B-Instruct",
            "abc",
            "Qwen/Qwen2.5-VL-3B-Instruct@abc",
        ),
    ],
)
def test_a_revision_may_follow_the_name(named, vlm, revision, name):
    found = VlmOptions.named(named)
    assert (found.vlm, found.revision, found.name, found.place) == (vlm, revision, name, name)
    assert "qwen2.5-vl-7b" in MODELS


@pytest.mark.parametrize("url", ["http://user:secret@host/v1", "https://host/v1?key=secret"])
def test_an_address_that_holds_a_key_is_refused_without_showing_it(url):
    with pytest.raises(ValueError, match="OPENAI_API_KEY") as error:
        VlmOptions.named(url, "m")
    assert "secret" not in str(error.value)
