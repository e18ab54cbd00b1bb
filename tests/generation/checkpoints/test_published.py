"""Every checkpoint is pinned to a commit, and has the licence and the name by which rows are traced back."""

import re

import pytest

from cards.licenses import checkpoint_license
from generation.checkpoints.checkpoint import place_of
from generation.checkpoints.published import ALTERNATIVES, KANDINSKY_PRIOR, PUBLISHED, published_as
from generation.generators.lora import LORAS
from generation.regions.grounding.options import DETECTOR, SEGMENTER
from generation.vlm.options import MODELS

EVERY = [(generator, one) for generator, one in PUBLISHED.items()] + [
    (generator, one) for generator, others in ALTERNATIVES.items() for one in others.values()
]


def test_every_checkpoint_is_pinned_to_a_commit():
    revisions = [one.revision for _, one in EVERY] + [lora.revision for lora in LORAS.values()]
    places = [KANDINSKY_PRIOR, *map(place_of, [DETECTOR, SEGMENTER, *MODELS.values()])]
    for revision in [*revisions, *(place.revision for place in places)]:
        assert re.fullmatch("[0-9a-f]{40}", revision or ""), revision


@pytest.mark.parametrize(("generator", "published"), EVERY)
def test_a_row_leads_back_to_its_checkpoint_and_licence(generator, published):
    assert published_as(generator, published.name) == published
    license = checkpoint_license(generator, published.name)
    assert (license.name, license.url) == (published.license, published.license_url)


def test_a_users_checkpoint_is_no_published_one():
    assert published_as("sd2", "folder/mine") is None
    assert published_as("sd2", "me/sd2@main") is None
