"""Discarding skews what was planned; further rounds make up for it until enough images are accepted."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from builder.packing.pack import PackOptions, pack
from builder.run.bases import read_bases
from builder.run.directory import RunDirectory, base_path, image_path, mask_path
from builder.run.planned_edit import PlannedEdit, read_plan
from builder.run.records import made_as_planned, write_record
from builder.run.scores import Score, write_score
from diffseg30k_cli.main import app
from generation.generators.settings import GeneratorSettings
from generation.plan.options import PlanOptions
from generation.plan.shares import apportion, distribute_generators
from generation.prepare.acceptance import Tally, planned_images, tally
from generation.prepare.prepare import prepare_run
from generation.prepare.rounds import carry_out
from generation.sources.photographs import SourceOptions
from tests.coco_factory import CocoFolder, photograph_crops, square
from tests.generation.vlm.answers import answer, kind_of
from tests.generation.vlm.endpoint_server import Behaviour, endpoint

SIDE = 32
OUTLINES = (("person", square(2, 2, 16)), ("cat", square(26, 4, 18)), ("car", square(6, 26, 18)))
GENERATORS = ("sd2", "sdxl", "flux.1", "kandinsky2.2")
OPTIONS = PlanOptions(
    side=SIDE,
    seed=0,
    generators=tuple(GeneratorSettings(name, f"tiny/{name}", None, 2, 4.0) for name in GENERATORS),
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> SourceOptions:
    """Three hundred photographs with three objects each."""
    coco = CocoFolder(tmp_path_factory.mktemp("sources"))
    for number, pixels in enumerate(photograph_crops(300, side=48)):
        image = coco.add(f"photo-{number:03d}.png", pixels, (48, 48), license=1)
        for category, outline in (
            ("person", square(2, 2, 16)),
            ("cat", square(26, 4, 18)),
            ("car", square(6, 26, 18)),
        ):
            coco.outline(image, outline, category)
    return SourceOptions(*coco.write())


def finish(accepts: Callable[[list[PlannedEdit], random.Random], bool]) -> Callable[[str], None]:
    """Edits and scores a run: the edits are as they were planned, and who is accepted is said by the test."""

    def work(url: str) -> None:
        run, edits, rng = RunDirectory(url), {}, random.Random(url.rsplit("/", 1)[-1])
        for edit in read_plan(run):
            run.write(image_path(edit.image, edit.turn), run.read(base_path(edit.image)))
            run.write(mask_path(edit.image, edit.turn), b"")
            write_record(run, edit.image, made_as_planned(edit, 0.1, 0.1, 0.0, seconds=0.0))
            edits.setdefault(edit.image, []).append(edit)
        for image, of_image in sorted(edits.items()):
            write_score(run, image, Score(None, None, accepts(of_image, rng)))

    return work


def silent(_: object) -> None:
    pass


def one_in_two(_: list[PlannedEdit], rng: random.Random) -> bool:
    return rng.random() < 0.5


def unfair(edits: list[PlannedEdit], rng: random.Random) -> bool:
    """Most with an edit by flux.1, and with an addition, are discarded."""
    poor = {edit.generator for edit in edits} & {"flux.1"} or {edit.edit_type for edit in edits} & {"addition"}
    return rng.random() < (0.35 if poor else 0.9)


def test_rounds_go_on_until_enough_images_are_accepted(sources, tmp_path):
    report = carry_out(str(tmp_path / "run"), 40, sources, OPTIONS, finish(one_in_two), silent)
    assert report.accepted.images == 40
    assert [report.accepted.turns[turn] for turn in (1, 2, 3)] == [4, 16, 20]
    accepted = [image for image in planned_images(report.runs) if image.accepted]
    assert len(accepted) == 40 + report.surplus
    assert len(report.runs) > 1
    assert report.used_up is None
    names = [base.image for url in report.runs for base in read_bases(RunDirectory(url))]
    assert len(names) == len(set(names)), "no photograph is taken twice"
    unedited = [sum(not base.num_edits for base in read_bases(RunDirectory(url))) for url in report.runs]
    assert unedited == [round(40 / 6)] + [0] * (len(unedited) - 1)


def test_what_is_accepted_is_balanced_though_discarding_is_not(sources, tmp_path):
    report = carry_out(str(tmp_path / "run"), 80, sources, OPTIONS, finish(unfair), silent)
    first = planned_images(report.runs[:1])
    kept_of_first = tally(image for image in first if image.accepted)
    accepted = report.accepted
    assert (len(first), accepted.images) == (80, 80)
    assert spread(kept_of_first.edit_types) > 2 * spread(accepted.edit_types)
    assert [accepted.turns[turn] for turn in (1, 2, 3)] == [8, 32, 40]
    # Not counts by turn: they lie more than four apart with 29 of 30 seeds of a plan, for the last round is small.
    assert share_of(accepted, "flux.1") == pytest.approx(1 / 4, abs=0.04)


def share_of(tally: Tally, generator: str) -> float:
    """A generator's share of the edits."""
    return sum(count for (_, by), count in tally.generators.items() if by == generator) / tally.generators.total()


