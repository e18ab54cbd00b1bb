"""Of more accepted images than wanted those are kept that have the plan's balance."""

import random

from hypothesis import given
from hypothesis import strategies as st

from generation.prepare.acceptance import PlannedImage, Wanted, generated_range, is_reached, tally
from generation.prepare.surplus import kept_images

GENERATORS = ("sd2", "sdxl", "flux.1", "glide")
TYPES = ("attribute_change", "addition", "removal")

wanted_numbers = st.builds(
    lambda turns, share: Wanted(tuple(turns), round(sum(turns) * share)),
    st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)
numbers_accepted = st.lists(st.integers(0, 14), min_size=6, max_size=6)


def accepted_images(numbers: list[int], seed: int) -> list[PlannedImage]:
    """So many images with one, two and three turns of photographs, and so many of generated bases."""
    rng = random.Random(seed)
    images = []
    for place, number in enumerate(numbers):
        turns = place % 3 + 1
        for _ in range(number):
            made_by = tuple(rng.sample(GENERATORS, turns))
            types = tuple(rng.choice(TYPES) for _ in range(turns))
            images.append(PlannedImage("run", f"image-{len(images):03d}", made_by, types, place >= 3, True))
    return images


@given(wanted_numbers, numbers_accepted, st.integers(0, 5))
def test_when_all_that_is_wanted_is_there_the_kept_images_have_the_wanted_numbers(wanted, numbers, seed):
    images = accepted_images(numbers, seed)
    kept = tally(kept_images(images, wanted, seed))
    assert kept.images == min(len(images), wanted.images)
    if is_reached(images, wanted):
        assert [kept.turns[turns] for turns in (1, 2, 3)] == list(wanted.turns)
        assert kept.generated == wanted.generated


@given(wanted_numbers, numbers_accepted, st.integers(0, 5))
def test_a_number_of_turns_of_which_there_are_too_few_loses_none(wanted, numbers, seed):
    images = accepted_images(numbers, seed)
    there, kept = tally(images).turns, tally(kept_images(images, wanted, seed)).turns
    for turns, number in enumerate(wanted.turns, start=1):
        assert kept[turns] >= min(number, there[turns])


@given(wanted_numbers, numbers_accepted, st.integers(0, 5))
def test_what_is_kept_does_not_depend_on_the_order(wanted, numbers, seed):
    images = accepted_images(numbers, seed)
    shuffled = random.Random(seed).sample(images, len(images))
    assert set(kept_images(shuffled, wanted, seed)) == set(kept_images(images, wanted, seed))


@given(wanted_numbers, numbers_accepted)
def test_the_range_of_generated_bases_is_within_the_wanted_images(wanted, numbers):
    least, most = generated_range(accepted_images(numbers, 0), wanted)
    assert least >= 0
    assert most <= wanted.images


def test_generators_and_edit_types_are_even_among_the_kept():
    rng = random.Random(0)
    skewed = (*GENERATORS, *("sd2",) * 3), (*TYPES, "removal")
    images = [
        PlannedImage("run", f"{number:04d}", (rng.choice(skewed[0]),), (rng.choice(skewed[1]),), False, True)
        for number in range(900)
    ]
    before, kept = tally(images), tally(kept_images(images, Wanted((400,), 0), 0))
    assert max(before.generators.values()) > 3 * min(before.generators.values())
    assert max(kept.generators.values()) - min(kept.generators.values()) <= 2
    assert max(kept.edit_types.values()) - min(kept.edit_types.values()) <= 2
