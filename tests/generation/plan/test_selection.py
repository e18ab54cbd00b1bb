"""The choice of images to edit keeps the ratio of turns and does not depend on the candidates' order."""

from hypothesis import given
from hypothesis import strategies as st

from generation.plan.selection import choose_edited, choose_places, turn_targets
from tests.generation.plan.test_draw import candidates, options

capacity_lists = st.lists(st.integers(0, 5), max_size=60)


@given(capacity_lists, st.integers(1, 30), st.integers(1, 3))
def test_a_choice_is_of_as_many_images_as_there_are_and_settled_ones_stay(capacities, count, max_turns):
    choice = choose_places(capacities, count, max_turns)
    assert len(choice.edited) == min(count, sum(capacity > 0 for capacity in capacities))
    assert all(capacities[place] > 0 for place in choice.edited)
    assert choice.settled <= len(choice.edited)
    if choice.settled == count:
        assert choose_places([*capacities, 5, 5, 1], count, max_turns) == choice


@given(capacity_lists, st.none() | st.integers(1, 30), st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_come_changes_nothing(capacities, count, rng):
    pool = candidates(capacities)
    chosen = choose_edited(pool, options(count=count))
    assert choose_edited(rng.sample(pool, len(pool)), options(count=count)) == chosen
    assert all(candidate.regions for candidate in chosen.candidates)
    assert len({candidate.image for candidate in chosen.candidates}) == len(chosen.candidates)
    assert chosen.missing == 0


@given(st.lists(st.integers(3, 5), min_size=30, max_size=90), st.integers(1, 30), st.integers(0, 100))
def test_the_ratio_of_turns_can_be_kept_wherever_there_are_enough_with_three_regions(capacities, count, ones):
    chosen = choose_edited(candidates([*capacities, *[1] * ones]), options(count=count)).candidates
    assert len(chosen) == count
    assert sum(len(candidate.regions) < 2 for candidate in chosen) <= turn_targets(count, 3)[0]


@given(capacity_lists, st.integers(1, 30), st.integers(0, 60))
def test_more_candidates_are_asked_for_only_where_they_could_change_the_choice(capacities, count, unseen):
    chosen = choose_edited(candidates(capacities), options(count=count), unseen)
    assert 0 <= chosen.missing <= min(count, unseen)
    if len(chosen.candidates) < count and unseen:
        assert chosen.missing
    assert choose_edited(candidates(capacities), options(), unseen).missing == unseen
