"""The gallery in Chromium, opened from the disk: filters, slider, links, keyboard; nothing from anywhere else."""

import json
import re
import time

import pytest

from tests.cards.gallery.synthetic_rows import HOSTILE

pytestmark = pytest.mark.browser

FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SHOWN = "[...document.querySelectorAll('#grid a')].map(a => new URLSearchParams(a.hash.slice(1)).get('row'))"


def count(page):
    return page.inner_text("#count")


def open_grid(watched, folder, fragment="", **options):
    page = watched(folder, **options).open(fragment)
    page.wait_for_selector("#grid li")
    return page


def open_row(watched, folder, fragment):
    page = watched(folder).open(fragment)
    page.wait_for_selector("#row h2")
    return page


def wait(page, expression, seconds=20):
    """Waits until a JavaScript expression is true. Playwright's own waiting evaluates text in the page, which the
    page's security policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not within {seconds} s: {expression}"
        page.wait_for_timeout(20)


def number_of(text):
    return int(re.match(r"[\d,]+", text)[0].replace(",", ""))


class TestTheGrid:
    def test_every_row_has_a_card_whose_picture_loads(self, watched, gallery):
        page = open_grid(watched, gallery)
        assert number_of(count(page)) == len(page.evaluate(SHOWN)) == 45
        wait(page, "[...document.images].slice(0, 12).every(image => image.naturalWidth === 416)")

    def test_a_filter_leaves_the_rows_it_names_and_is_in_the_address(self, watched, gallery):
        page = open_grid(watched, gallery)
        page.check("input[name=generator][value=kolors]", force=True)
        page.check("input[name=turns][value='3']", force=True)
        assert "of 45 images" in count(page)
        assert page.evaluate("location.hash") == "#generator=kolors&turns=3"
        names = page.locator("#grid .caption").all_inner_texts()
        assert names
        assert all("Kolors" in name and "3 turns" in name for name in names)

    def test_a_sent_address_shows_the_same_view(self, watched, gallery):
        page = open_grid(watched, gallery, "#generator=kolors&turns=3&sort=area")
        assert page.is_checked("input[name=generator][value=kolors]")
        assert page.input_value("select[name=sort]") == "area"
        shown = page.evaluate(SHOWN)
        page = open_grid(watched, gallery)
        page.check("input[name=generator][value=kolors]", force=True)
        page.check("input[name=turns][value='3']", force=True)
        page.select_option("select[name=sort]", "area")
        assert page.evaluate(SHOWN) == shown

    def test_the_order_can_be_chosen(self, watched, gallery):
        page = open_grid(watched, gallery, "#sort=id")
        assert page.evaluate(SHOWN) == sorted(page.evaluate(SHOWN))

    def test_text_finds_ids_and_objects(self, watched, gallery):
        page = open_grid(watched, gallery)
        page.keyboard.press("/")
        page.keyboard.type("rocket")
        wait(page, "location.hash === '#text=rocket'")
        texts = page.locator("#grid .caption").all_inner_texts()
        assert texts
        assert all("rocket" in text for text in texts)

    def test_a_split_can_be_chosen(self, watched, gallery):
        page = open_grid(watched, gallery, "#split=semantic-lora")
        assert count(page) == "4 of 45 images"

    def test_what_no_row_has_is_not_offered(self, watched, gallery):
        page = open_grid(watched, gallery)
        assert page.is_visible("#by-base")
        assert not page.is_visible("#by-quality")

    def test_arrows_move_between_the_cards_and_enter_opens_one(self, watched, gallery):
        page = open_grid(watched, gallery)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        second = page.evaluate(SHOWN)[1]
        page.keyboard.press("Enter")
        page.wait_for_selector("#row h2")
        assert page.inner_text("#row h2") == second
        page.keyboard.press("Escape")
        page.wait_for_selector("#grid li")
        assert page.evaluate("new URLSearchParams(document.activeElement.hash.slice(1)).get('row')") == second


class TestOneRow:
    def edited(self, page):
        page.check("input[name=turns][value='3']", force=True)
        page.click("#grid a")
        page.wait_for_selector("#row h2")

    def test_the_slider_uncovers_the_base_image(self, watched, gallery):
        page = open_grid(watched, gallery)
        self.edited(page)
        wait(page, "[...document.querySelectorAll('.stack img:not([hidden])')].every(i => i.naturalWidth)")
        slider = page.locator("#row input[type=range]")
        slider.focus()
        page.keyboard.press("Home")
        assert "0%" in page.evaluate("getComputedStyle(document.querySelector('.after')).clipPath")
        page.keyboard.press("End")
        assert "100%" in page.evaluate("getComputedStyle(document.querySelector('.after')).clipPath")

    def test_the_slider_follows_the_mouse(self, watched, gallery):
        page = open_grid(watched, gallery)
        self.edited(page)
        box = page.locator("#row input[type=range]").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
        assert 20 <= int(page.input_value("#row input[type=range]")) <= 30

    def test_keys_show_the_mask_of_each_turn(self, watched, gallery):
        page = open_grid(watched, gallery)
        self.edited(page)
        masks = page.locator("#row .stack .mask")
        assert [masks.nth(at).is_visible() for at in range(3)] == [False, False, False]
        page.keyboard.press("2")
        assert [masks.nth(at).is_visible() for at in range(3)] == [False, True, False]
        assert page.get_attribute("button[data-key='2']", "aria-pressed") == "true"
        page.keyboard.press("m")
        assert [masks.nth(at).is_visible() for at in range(3)] == [True, False, True]

    def test_everything_that_is_known_of_an_edit_is_written(self, watched, gallery):
        page = open_grid(watched, gallery)
        self.edited(page)
        text = page.inner_text("#row")
        for name in (
            "checkpoint",
            "seed",
            "steps",
            "guidance",
            "compositing",
            "change inside",
            "licence",
            "split",
        ):
            assert name in text
        assert "tiny/" in text

    def test_the_arrows_go_through_the_rows_of_the_filter(self, watched, gallery):
        page = open_grid(watched, gallery, "#turns=2&sort=id")
        ids = page.evaluate(SHOWN)
        page.click("#grid a")
        page.wait_for_selector("#row h2")
        page.keyboard.press("ArrowRight")
        wait(page, f"document.querySelector('#row h2').textContent === {json.dumps(ids[1])}")
        assert page.inner_text("#position") == f"2 of {len(ids)}"
        page.keyboard.press("ArrowLeft")
        wait(page, f"document.querySelector('#row h2').textContent === {json.dumps(ids[0])}")

    def test_a_link_opens_a_row(self, watched, gallery):
        page = open_grid(watched, gallery)
        wanted = page.evaluate(SHOWN)[20]
        page = open_row(watched, gallery, f"#row={wanted}")
        assert page.inner_text("#row h2") == wanted

    def test_a_link_to_a_row_that_is_not_there_says_so(self, watched, gallery):
        page = watched(gallery).open("#row=nothing")
        page.wait_for_selector("#row .notice")
        assert "no row nothing" in page.inner_text("#row")

    def test_pictures_are_described_for_screen_readers(self, watched, gallery):
        page = open_grid(watched, gallery)
        assert all(page.locator("#grid img").nth(at).get_attribute("alt") for at in range(10))
        self.edited(page)
        assert "turns by" in page.get_attribute("#row .after", "alt")
        assert page.get_attribute("#row input[type=range]", "aria-label")


class TestWhereItIsRead:
    def test_a_phone_needs_no_sideways_scrolling(self, watched, gallery):
        page = open_grid(watched, gallery, viewport={"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.click("#grid a")
        page.wait_for_selector("#row h2")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360

    def test_it_is_dark_where_the_reader_prefers_it_and_can_be_switched(self, watched, gallery):
        page = open_grid(watched, gallery, color_scheme="dark")
        background = "getComputedStyle(document.documentElement).backgroundColor"
        assert page.evaluate(background) == "rgb(19, 20, 22)"
        page.keyboard.press("d")
        assert page.evaluate(background) == "rgb(251, 251, 250)"


def test_an_imported_archive_shows_images_with_their_labels(watched, imported_gallery):
    page = open_grid(watched, imported_gallery)
    assert count(page) == "12 images"
    page.click("#grid a")
    page.wait_for_selector("#row h2")
    assert page.locator("#row .stack .mask").is_visible()
    assert page.locator("#row input[type=range]").count() == 0


def test_text_of_the_dataset_is_shown_as_text(watched, hostile_gallery):
    page = open_grid(watched, hostile_gallery)
    assert HOSTILE in page.inner_text("#grid")
    page.click("#grid a")
    page.wait_for_selector("#row h2")
    assert HOSTILE in page.inner_text("#row h2")
    assert HOSTILE in page.inner_text("#row blockquote")
    assert "javascript:" not in page.inner_html("#row")
    assert str(2**62) in page.inner_text("#row")


class TestThirtyThousandRows:
    def test_the_first_rows_are_shown_before_the_others_are_read(self, watched, large_gallery):
        opened = watched(large_gallery)
        held = []
        opened.page.route("**/data/grid-0001.js", lambda route: held.append(route))
        page = opened.open()
        page.wait_for_selector("#grid li")
        print(f"first paint of 30,000 rows after {page.evaluate(FIRST_PAINT):.0f} ms")
        assert count(page) == "5,000 images, 30,000 being loaded"
        wait(page, "[...document.images].slice(0, 12).every(image => image.naturalWidth)")
        held[0].continue_()
        wait(page, "document.querySelector('#count').textContent === '30,000 images'")

    def test_filters_and_links_reach_the_last_row(self, watched, large_gallery):
        page = open_grid(watched, large_gallery)
        wait(page, "document.querySelector('#count').textContent === '30,000 images'")
        page.fill("input[name=text]", "029999")
        wait(page, "document.querySelector('#count').textContent === '1 of 30,000 images'")
        page = open_row(watched, large_gallery, "#row=cat-029999")
        assert page.inner_text("#row h2") == "cat-029999"

    def test_cards_are_added_as_they_come_into_view(self, watched, large_gallery):
        page = open_grid(watched, large_gallery)
        wait(page, "document.querySelector('#count').textContent === '30,000 images'")
        before = page.locator("#grid li").count()
        assert before < 1000
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        wait(page, f"document.querySelectorAll('#grid li').length > {before}")
