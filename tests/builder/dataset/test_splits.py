"""Which side and which held-out split a row falls on, at the size of the real dataset."""

import itertools
import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.dataset.splits import Member, Occupied, edited_group, held_out_split, place, place_lora
from diffseg30k import (
    CONFIGS,
    EDITED,
    GENERATORS,
    GROUPS,
    HELD_OUT_PAIRS,
    LORA,
    MORE_UNEDITED,
    UNEDITED,
    UNEDITED_IN_TRAIN,
    folder,
    held_out_column,
    side,
)

COUNT = 30_000


def members(count=COUNT, photographs=COUNT // 3, seed=0):
    """Rows with a real mix: three per photograph, one in five unedited."""
    rng = random.Random(seed)
    return [
        Member(f"row-{index}", f"{rng.randrange(photographs):012d}", tuple(rng.sample(GENERATORS, turns)))
        for index, turns in enumerate(rng.choices((0, 1, 2, 3), (4, 2, 6, 8), k=count))
    ]


@pytest.fixture(scope="module")
def rows():
    return members()


@pytest.fixture(scope="module")
def placements(rows):
    return place(rows)


@pytest.mark.parametrize("name", ["{}", "{:012d}", "train2017/{:012d}.jpg", "generated-{}", "{}-crop"])
def test_four_fifths_of_30000_ids_are_train_within_half_a_point(name):
    share = sum(side(name.format(number)) == "train" for number in range(COUNT)) / COUNT
    assert abs(share - 0.8) < 0.005


def test_sides_are_the_same_on_every_machine_and_in_every_version():
    known = {"000000000004": "validation", "000000000025": "train", "astronaut": "train"}
    assert {base: side(base) for base in known} == known


def test_no_photograph_is_on_both_sides(rows, placements):
    sides = defaultdict(set)
    for row, placement in zip(rows, placements, strict=True):
        sides[row.base_id].add(placement.side)
    assert {len(found) for found in sides.values()} == {1}


def test_the_sides_do_not_move_when_rows_are_added(rows, placements):
    grown = place(rows + [Member(f"new-{row.id}", row.base_id + "x", row.generators) for row in rows])
    assert [one.side for one in placements] == [one.side for one in grown[: len(rows)]]


def test_the_order_of_the_rows_does_not_matter(rows, placements):
    shuffled = list(zip(rows, placements, strict=True))
    random.Random(1).shuffle(shuffled)
    assert place([row for row, _ in shuffled]) == [placement for _, placement in shuffled]


@pytest.mark.parametrize(
    ("generators", "group"),
    [
        (("sdxl",), EDITED),
        (("flux.1",), "only-flux-hunyuan"),
        (("hunyuandit1.1", "flux.1"), "only-flux-hunyuan"),
        (("sd3.5", "sd2"), "only-sd2-sd3.5"),
        (("kolors", "glide"), "only-glide-kolors"),
        (("kolors", "sd2"), EDITED),
        (("flux.1", "hunyuandit1.1", "sdxl"), EDITED),
    ],
)
def test_rows_of_one_pair_alone_have_a_group_of_their_own(generators, group):
    assert edited_group(generators) == group
    assert group in GROUPS


def test_5000_unedited_photographs_join_the_training(rows, placements):
    groups = Counter((one.side, one.group) for one in placements)
    assert groups["train", UNEDITED] == UNEDITED_IN_TRAIN or groups["train", MORE_UNEDITED] == 0
    many = [Member(f"row-{index}", f"photo-{index}", ()) for index in range(8000)]
    counts = Counter((one.side, one.group) for one in place(many))
    assert counts["train", UNEDITED] == UNEDITED_IN_TRAIN
    assert counts["train", MORE_UNEDITED] == sum(side(row.base_id) == "train" for row in many) - UNEDITED_IN_TRAIN
    assert counts["validation", MORE_UNEDITED] == 0


def config_rows(rows, placements, config):
    """Split to rows, as `load_dataset` would find them."""
    view = CONFIGS[config]
    return {
        split: [
            row
            for row, placement in zip(rows, placements, strict=True)
            if folder(placement.side, placement.group) in places and placement.flags[view.filter_column]
        ]
        for split, places in view.splits.items()
    }


@pytest.mark.parametrize("pair", HELD_OUT_PAIRS)
def test_training_never_sees_the_pair_and_the_test_sees_nothing_else(rows, placements, pair):
    splits = config_rows(rows, placements, f"classification-heldout-{pair}")
    pair_of = set(HELD_OUT_PAIRS[pair])
    assert not any(set(row.generators) & pair_of for row in splits["train"])
    assert all(set(row.generators) <= pair_of for row in splits["test"])
    assert all(side(row.base_id) == "train" for row in splits["train"])
    assert {side(row.base_id) for row in splits["test"] if row.generators} == {"train", "validation"}
    assert {side(row.base_id) for row in splits["test"] if not row.generators} == {"validation"}


@pytest.mark.parametrize("pair", HELD_OUT_PAIRS)
def test_no_photograph_trains_and_tests_a_held_out_config(rows, placements, pair):
    splits = config_rows(rows, placements, f"classification-heldout-{pair}")
    bases = {split: {row.base_id for row in found} for split, found in splits.items()}
    assert bases["train"]
    assert bases["test"]
    assert not bases["train"] & bases["test"]


@pytest.mark.parametrize("pair", HELD_OUT_PAIRS)
def test_every_row_that_only_the_pair_edited_is_tested(rows, placements, pair):
    tested = {row.id for row in config_rows(rows, placements, f"binary-heldout-{pair}")["test"]}
    assert {
        row.id for row in rows if row.generators and set(row.generators) <= set(HELD_OUT_PAIRS[pair])
    } <= tested


@given(st.lists(st.tuples(st.integers(0, 6), st.sets(st.sampled_from(GENERATORS), max_size=3)), max_size=40))
def test_a_row_is_left_out_of_a_held_out_config_only_for_a_reason(drawn):
    rows = [Member(f"row-{i}", f"photo-{base}", tuple(sorted(used))) for i, (base, used) in enumerate(drawn)]
    placements = place(rows)
    for pair in HELD_OUT_PAIRS:
        served = defaultdict(set)
        for row in rows:
            served[row.base_id].add(held_out_split(side(row.base_id), row.generators, pair))
        for row, placement in zip(rows, placements, strict=True):
            used, members_of_pair = set(row.generators), set(HELD_OUT_PAIRS[pair])
            mixed = bool(used & members_of_pair) and not used <= members_of_pair
            flag = placement.flags[held_out_column(pair)]
            assert flag or mixed or served[row.base_id] >= {"train", "test"}


def test_rows_that_join_others_leave_them_where_they_are():
    first = [Member("a", "000000000025", ("sdxl",))]
    later = [Member("b", "000000000025", ("sd2",)), Member("c", "000000000025", ())]
    serving = {pair: {"000000000025": "train"} for pair in HELD_OUT_PAIRS}
    joined = place(later, Occupied(unedited_in_train=UNEDITED_IN_TRAIN, serving=serving))
    assert place(first)[0].flags["heldout_sd2_sd35"]
    assert not joined[0].flags["heldout_sd2_sd35"]
    assert joined[0].flags["heldout_flux_hunyuan"]
    assert joined[1].group == MORE_UNEDITED
    assert joined[1].flags["heldout_sd2_sd35"]


def test_a_lora_run_lies_apart():
    validation = next(name for name in map(str, itertools.count()) if side(name) == "validation")
    [placement] = place_lora([Member("a", validation, ("sdxl",))])
    assert (placement.side, placement.group) == ("validation", LORA)
    with pytest.raises(ValueError, match="1 rows are of the train side, b among them"):
        place_lora([Member("a", validation, ("sdxl",)), Member("b", "000000000025", ("sdxl",))])
