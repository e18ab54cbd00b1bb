"""Galleries, and the browser to look at them with."""

import shutil

import pytest

from tests.cards.gallery.synthetic_rows import HOSTILE, write_rows
from tests.command import command
from tests.release_factory import LABELS, samples, write_archive

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium, headless."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


class Watched:
    """A page whose requests, messages and dialogs are noted."""

    def __init__(self, page, folder):
        self.page, self.folder = page, folder
        self.noted: list[str] = []
        page.on("console", lambda message: self.noted.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.noted.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.noted.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", self._requested)
        page.on("requestfailed", lambda request: self.noted.append(f"failed: {request.url[:200]}"))

    def _requested(self, request):
        if not request.url.startswith((f"file://{self.folder}/", "data:")):
            self.noted.append(f"left the folder: {request.url[:200]}")

    def open(self, fragment=""):
        # a change of the fragment alone would not load the page anew
        self.page.goto("about:blank")
        self.page.goto(f"file://{self.folder}/index.html{fragment}", wait_until="domcontentloaded")
        return self.page


@pytest.fixture
def watched(chromium):
    """Opens a gallery from the disk; when the test ends, nothing may have gone wrong in the page."""
    pages = []

    def make(folder, **options):
        page = Watched(chromium.new_context(**options).new_page(), folder)
        pages.append(page)
        return page

    yield make
    noted = [line for page in pages for line in page.noted]
    for page in pages:
        page.page.context.close()
    assert noted == []


def make_gallery(dataset, out, *options):
    code, printed = command("gallery", str(dataset), "--out", str(out), *options)
    assert code == 0, printed
    return out


@pytest.fixture(scope="session")
def gallery(dataset, tmp_path_factory):
    """The gallery of a dataset with originals, every group of rows and a LoRA."""
    return make_gallery(dataset, tmp_path_factory.mktemp("gallery") / "gallery")


@pytest.fixture(scope="session")
def imported_gallery(tmp_path_factory):
    """The gallery of an imported archive, of which neither turns nor prompts are known."""
    folder = tmp_path_factory.mktemp("imported")
    archive = write_archive(folder / "train.zip", samples(12))
    labels = folder / "labels.csv"
    labels.write_text("value,generator\n" + "".join(f"{value},{name}\n" for value, name in LABELS.items()))
    code, printed = command("import", str(archive), "--labels", str(labels), "--out", str(folder / "published"))
    assert code == 0, printed
    return make_gallery(folder / "published", folder / "gallery")


@pytest.fixture(scope="session")
def hostile_gallery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    write_rows(folder / "dataset", 8, HOSTILE)
    return make_gallery(folder / "dataset", folder / "gallery")


@pytest.fixture(scope="session")
def large_gallery(tmp_path_factory):
    """The gallery of 30,000 rows."""
    folder = tmp_path_factory.mktemp("large")
    write_rows(folder / "dataset", 30_000)
    return make_gallery(folder / "dataset", folder / "gallery", "--size", "64")
