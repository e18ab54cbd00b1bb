"""A wave's chunks depend on the plan alone, and what is finished is not made again."""

import itertools
import random
import sys

from hypothesis import given
from hypothesis import strategies as st

from builder.run.directory import RunDirectory
from builder.run.planned_edit import PlannedEdit
from builder.run.records import made_as_planned, write_record
from diffseg30k import GENERATORS
from generation.editing.waves import FreeChunks, chunks, to_make


def planned(image: str, turn: int, generator: str) -> PlannedEdit:
    return PlannedEdit(
        image=image,
        turn=turn,
        generator=generator,
        checkpoint=f"tiny/{generator}",
        lora=None,
        edit_type="removal",
        object="cat",
        prompt="an empty floor",
        removal_prompt=None,
        region="",
        side=64,
        seed=1,
        steps=2,
        guidance=1.0,
        compositing="spliced",
    )


def finish(run: RunDirectory, edit: PlannedEdit) -> None:
    write_record(run, edit.image, made_as_planned(edit, 0.1, 0.1, 0.0, seconds=0.1))


PLANS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 3), st.sampled_from(GENERATORS)),
    unique_by=lambda edit: edit[:2],
    max_size=80,
).map(lambda rows: [planned(f"image-{image:02d}", turn, generator) for image, turn, generator in rows])


@given(PLANS, st.integers(1, 3), st.integers(1, 9), st.randoms())
def test_a_wave_holds_every_edit_of_its_turn_once_whatever_the_order_of_the_plan(plan, turn, size, rng):
    wave = chunks(plan, turn, size)
    shuffled = random.Random(rng.random()).sample(plan, len(plan))

    assert sorted(e.image for c in wave for e in c.edits) == sorted(e.image for e in plan if e.turn == turn)
    assert wave == chunks(shuffled, turn, size)


@given(PLANS, st.integers(1, 3), st.integers(1, 9))
def test_a_chunk_has_one_model_and_a_model_s_chunks_are_neighbours(plan, turn, size):
    models = [{(edit.generator, edit.checkpoint) for edit in chunk.edits} for chunk in chunks(plan, turn, size)]

    assert all(len(of_chunk) == 1 for of_chunk in models)
    changes = sum(before != after for before, after in itertools.pairwise(models))
    assert changes + bool(models) == len({model for of_chunk in models for model in of_chunk})


def test_only_edits_with_a_finished_turn_before_them_can_be_made(tmp_path):
    run = RunDirectory(str(tmp_path))
    first = [planned(image, 1, "sd2") for image in ("a", "b", "c")]
    second = [planned(image, 2, "sdxl") for image in ("a", "b", "c")]

    assert to_make(run, first) == first
    assert to_make(run, second) == []

    finish(run, first[0])
    finish(run, first[1])
    finish(run, second[1])
    assert to_make(run, first) == [first[2]]
    assert to_make(run, second) == [second[0]]


@given(PLANS, st.randoms())
def test_a_worker_takes_every_chunk_once_and_stays_with_its_model_while_it_can(plan, rng):
    wave = chunks(plan, 1, 2)
    free, left, last = FreeChunks(wave), set(range(len(wave))), None
    start = rng.randrange(len(wave) + 1)
    models = [(chunk.edits[0].generator, chunk.edits[0].checkpoint) for chunk in wave]
    while left:
        held = {number for number in left if rng.random() < 0.3}
        reachable = sorted(left - held)
        same = [number for number in reachable if last is not None and models[number] == models[last]]
        wanted = same[0] if same else min(reachable, key=lambda n: (n < start, n), default=None)

        assert free.next(held, last, start) == wanted
        if wanted is not None:
            free.close(wanted)
            left.remove(wanted)
            last = wanted
    assert free.next(set(), last, start) is None


def test_taking_a_chunk_costs_the_same_in_a_wave_twenty_times_as_long():
    def lines_a_chunk(count: int) -> float:
        one = chunks([planned("image", 1, "sd2")], 1)[0]
        free, last, lines = FreeChunks([one] * count), None, 0

        def count_lines(frame, event, argument):
            nonlocal lines
            lines += event == "line"
            return count_lines

        sys.settrace(count_lines)
        try:
            while (number := free.next(set(), last, count // 2)) is not None:
                free.close(number)
                last = number
        finally:
            sys.settrace(None)
        return lines / count

    assert lines_a_chunk(20_000) < 1.5 * lines_a_chunk(1_000)
