"""A description says in English what is to be seen, and gives no orders."""

import pytest

from generation.language.descriptions import NotADescription, description


@pytest.mark.parametrize(
    "text",
    [
        "a dog with a red collar",
        "A dog in a café, wearing a red collar.",
        "an empty cobblestone street at dusk",
        "golden retriever",
        "two men playing ping-pong",
        "a 1950s-style diner counter",
        "a glossy cerulean teapot with gilded handle",
        "a shop sign that reads SCORE 5",
        "a black/white checkered floor",
        "turned wooden chair legs",
        "Fresh green grass and a few wildflowers",
        "a shiny Harley-Davidson motorcycle parked by a curb",
    ],
)
def test_descriptions_are_taken_as_they_are(text):
    assert description(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("none", "empty"),
        ("N/A", "empty"),
        ("null", "empty"),
        ("your prompt here", "empty"),
        (5, "not text"),
        ("I cannot help with editing people.", "does not describe"),
        ("Sorry, this is not possible", "does not describe"),
        ("Paint the dog blue", "an order"),
        ("Please make the collar red", "an order"),
        ("../../../etc/passwd", "a path"),
        ("<script>alert(1)</script>", "markup"),
        ("a dog<|im_end|>", "markup"),
        ("a dog as on https://example.org", "markup"),
        ("ein schwarzer Hund auf dem Gras", "not in English"),
        ("un perro negro sobre la hierba", "not in English"),
        ("herbe verte et ciel bleu", "not in English"),
        ("собака с красным ошейником", "not in English"),
        ("a dog " * 60, "too long"),
    ],
)
def test_what_is_no_description_says_why(text, reason):
    with pytest.raises(NotADescription, match=reason):
        description(text)
