"""Text of users' files in a card: whatever it is, it is shown as text."""

import dataclasses
import io

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image

from builder.dataset.stats import CheckpointCount
from builder.encoding.secrets import redact, without_signature
from cards.card import card_text
from cards.figures import draw_statistics
from cards.markup import LONGEST, code, escaped, link, plain

HOSTILE = "<img src=x onerror=alert(1)>"
FOREIGN = st.one_of(st.text(), st.text("<>[]()|`*_!\\&#~$@:/.\n ab-"), st.just(HOSTILE))
PARSER = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def tokens(markdown: str) -> list[Token]:
    found = []
    for token in PARSER.parse(markdown):
        found += [token, *(token.children or [])]
    return found


def shown(markdown: str) -> str:
    return "".join(token.content for token in tokens(markdown) if token.type in ("text", "code_inline"))


@settings(max_examples=300)
@given(FOREIGN)
@example(HOSTILE)
@example("[a](javascript:alert(1))")
@example("www.evil.example http://evil.example me@evil.example")
def test_escaped_text_is_shown_as_it_is_and_nothing_else(text):
    markdown = f"say: {escaped(text)}."
    kinds = {token.type for token in tokens(markdown)}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text"}
    assert shown(markdown) == f"say: {plain(text)}."
    assert len(plain(text)) <= LONGEST


@settings(max_examples=300)
@given(FOREIGN, FOREIGN, FOREIGN)
@example(HOSTILE, HOSTILE, "http://licence.example/a b|c)<script>")
@example("`", "|", "javascript:alert(1)")
def test_a_table_of_foreign_text_has_its_cells_and_links_lead_to_web_pages(name, checkpoint, url):
    table = f"| a | b | c |\n| --- | --- | --- |\n| x{escaped(name)} | {code(checkpoint)} | {link(name, url)} |\n"
    found = tokens(table)
    assert sum(token.type == "td_open" for token in found) == 3
    assert not any(token.type.startswith("html") for token in found)
    for token in found:
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(("http://", "https://"))


def test_a_card_of_hostile_names_holds_no_html_and_is_still_drawn(stats):
    long = "w" * 300
    hostile = dataclasses.replace(
        stats,
        objects={HOSTILE: 5, long: 3, "| --- |": 2},
        supercategories={HOSTILE: 5, long: 3},
        checkpoints=(CheckpointCount("sd2", f"folder/{HOSTILE}`|", HOSTILE, 3),),
        licenses={HOSTILE: 3, f"http://licence.example/{HOSTILE}?sig=secret": 4, long: 2},
        compositing={HOSTILE: 2},
    )
    text = card_text(hostile, name=HOSTILE)
    body = text.split("---\n", 2)[2]
    html = [token.content.strip() for token in tokens(body) if token.type.startswith("html")]
    assert all(content.startswith("<!-- diffseg30k:") for content in html)
    assert "<img" not in text.replace("\\<img", "").replace(f"folder/{HOSTILE}", "").replace(f"`{HOSTILE}`", "")
    assert "secret" not in text
    assert long not in text
    sizes = [Image.open(io.BytesIO(draw_statistics(each))).size for each in (hostile, stats)]
    assert sizes[0] == sizes[1]


WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=6, max_size=12)


@given(WORDS, WORDS, st.lists(st.tuples(st.sampled_from(["sv", "sig", "token", "X-Amz-Signature"]), WORDS)))
def test_no_secret_of_a_url_is_left(user, password, values):
    query = "&".join(f"{key}={value}X" for key, value in values)
    url = f"az://{user}Y:{password}Z@box.example/run/a.webp?{query}"
    text = redact(f"cannot read {url}, nor hf_abcdefghij12345")
    assert not any(
        secret in text for secret in (f"{user}Y", f"{password}Z", "hf_abc", *(f"{value}X" for _, value in values))
    )
    assert "box.example/run/a.webp" in text


def test_a_photograph_s_url_loses_its_signature_and_keeps_its_id():
    url = "https://me:pw@photos.example/view?id=12&sig=abc&X-Amz-Credential=k#top"
    assert without_signature(url) == "https://…photos.example/view?id=12&sig=…&X-Amz-Credential=…#top"
    flickr = "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg"
    assert without_signature(flickr) == flickr
