"""The `score` stage measures every edit, asks a VLM where there is one, and discards what falls short."""

import base64
import dataclasses
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow.dataset import dataset

from builder.encoding.images import decode_image
from builder.packing.pack import PackOptions, pack
from builder.run.bases import read_bases
from builder.run.directory import RunDirectory, image_path, mask_path, record_path, score_path
from builder.run.file_digest import FileDigest
from builder.run.records import read_record, write_record
from builder.run.scores import read_score, write_score
from generation.quality.options import QualityOptions
from generation.quality.report import write_report
from generation.quality.score import score
from generation.quality.seam import seam
from generation.vlm.client import VlmClient
from generation.vlm.options import VlmOptions
from generation.vlm.question import VlmUnavailable
from tests.generation.vlm.endpoint_server import Behaviour, Endpoint, asked_text, endpoint
from tests.kills import ROOT, Kill, Kills
from tests.run_factory import make_run

KINDS = (("sdxl",), ("sd2", "flux.1", "kandinsky2.2"), (), ("flux.1",), ("hunyuandit1.1", "flux.1"))
EDITS = 7


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return make_run(tmp_path / "run", images=5, kinds=KINDS, pixels=64)


def edited(run: RunDirectory) -> list[str]:
    return [base.image for base in read_bases(run) if base.num_edits]


def client(server: Endpoint, **changes) -> VlmClient:
    return VlmClient(VlmOptions(**{"vlm": server.url, "model": "m", "concurrency": 3, "retries": 0} | changes))


def says(number: float, reason: str = "it looks natural") -> Behaviour:
    return Behaviour(json.dumps({"score": number, "reason": reason}))


def scores(run: RunDirectory) -> dict:
    return {image: read_score(run, image) for image in edited(run)}


def test_without_a_vlm_the_measured_facts_decide_and_it_is_said(run):
    report = score(run.url)
    assert (report.accepted, report.asked) == (4, 0)
    assert "no VLM: by measured facts alone" in report.lines()[0]
    for base in read_bases(run):
        if not base.num_edits:
            assert not run.exists(score_path(base.image)), "an unedited photograph is not scored"
            continue
        found = read_score(run, base.image)
        assert (found.score, found.vlm, found.accepted) == (None, None, True)
        assert [edit.turn for edit in found.edits] == list(range(1, base.num_edits + 1))
        after = decode_image(run.read(image_path(base.image, 1)))
        inside = np.asarray(Image.open(f"{run.url}/{mask_path(base.image, 1)}")) > 0
        assert found.edits[0].seam == seam(after, inside)
        assert found.edits[0].coverage == 1
        assert 0 < found.edits[0].changed_share <= 1


def test_a_score_of_other_measurements_is_made_again_and_asks_nothing_twice(run):
    with endpoint(lambda *_: says(4)) as server:
        score(run.url, client=client(server))
        asked = len(server.requests)
        kept = scores(run)
        for image, one in kept.items():
            write_score(run, image, dataclasses.replace(one, subject="of an earlier version"))
        assert score(run.url, client=client(server)).asked == 0
        assert len(server.requests) == asked
    assert scores(run) == kept


def test_an_edit_that_changed_too_little_of_its_mask_can_be_discarded(run):
    score(run.url)
    image = edited(run)[0]
    found = scores(run)[image]
    edits = (dataclasses.replace(found.edits[0], changed_share=0.125), *found.edits[1:])
    write_score(run, image, dataclasses.replace(found, edits=edits))
    report = score(run.url, QualityOptions(min_changed_share=0.2))
    assert dict(report.discarded) == {"an edit left much of its mask as it was": 1}
    assert "turn 1 changed only 0.12 of its mask's pixels" in read_score(run, image).reason


def test_an_edit_that_changed_nothing_costs_its_image_the_place(run):
    image = edited(run)[0]
    record = dataclasses.replace(read_record(run, image, 1), inside_change=0.001)
    write_record(run, image, record)
    report = score(run.url)
    assert dict(report.discarded) == {"an edit changed nothing": 1}
    assert "turn 1 changed its mask by 0.0010" in read_score(run, image).reason


def test_limits_can_be_moved_without_measuring_again(run):
    score(run.url)
    highest = sorted(max(edit.seam for edit in one.edits) for one in scores(run).values())
    middle = (highest[1] + highest[2]) / 2
    strict = score(run.url, QualityOptions(max_seam=middle))
    assert (strict.kept, strict.accepted, dict(strict.discarded)) == (4, 2, {"a seam stands out": 2})
    assert score(run.url).accepted == 4


def test_images_below_three_are_discarded_and_the_sentence_is_kept(run):
    bad = edited(run)[1]

    def behave(request, _):
        return says(2, "a torn edge") if request_is_about(request, run, bad, 3) else says(4)

    with endpoint(behave) as server:
        report = score(run.url, client=client(server))
        assert report.asked == len(server.requests) == 4, "one question an image"
    assert (report.accepted, dict(report.discarded)) == (3, {"a score below 3": 1})
    found = read_score(run, bad)
    assert (found.score, found.reason, found.judge, found.vlm) == (2, "a torn edge", "image", "m")
    assert all(edit.seam is not None for edit in found.edits)


