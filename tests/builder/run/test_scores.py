"""A score is kept whole, and what of it belongs in a row gets there."""

import json

import pytest

from builder.packing.rows import read_row
from builder.run.bases import read_bases
from builder.run.directory import RunDirectory, score_path
from builder.run.scores import EditScore, Score, read_score, write_score
from tests.run_factory import make_run

JUDGED = Score(
    score=2.0,
    reason="the dog's tail ends in mid-air, früh",
    accepted=False,
    rejected_for="score below 3",
    judge="edit",
    vlm="qwen2.5-vl-7b",
    edits=(
        EditScore(1, seam=1.25, coverage=1.0, score=4.0, reason="fine"),
        EditScore(2, seam=None, coverage=None, score=2.0, reason="a torn edge"),
    ),
)


def test_a_score_is_read_as_it_was_written(tmp_path):
    run = RunDirectory(str(tmp_path))
    write_score(run, "a", JUDGED)
    assert read_score(run, "a") == JUDGED


def test_a_score_by_another_tool_needs_two_fields(tmp_path):
    run = RunDirectory(str(tmp_path))
    run.write(score_path("a"), json.dumps({"score": 3, "accepted": True}).encode())
    assert read_score(run, "a") == Score(3.0, None, True)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"score": 3}',
        '{"accepted": true}',
        '{"score": "3", "accepted": true}',
        '{"score": true, "accepted": true}',
        '{"score": NaN, "accepted": true}',
        '{"score": 6, "accepted": true}',
        '{"score": 3, "accepted": "no"}',
        '{"score": 3, "accepted": true, "reason": 5}',
        '{"score": 3, "accepted": true, "edits": [{"turn": 1, "coverage": 1.5}]}',
        '{"score": 3, "accepted": true, "edits": [3]}',
    ],
)
def test_what_is_no_score_is_named(tmp_path, content):
    run = RunDirectory(str(tmp_path))
    run.write(score_path("a"), content.encode())
    with pytest.raises(ValueError, match=r"scores/a\.json is not a score"):
        read_score(run, "a")


@pytest.fixture(scope="module")
def row_of(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("run"), images=1, kinds=(("sdxl", "sd2"),), pixels=32)
    base = read_bases(run)[0]
    return lambda score: read_row(run, base, score, with_originals=False)


def test_an_image_judged_as_a_whole_gives_its_score_to_the_last_edit(row_of):
    row = row_of(
        Score(4.0, "natural", True, judge="image", edits=(EditScore(1, 1.5, 1.0), EditScore(2, 2.5, 0.75)))
    )
    assert row["quality_score"] == 4.0
    assert [edit["quality_score"] for edit in row["edits"]] == [None, 4.0]
    assert [edit["quality_reason"] for edit in row["edits"]] == [None, "natural"]
    assert [(edit["seam"], edit["coverage"]) for edit in row["edits"]] == [(1.5, 1.0), (2.5, 0.75)]


def test_edits_judged_one_by_one_keep_their_own_scores(row_of):
    row = row_of(JUDGED)
    assert row["quality_score"] == 2.0
    assert [edit["quality_score"] for edit in row["edits"]] == [4.0, 2.0]
    assert [edit["quality_reason"] for edit in row["edits"]] == ["fine", "a torn edge"]


def test_without_a_vlm_the_row_has_facts_and_no_opinion(row_of):
    row = row_of(Score(None, "measured only", True, edits=(EditScore(1, 1.5, 1.0), EditScore(2, None, None))))
    assert row["quality_score"] is None
    assert [edit["quality_reason"] for edit in row["edits"]] == [None, None]
    assert [edit["seam"] for edit in row["edits"]] == [1.5, None]


def test_an_unscored_image_has_neither(row_of):
    assert [edit["seam"] for edit in row_of(None)["edits"]] == [None, None]
