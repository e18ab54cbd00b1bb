"""Licences: what they are called, and what the Hub is told."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cards.licenses import HUB_IDS, checkpoint_license, hub_metadata, license_of


@pytest.mark.parametrize(
    ("text", "name", "hub_id"),
    [
        ("http://creativecommons.org/licenses/by/2.0/", "CC BY 2.0", "cc-by-2.0"),
        ("https://creativecommons.org/licenses/by-nc-sa/2.0/", "CC BY-NC-SA 2.0", "cc-by-nc-sa-2.0"),
        ("http://creativecommons.org/licenses/by-sa/2.0/", "CC BY-SA 2.0", None),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0", "cc0-1.0"),
        ("http://flickr.com/commons/usage/", "No known copyright restrictions", None),
        ("http://www.usa.gov/copyright.shtml", "United States government work", None),
        ("https://example.org/terms", "example.org/terms", None),
        ("MIT", "MIT", "mit"),
        ("our own | [terms]", "our own | [terms]", None),
        (None, "not stated", None),
        ("", "not stated", None),
    ],
)
def test_licences_of_base_images(text, name, hub_id):
    license = license_of(text)
    assert (license.name, license.hub_id) == (name, hub_id)


def test_the_hub_is_told_the_licence_that_all_share():
    one, other = "http://creativecommons.org/licenses/by/2.0/", "https://creativecommons.org/licenses/by/2.0"
    assert hub_metadata([license_of(one), license_of(other + "/")]) == {"license": "cc-by-2.0"}


@pytest.mark.parametrize(
    "texts",
    [
        ["http://creativecommons.org/licenses/by/2.0/", None],
        ["http://creativecommons.org/licenses/by/2.0/", "http://creativecommons.org/licenses/by-nc/2.0/"],
        ["http://creativecommons.org/licenses/by-sa/2.0/"],
        [],
    ],
)
def test_where_they_share_none_that_the_hub_knows_it_is_told_so(texts):
    assert hub_metadata(map(license_of, texts)) == {"license": "other", "license_name": "per-image"}


def test_tiny_checkpoints_have_no_licence_to_heed():
    assert checkpoint_license("sd2", "tiny/sd2") is None


def test_another_generators_checkpoint_is_not_given_this_ones_licence():
    license = checkpoint_license("sd2", "black-forest-labs/FLUX.1-dev@main")
    assert license.name == "as its page says"


@given(st.text())
def test_any_text_is_one_cell_of_a_table(text):
    shown = str(license_of(text))
    assert "\n" not in shown
    assert "|" not in shown.replace(r"\|", "")
    metadata = hub_metadata([license_of(text)])
    assert metadata["license"] in HUB_IDS | {"other"}
    assert yaml.safe_load(yaml.safe_dump(metadata)) == metadata
