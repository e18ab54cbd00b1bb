"""What people write in a card outlives every regeneration of the generated part."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cards.sections import BEGIN, END, merged

MADE = {
    "pretty_name": "DiffSeg30k",
    "license": "other",
    "license_name": "per-image",
    "language": ["en"],
    "tags": ["diffusion"],
    "configs": [{"config_name": "semantic", "data_files": "a"}],
}
BODY = "# DiffSeg30k\n\n## How to load it\n\nSo.\n"


def front_of(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def text_of(card: str) -> str:
    return card.split("---\n", 2)[2]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")).filter(
    lambda text: BEGIN not in text and END not in text and "---" not in text
)


@given(TEXT, TEXT, TEXT)
def test_what_is_outside_the_marks_stays_to_the_byte(before, after, body):
    card = merged(None, MADE, BODY, "README.md")
    begin, end = card.index(BEGIN), card.index(END) + len(END)
    edited = f"{card[:begin]}{before}{card[begin:end]}{after}"
    again = merged(edited, MADE, f"{body}\n", "README.md")
    assert text_of(again).startswith(f"\n{before}{BEGIN}")
    assert again.endswith(f"{END}{text_of(card).partition(END)[2] and ''}{after}")
    assert merged(again, MADE, f"{body}\n", "README.md") == again


def test_keys_tags_and_configs_that_people_added_stay():
    card = merged(None, MADE, BODY, "README.md")
    front = front_of(card) | {"extra_gated_prompt": "Agree to this.", "viewer": False}
    front["tags"] = ["diffusion", "faces"]
    front["configs"] = [*front["configs"], {"config_name": "mine", "data_files": "b"}]
    edited = f"---\n{yaml.safe_dump(front)}---\n{text_of(card)}"
    made = MADE | {"configs": [{"config_name": "semantic", "data_files": "new"}]}
    again = front_of(merged(edited, made, BODY, "README.md"))
    assert again["extra_gated_prompt"] == "Agree to this."
    assert again["viewer"] is False
    assert again["tags"] == ["diffusion", "faces"]
    assert [each["data_files"] for each in again["configs"]] == ["new", "b"]


def test_a_config_of_ours_that_has_no_rows_any_more_goes():
    card = merged(None, MADE | {"configs": [{"config_name": "binary"}, *MADE["configs"]]}, BODY, "README.md")
    assert front_of(merged(card, MADE, BODY, "README.md"))["configs"] == MADE["configs"]


def test_a_licence_that_all_share_leaves_no_name_of_another_behind():
    card = merged(None, MADE, BODY, "README.md")
    made = {key: value for key, value in MADE.items() if key != "license_name"} | {"license": "cc-by-4.0"}
    assert "license_name" not in front_of(merged(card, made, BODY, "README.md"))


def test_a_card_of_an_earlier_version_is_replaced_and_a_person_s_is_kept_below():
    assert text_of(merged(f"---\na: 1\n---\n\n{BODY}", MADE, BODY, "README.md")) == f"\n{BEGIN}\n\n{BODY}\n{END}\n"
    theirs = merged("# My faces\n\nWrite to me.\n", MADE, BODY, "README.md")
    assert theirs.endswith(f"{END}\n\n# My faces\n\nWrite to me.\n")


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("---\na: [1\n---\n", "its metadata, between the lines ---, is not YAML"),
        ("---\n- a\n---\n", "its metadata, between the lines ---, has no keys"),
        (f"{END}\n{BEGIN}\n", "it has to have"),
        (f"{BEGIN}\n{BEGIN}\n{END}\n", "it has to have"),
    ],
)
def test_a_card_that_cannot_be_read_is_named_and_not_overwritten(card, message):
    with pytest.raises(ValueError, match=f"DATA/README.md: {message}"):
        merged(card, MADE, BODY, "DATA/README.md")
