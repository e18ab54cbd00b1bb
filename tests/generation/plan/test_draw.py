"""The plan shares everything out evenly, whatever the images, and depends on its input alone."""

import random
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.run.directory import RunDirectory
from builder.run.planned_edit import encode_region, read_plan, write_plan
from diffseg30k import EDIT_TYPES, GENERATORS
from generation.generators.settings import GeneratorSettings
from generation.plan.balance import share_turns
from generation.plan.draw import Candidate, draw_regions, make_plan
from generation.plan.nested_regions import parts_first
from generation.plan.options import PlanOptions
from generation.plan.selection import turn_targets
from generation.regions.annotations import Region

SIDE = 32
OBJECTS = (("person", "person"), ("cat", "animal"), ("car", "vehicle"), ("cup", "kitchen"), ("kite", "sports"))


def region(number: int) -> Region:
    """A region that differs from those of other numbers."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[number : number + 8, : 8 + number] = True
    name, group = OBJECTS[number % len(OBJECTS)]
    return Region(name, group, encode_region(mask), float(mask.mean()))


REGIONS = tuple(region(number) for number in range(6))


def candidates(capacities) -> list[Candidate]:
    return [
        Candidate(f"image-{number}", f"photograph-{number // 2}", REGIONS[:capacity])
        for number, capacity in enumerate(capacities)
    ]


def options(generators: int = 8, **changes) -> PlanOptions:
    chosen = tuple(
        GeneratorSettings(name, f"tiny/{name}", None, steps=2, guidance=4.5) for name in GENERATORS[:generators]
    )
    return PlanOptions(side=SIDE, seed=changes.pop("seed", 0), generators=chosen, **changes)


def spread(counts) -> int:
    return max(counts) - min(counts)


def by_image(edits) -> dict[str, list]:
    found = defaultdict(list)
    for edit in edits:
        found[edit.image].append(edit)
    return found


capacity_lists = st.lists(st.integers(0, 6), min_size=1, max_size=120)


# ── Balance ───────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=150)
@given(capacity_lists, st.integers(1, 8), st.integers(0, 2**31), st.none() | st.integers(1, 130))
def test_whatever_the_images_the_plan_is_balanced(capacities, generators, seed, count):
    made = make_plan(candidates(capacities), options(generators, seed=seed, count=count))
    images = by_image(made.edits)

    for turn in (1, 2, 3):
        at_turn = Counter(edit.generator for edit in made.edits if edit.turn == turn)
        assert spread([at_turn[name] for name in GENERATORS[:generators]]) <= 1
    types = Counter(edit.edit_type for edit in made.edits)
    assert spread([types[name] for name in EDIT_TYPES]) <= 1
    for turn in (1, 2, 3):
        at_turn = Counter(edit.edit_type for edit in made.edits if edit.turn == turn)
        assert spread([at_turn[name] for name in EDIT_TYPES]) <= 1
    for name in GENERATORS[:generators]:
        own = Counter(edit.edit_type for edit in made.edits if edit.generator == name)
        assert spread([own[kind] for kind in EDIT_TYPES]) <= 1

    for image, edits in images.items():
        capacity = capacities[int(image.removeprefix("image-"))]
        assert [edit.turn for edit in edits] == list(range(1, len(edits) + 1))
        assert 1 <= len(edits) <= min(3, capacity, generators)
        assert len({edit.generator for edit in edits}) == len({edit.region for edit in edits}) == len(edits)
    assert not set(images) & set(made.unedited)


@settings(max_examples=100)
@given(st.lists(st.integers(3, 6), min_size=1, max_size=200), st.integers(3, 8))
def test_where_regions_allow_turns_are_as_1_to_4_to_5(capacities, generators):
    made = make_plan(candidates(capacities), options(generators, unedited=0))
    turns = Counter(len(edits) for edits in by_image(made.edits).values())
    assert all(abs(turns[n] - len(capacities) * share / 10) <= 1 for n, share in ((1, 1), (2, 4), (3, 5)))


@settings(max_examples=200)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=80), st.integers(1, 3))
def test_a_shortfall_of_regions_is_made_up_by_the_others(capacities, max_turns):
    turns = share_turns(capacities, max_turns)
    assert all(1 <= turn <= min(capacity, max_turns) for turn, capacity in zip(turns, capacities, strict=True))
    targets = turn_targets(len(capacities), max_turns)
    singles = sum(min(capacity, max_turns) == 1 for capacity in capacities)
    assert turns.count(1) == max(targets[0], singles)


def test_a_shortfall_is_reported():
    made = make_plan(candidates([1] * 10 + [2] * 10), options(count=30, unedited=4))
    assert made.report.by_turns == (10, 10, 0)
    assert made.report.wanted_by_turns == (2, 8, 10)
    said = "\n".join(made.report.lines())
    assert "30 images were to be edited, 20 have regions" in said
    assert "1:4:5 would be 2/8/10" in said
    assert "4 images were to be kept unedited, 0 are left" in said


def test_two_generators_give_two_turns_at_most():
    made = make_plan(candidates([5] * 20), options(2, unedited=0))
    assert made.report.by_turns == (2, 18, 0)


def test_the_report_counts_what_the_plan_holds():
    made = make_plan(candidates([4] * 60), options(5, count=40))
    assert made.report.images == 40
    assert made.report.by_turns == (4, 16, 20)
    assert sum(map(sum, made.report.by_generator.values())) == len(made.edits) == 96
    assert made.report.by_edit_type == {"attribute_change": 32, "addition": 32, "removal": 32}
    assert made.report.unedited == len(made.unedited) == 7
    assert made.report.shortfalls() == []


# ── A pure function ───────────────────────────────────────────────────────────────────────────────


@settings(max_examples=50)
@given(capacity_lists, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_changes_nothing(capacities, rng):
    ordered = candidates(capacities)
    shuffled = rng.sample(ordered, len(ordered))
    assert make_plan(ordered, options()) == make_plan(shuffled, options())


def test_another_seed_gives_another_plan():
    plans = [make_plan(candidates([4] * 30), options(seed=seed)).edits for seed in (0, 1)]
    assert plans[0] != plans[1]
    assert not {edit.seed for edit in plans[0]} & {edit.seed for edit in plans[1]}


def test_the_noise_of_an_edit_does_not_depend_on_other_images():
    few = by_image(make_plan(candidates([4] * 10), options(unedited=0)).edits)
    many = by_image(make_plan(candidates([4] * 50), options(unedited=0)).edits)
    for image, edits in few.items():
        both = min(len(edits), len(many[image]))
        assert [edit.seed for edit in edits[:both]] == [edit.seed for edit in many[image][:both]]


def test_every_edit_carries_what_fixes_it(tmp_path):
    made = make_plan(candidates([4] * 30), options(compositing="regenerated", removal_dilation=0.15))
    for edit in made.edits:
        assert edit.checkpoint == f"tiny/{edit.generator}"
        assert (edit.steps, edit.guidance, edit.side, edit.compositing) == (2, 4.5, SIDE, "regenerated")
        assert 0 <= edit.seed < 2**31
        assert edit.prompt
        assert (edit.removal_prompt is not None) == (edit.edit_type == "addition")
        assert edit.removal_dilation == (None if edit.edit_type == "attribute_change" else 0.15)
        assert edit.mask().any()
        assert edit.object in dict(OBJECTS)
    run = RunDirectory(str(tmp_path))
    write_plan(run, made.edits)
    assert read_plan(run) == made.edits


# ── Which images and regions ──────────────────────────────────────────────────────────────────────


def test_photographs_without_regions_and_one_in_seven_of_all_stay_unedited():
    made = make_plan(candidates([4] * 60 + [0] * 10), options())
    assert (made.report.images, made.report.unedited) == (60, 10)
    made = make_plan(candidates([4] * 70), options())
    assert (made.report.images, made.report.unedited) == (60, 10)
    made = make_plan(candidates([4] * 70), options(count=12))
    assert (made.report.images, made.report.unedited) == (12, 2)
    made = make_plan(candidates([4] * 70), options(unedited=20))
    assert (made.report.images, made.report.unedited) == (50, 20)


def test_unedited_photographs_are_such_that_nothing_is_edited_of_where_there_are_any():
    pool = candidates([4] * 40)
    made = make_plan(pool, options(count=10, unedited=5))
    photograph = {one.image: one.base_id for one in pool}
    edited = {photograph[edit.image] for edit in made.edits}
    assert not edited & {photograph[image] for image in made.unedited}


def test_among_many_photographs_those_are_chosen_that_keep_the_ratio():
    rng = random.Random(0)
    capacities = [rng.choice([1, 1, 2, 3, 4]) for _ in range(400)]
    made = make_plan(candidates(capacities), options(count=100))
    assert made.report.by_turns == (10, 40, 50)


def test_people_and_larger_objects_are_drawn_more_often():
    small, large = (np.zeros((SIDE, SIDE), bool) for _ in range(2))
    small[:8, :8] = large[:16, :16] = True
    regions = tuple(
        Region(name, group, encode_region(mask), float(mask.mean()))
        for name, group, mask in (
            ("person", "person", small),
            ("cat", "animal", small),
            ("car", "vehicle", large),
        )
    )
    first = Counter(
        draw_regions(Candidate(f"image-{number}", "", regions), 1, seed=0)[0].object for number in range(3000)
    )
    assert first["person"] / first["cat"] == pytest.approx(3, rel=0.2)
    assert first["car"] / first["cat"] == pytest.approx(2, rel=0.2)


# ── Options ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"generators": ()}, "at least one generator"),
        ({"generators": options(1).generators * 2}, "sd2 is named more often"),
        ({"compositing": "blended"}, "compositing is spliced or regenerated"),
        ({"count": 0}, "count is at least 1"),
        ({"unedited": -1}, "unedited is at least 0"),
        ({"seed": -1}, "seed is at least 0"),
        ({"side": 0}, "size is at least 8"),
    ],
)
def test_options_that_no_plan_can_have_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        replace(options(), **changes)


def test_settings_of_what_is_no_generator_are_refused():
    with pytest.raises(ValueError, match="'dalle' is not a generator"):
        GeneratorSettings("dalle", "x", None, 2, 1.0)


def test_two_candidates_of_one_name_are_refused():
    with pytest.raises(ValueError, match="share a name"):
        make_plan(candidates([3]) * 2, options())


# ── Objects that are parts of others ──────────────────────────────────────────────────────────────


def rectangle(name: str, top: int, left: int, height: int, width: int) -> Region:
    mask = np.zeros((64, 64), bool)
    mask[top : top + height, left : left + width] = True
    return Region(name, "", encode_region(mask), float(mask.mean()))


PERSON, TIE = rectangle("person", 4, 4, 50, 30), rectangle("tie", 20, 10, 16, 8)
HAND_BAG = rectangle("handbag", 30, 24, 12, 20)  # half of it on the person
KITE = rectangle("kite", 2, 44, 16, 16)


def test_nothing_is_edited_that_an_earlier_edit_took_away_with_its_wearer():
    candidates = [Candidate(f"{number:03d}", f"{number}", (PERSON, TIE, HAND_BAG, KITE)) for number in range(300)]
    both = 0
    for edits in by_image(make_plan(candidates, replace(options(unedited=0), side=64)).edits).values():
        objects = [edit.object for edit in edits]
        if {"person", "tie"} <= set(objects):
            both += 1
            person = objects.index("person")
            if edits[person].edit_type != "attribute_change":
                assert objects.index("tie") < person
    assert both > 50


@given(st.permutations([PERSON, TIE, HAND_BAG]), st.lists(st.sampled_from(EDIT_TYPES), min_size=3, max_size=3))
def test_whatever_the_edit_types_the_same_regions_are_edited_and_parts_before_their_whole(regions, types):
    ordered = parts_first(regions, types, 64)
    assert sorted(region.object for region in ordered) == ["handbag", "person", "tie"]
    place = [region.object for region in ordered].index("person")
    if types[place] != "attribute_change":
        assert place == 2
    if set(types[:2]) == {"attribute_change"}:
        assert ordered == list(regions), "the drawn order stays where nothing is taken away"