def shown(request: dict) -> list[np.ndarray]:
    """The pictures of the question itself, without those of the worked examples."""
    parts = request["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))) for url in urls]


def test_two_worked_examples_come_before_the_question(run):
    with endpoint(lambda *_: says(4)) as server:
        score(run.url, client=client(server))
    roles = [message["role"] for message in server.requests[0]["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]


def test_the_judge_of_edits_sees_each_with_its_place_before_and_after(run):
    with endpoint(lambda request, _: says(1 if "kandinsky" in asked_text(request) else 4)) as server:
        report = score(run.url, QualityOptions(judge="edit"), client(server))
    assert report.asked == len(server.requests) == EDITS
    assert all(len(shown(request)) == 3 for request in server.requests)
    request = server.requests[0]
    _, before, after = shown(request)
    assert before.shape == after.shape
    assert np.abs(before.astype(int) - after).mean() > 2


def test_the_worst_edit_decides_where_edits_are_judged(run):
    three = edited(run)[1]

    def behave(request, _):
        return says(1.5, "it floats") if request_is_about(request, run, three, 2) else says(4)

    with endpoint(behave) as server:
        report = score(run.url, QualityOptions(judge="edit"), client(server, concurrency=1))
    assert (report.accepted, dict(report.discarded)) == (3, {"a score below 3": 1})
    found = read_score(run, three)
    assert (found.score, found.reason) == (1.5, "it floats")
    assert [edit.score for edit in found.edits] == [4, 1.5, 4]


def request_is_about(request: dict, run: RunDirectory, image: str, turn: int) -> bool:
    whole = decode_image(run.read(image_path(image, turn))).astype(int)
    return float(np.abs(shown(request)[0].astype(int) - whole).mean()) < 4


def test_what_was_answered_is_not_asked_again_and_another_limit_asks_nothing(run):
    with endpoint(lambda *_: says(3.5)) as server:
        score(run.url, client=client(server))
        again = score(run.url, QualityOptions(min_quality=4), client(server))
        alone = score(run.url)
        assert len(server.requests) == 4
    assert (again.asked, again.accepted, dict(again.discarded)) == (0, 0, {"a score below 4": 4})
    assert (alone.accepted, alone.kept) == (4, 4)
    assert all(one.score == 3.5 for one in scores(run).values()), "what the VLM said is kept"


def test_another_judge_asks_anew(run):
    with endpoint(lambda *_: says(4)) as server:
        score(run.url, client=client(server))
        score(run.url, QualityOptions(judge="edit"), client(server))
        assert len(server.requests) == 4 + EDITS


def test_an_image_edited_anew_is_measured_and_judged_anew(run):
    image = edited(run)[0]
    with endpoint(lambda *_: says(4)) as server:
        score(run.url, client=client(server))
        other = run.read(image_path(edited(run)[1], 1))
        run.write(image_path(image, 1), other)
        anew = dataclasses.replace(read_record(run, image, 1), seed=77, image_file=FileDigest.of(other))
        write_record(run, image, anew)
        report = score(run.url, client=client(server))
        assert (report.asked, len(server.requests)) == (1, 5)


def test_an_image_without_a_usable_answer_is_discarded_counted_and_kept_on_record(run):
    bad = edited(run)[0]

    def behave(request, _):
        return Behaviour("five stars") if request_is_about(request, run, bad, 1) else says(4)

    with endpoint(behave) as server:
        report = score(run.url, client=client(server))
        assert len(server.requests) == 5, "it is asked once more"
        score(run.url, client=client(server))
        assert len(server.requests) == 5
    assert dict(report.discarded) == {"the VLM gave no score": 1}
    kept = json.loads(run.read(f"vlm/scores/image/{bad}.json"))
    assert [refused["reply"] for refused in kept["refused"]] == ["five stars"] * 2


def test_where_the_server_is_busy_for_one_image_the_next_call_asks_it_again(run):
    with endpoint(lambda _, number: Behaviour(status=503) if number == 1 else says(4)) as server:
        report = score(run.url, client=client(server, concurrency=1))
        assert (report.accepted, len(report.unscored)) == (3, 1)
        assert not run.exists(score_path(report.unscored[0]))
        assert score(run.url, client=client(server)).accepted == 4
        assert len(server.requests) == 5


def test_where_the_vlm_is_away_nothing_is_decided(run):
    with endpoint(lambda *_: Behaviour(status=503)) as server, pytest.raises(VlmUnavailable, match="is kept"):
        score(run.url, client=client(server))
    assert run.names("scores") == set()


def test_unfinished_and_unreadable_images_are_named(run):
    first, second = edited(run)[:2]
    run.delete(record_path(first, 1))
    run.write(image_path(second, 2), b"half a pic")
    report = score(run.url)
    assert (report.accepted, report.unfinished, list(report.unreadable)) == (2, [first], [second])
    assert f"turn-2/{second}.webp is damaged: it has 10 bytes and not" in report.unreadable[second]


def test_kept_replies_hold_the_whole_question(run):
    with endpoint(lambda *_: says(4)) as server:
        score(run.url, client=dataclasses.replace(client(server), keep_replies=True))
    kept = json.loads(run.read(f"vlm/scores/image/{edited(run)[0]}.json"))
    assert kept["question"]["messages"][-1][-1].startswith("Are there unnatural things")


def test_discarded_images_stay_out_of_the_dataset_and_facts_are_in_the_rows(run, tmp_path):
    bad = edited(run)[1]

    def behave(request, _):
        return says(1, "torn") if request_is_about(request, run, bad, 3) else says(4, "natural")

    with endpoint(behave) as server:
        score(run.url, client=client(server))
    report = pack(run.url, str(tmp_path / "out"), PackOptions(progress=False))
    assert (report.rows, report.rejected) == (4, (bad,))
    columns = ["num_edits", "quality_score", "edits"]
    for row in dataset(tmp_path / "out" / "data").to_table(columns=columns).to_pylist():
        if row["num_edits"]:
            assert row["quality_score"] == 4
            assert row["edits"][-1]["quality_reason"] == "natural"
            assert all(edit["seam"] is not None and edit["coverage"] == 1 for edit in row["edits"])
            assert all(0 < edit["changed_share"] <= 1 for edit in row["edits"])


@pytest.mark.kills
def test_killed_while_the_vlm_is_at_work_it_asks_no_finished_question_again(tmp_path):
    run = make_run(tmp_path / "run", images=24, pixels=32)
    questions = sum(base.num_edits for base in read_bases(run))
    answers = "vlm/scores/edit-*/*.json"
    kills = Kills(Path(run.url), tmp_path / "kills", tuple(Kill(answers, number) for number in (3, 8, 13)))

    with endpoint(lambda *_: says(4)) as server:
        command = [sys.executable, "-m", "diffseg30k_cli", "score", run.url, "--judge", "edit"]
        command += ["--vlm", server.url, "--vlm-model", "m"]
        codes = [
            subprocess.run(command, cwd=ROOT, env=kills.environment(), start_new_session=True).returncode
            for _ in range(4)
        ]
        assert codes == [-signal.SIGKILL] * 3 + [0]
        assert kills.all_done()
        in_flight = VlmOptions(server.url, model="m").concurrency
        assert questions <= len(server.requests) <= questions + len(kills.kills) * in_flight
    kept = run.names("vlm/scores/edit-1")
    assert len(kept) == len(edited(run))


def test_the_report_counts_and_shows_the_best_and_the_worst(run, tmp_path):
    bad = edited(run)[1]

    def behave(request, _):
        return says(1, "torn") if request_is_about(request, run, bad, 3) else says(4, "natural")

    with endpoint(behave) as server:
        score(run.url, client=client(server))
    files = write_report(run.url, str(tmp_path / "report"))
    numbers = json.loads((tmp_path / "report" / "report.json").read_text())
    assert numbers["images"] == {"accepted": 3, "discarded": 1}
    assert numbers["by_turns"] == {
        "1": {"accepted": 2, "discarded": 0},
        "2": {"accepted": 1, "discarded": 0},
        "3": {"accepted": 0, "discarded": 1},
    }
    made_by = {record.generator for record in (read_record(run, bad, turn) for turn in (1, 2, 3))}
    assert {name for name, one in numbers["by_generator"].items() if one["discarded"]} == made_by
    assert numbers["discarded_for"] == {"a score below 3": 1}
    assert numbers["judges"] == {"m": 4}
    assert "| a score below 3 | 1 |" in (tmp_path / "report" / "report.md").read_text()
    for name in ("best.png", "worst.png"):
        assert np.asarray(Image.open(tmp_path / "report" / name).convert("L")).std() > 20
    assert all(Path(file).exists() for file in files)


def test_without_a_judge_no_image_is_called_the_best_and_the_figures_show_the_seams(run, tmp_path):
    score(run.url)
    write_report(run.url, str(tmp_path / "report"))
    text = (tmp_path / "report" / "report.md").read_text()
    assert "best" not in text
    assert "worst" not in text
    assert "Most visible borders: largest seam" in text
    assert all(f"`{name}`" in text for name in edited(run))
    assert {file.name for file in (tmp_path / "report").glob("*.png")} == {"seams-least.png", "seams-most.png"}


def test_a_report_after_a_judge_came_replaces_that_of_before(run, tmp_path):
    score(run.url)
    write_report(run.url, str(tmp_path / "report"))
    with endpoint(lambda *_: says(4, "natural")) as server:
        score(run.url, client=client(server))
    write_report(run.url, str(tmp_path / "report"))
    assert {file.name for file in (tmp_path / "report").glob("*.png")} == {"best.png", "worst.png"}


def test_a_run_that_is_not_scored_has_no_report(run, tmp_path):
    with pytest.raises(ValueError, match="no image is scored"):
        write_report(run.url, str(tmp_path / "report"))


@pytest.mark.parametrize(
    "wrong", [{"judge": "both"}, {"min_quality": 6}, {"min_change": -1}, {"max_seam": 0}, {"min_coverage": 2}]
)
def test_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", "-")):
        QualityOptions(**wrong)