def spread(counts: Counter) -> float:
    """How far the counts lie apart, as a share of their mean."""
    return float(np.ptp(list(counts.values())) / np.mean(list(counts.values())))


def test_the_same_rounds_come_out_wherever_it_was_stopped(sources, tmp_path):
    whole = carry_out(str(tmp_path / "run"), 30, sources, OPTIONS, finish(one_in_two), silent)

    class Killed(Exception):
        pass

    other = tmp_path / "other" / "run"
    for stop in range(1, len(whole.runs)):
        worked = []

        def work(url: str, stop: int = stop, worked: list[str] = worked) -> None:
            if len(worked) == stop:
                raise Killed
            worked.append(url)
            finish(one_in_two)(url)

        with pytest.raises(Killed):
            carry_out(str(other), 30, sources, OPTIONS, work, silent)
    again = carry_out(str(other), 30, sources, OPTIONS, finish(one_in_two), silent)
    plans = [[RunDirectory(url).read("plan.parquet") for url in report.runs] for report in (whole, again)]
    assert plans[0] == plans[1]
    assert again.accepted == whole.accepted


def test_when_the_photographs_are_used_up_it_says_what_is_short(sources, tmp_path):
    report = carry_out(
        str(tmp_path / "run"), 280, sources, OPTIONS, finish(lambda edits, rng: rng.random() < 0.3), silent
    )
    assert report.accepted.images < 280
    printed = "\n".join(report.lines())
    assert f"short: {280 - report.accepted.images} images are missing: the photographs are used up" in printed
    assert f"short: {report.accepted.turns[3]} images with 3 turns, 140 were wanted" in printed


def test_where_everything_is_discarded_it_does_not_burn_through_the_photographs(sources, tmp_path):
    report = carry_out(str(tmp_path / "run"), 2, sources, OPTIONS, finish(lambda *_: False), silent)
    assert report.accepted.images == 0
    assert 100 <= report.planned.images < 200
    assert re.search(r"none of the last 1\d\d images was accepted", "\n".join(report.lines()))


def test_a_round_of_which_nothing_is_accepted_does_not_end_it(sources, tmp_path):
    def not_the_first(edits: list[PlannedEdit], rng: random.Random) -> bool:
        return rng.random() < 0.5 and len(runs) > 1

    runs: list[str] = []
    accept = finish(not_the_first)

    def work(url: str) -> None:
        runs.append(url)
        accept(url)

    report = carry_out(str(tmp_path / "run"), 10, sources, OPTIONS, work, silent)
    assert (report.accepted.images, report.used_up) == (10, None)


def test_what_was_accepted_beyond_the_wanted_images_is_not_packed(sources, tmp_path):
    report = carry_out(str(tmp_path / "run"), 20, sources, OPTIONS, finish(one_in_two), silent)
    assert report.surplus
    rows = surplus = 0
    for url in report.runs:
        paint(url)
        packed = pack(url, str(tmp_path / "data"), PackOptions(progress=False))
        rows, surplus = rows + packed.rows, surplus + packed.surplus
    unedited = sum(not base.num_edits for url in report.runs for base in read_bases(RunDirectory(url)))
    assert (rows - unedited, surplus) == (20, report.surplus)


