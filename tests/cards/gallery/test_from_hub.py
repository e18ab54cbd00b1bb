"""The gallery of a dataset on the Hub, and the card's link to a gallery through a push."""

import subprocess
import sys

from tests.cards.gallery.synthetic_rows import write_rows
from tests.hub_client import NAME, environment
from tests.hub_server import HubServer


def typed(server: HubServer, folder, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "diffseg30k_cli", *arguments],
        cwd=folder,
        env=environment(server, folder / "home"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_gallery_is_made_of_a_repository_and_a_push_keeps_the_cards_link(tmp_path):
    write_rows(tmp_path / "dataset", 20)
    link = "https://huggingface.co/spaces/tester/gallery"
    with HubServer(tmp_path / "hub") as server:
        typed(server, tmp_path, "card", "dataset", "--gallery", link)
        typed(server, tmp_path, "push", "dataset", NAME)
        assert "20 rows" in typed(server, tmp_path, "gallery", NAME, "--out", "gallery")
        assert "5 rows of 20" in typed(server, tmp_path, "gallery", NAME, "--out", "gallery", "--rows", "5")
        typed(server, tmp_path, "pull", NAME, "--out", "pulled")
    assert f"[The gallery]({link})" in (tmp_path / "pulled" / "README.md").read_text()
    assert NAME in (tmp_path / "gallery" / "data" / "about.js").read_text()