def test_a_round_leaves_the_photographs_of_earlier_ones_alone(sources, tmp_path):
    prepare_run(str(tmp_path / "a"), sources, PlanOptions(SIDE, 0, OPTIONS.generators, count=10, unedited=2))
    used = frozenset(base.image for base in read_bases(RunDirectory(str(tmp_path / "a"))))
    further = PlanOptions(SIDE, 0, OPTIONS.generators, count=10, unedited=2)
    prepare_run(str(tmp_path / "b"), sources, further, used=used)
    assert not used & {base.image for base in read_bases(RunDirectory(str(tmp_path / "b")))}


@pytest.mark.network
def test_a_build_with_a_target_packs_all_its_rounds_into_one_dataset(sources, tmp_path):
    asked = []

    def behave(request, number):
        if kind_of(request) != "score":
            return answer(request, number)
        asked.append(number)
        return Behaviour(json.dumps({"score": 1 + 3 * (len(asked) % 2), "reason": "as it is"}))

    with endpoint(behave) as server:
        command = [
            *("build", "--images", sources.images, "--annotations", str(sources.annotations), "--size", "64"),
            *("--out", str(tmp_path / "data"), "--target", "4", "--unedited", "1", "--generators", "sd2"),
            *("--vlm", server.url, "--vlm-model", "m", "--workers", "1"),
        ]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        questions = len(server.requests)
        again = CliRunner().invoke(app, command, catch_exceptions=False)
        assert (again.exit_code, len(server.requests)) == (0, questions)
    assert "rounds: " in result.output
    from datasets import load_dataset

    rows = load_dataset(str(tmp_path / "data"), "edits", cache_dir=str(tmp_path / "cache"))
    scores = [score for split in rows.values() for score in split["quality_score"]]
    assert len(scores) >= 4
    assert set(scores) == {4.0}
    assert [line for line in again.output.splitlines() if line.startswith("shards: ")] == [
        line for line in again.output.splitlines() if line.startswith("shards: 0 written")
    ]


def test_runs_of_a_target_join_in_one_folder_in_any_state(sources, tmp_path):
    report = carry_out(str(tmp_path / "run"), 12, sources, OPTIONS, finish(one_in_two), silent)
    packed = 0
    for url in report.runs:
        paint(url)
        packed = pack(url, str(tmp_path / "data"), PackOptions(progress=False)).rows
    assert packed
    again = [pack(url, str(tmp_path / "data"), PackOptions(progress=False)) for url in report.runs]
    assert [(one.shards_written, one.shards_removed) for one in again] == [(0, 0)] * len(report.runs)


def paint(url: str) -> None:
    """Real masks for the edits of a run."""
    from builder.encoding.images import encode_mask

    run = RunDirectory(url)
    for edit in read_plan(run):
        run.write(mask_path(edit.image, edit.turn), encode_mask(edit.mask()))


# ── Shares ────────────────────────────────────────────────────────────────────────────────────────

weights = st.lists(st.floats(0, 100), min_size=1, max_size=8).filter(lambda row: sum(row) > 1e-3)


@given(st.integers(0, 500), weights)
def test_apportioned_numbers_sum_to_the_total_and_are_within_one_of_their_share(total, row):
    counts = apportion(total, row)
    assert sum(counts) == total
    assert all(
        abs(count - total * weight / sum(row)) < 1 + 1e-9 for count, weight in zip(counts, row, strict=True)
    )


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=60),
    st.lists(st.lists(st.floats(0.5, 4), min_size=5, max_size=5), min_size=3, max_size=3),
    st.integers(0, 9),
)
def test_generators_differ_within_an_image_and_come_in_the_ratio_of_their_weights(turns, rows, seed):
    assigned = distribute_generators(turns, rows, random.Random(seed))
    assert [len(one) for one in assigned] == turns
    assert all(len(set(one)) == len(one) for one in assigned)
    first = Counter(one[0] for one in assigned)
    assert [first[number] for number in range(5)] == apportion(len(turns), rows[0])


def test_later_turns_keep_to_their_weights_too():
    rows = ((1, 1, 1, 1, 4), (4, 1, 1, 1, 1), (1, 4, 1, 1, 1))
    assigned = distribute_generators([3] * 400, rows, random.Random(0))
    for turn, row in enumerate(rows):
        counts = Counter(one[turn] for one in assigned)
        assert [counts[number] for number in range(5)] == pytest.approx(apportion(400, row), abs=4)
