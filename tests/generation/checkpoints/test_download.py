"""Files that are not on the Hub: they are checked by size, SHA-256 and the server's MD5, and appear whole."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from generation.checkpoints.checkpoint import CheckpointError, PublishedFile
from generation.checkpoints.files import fetch_files
from generation.checkpoints.published import PUBLISHED

DATA = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = base64.b64encode(hashlib.md5(DATA).digest()).decode()


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            kind = self.path.strip("/").partition(".")[0]
            if kind == "gone":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(DATA)))
            if kind in ("stated", "wrong"):
                self.send_header("Content-MD5", MD5 if kind == "stated" else MD5[::-1])
            self.end_headers()
            self.wfile.write(DATA[:1000] if kind == "cut" else DATA)

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_address[1]}"
    served.shutdown()
    served.server_close()


def fetch(folder: Path, *files: PublishedFile) -> list[str]:
    fetch_files(replace(PUBLISHED["glide"], files=files), folder)
    return sorted(path.name for path in folder.iterdir())


def test_whole_files_are_kept_and_not_fetched_again(server, tmp_path):
    files = (PublishedFile(f"{server}/stated.pt"), PublishedFile(f"{server}/vocab.gz", SHA256))
    assert fetch(tmp_path, *files) == ["stated.pt", "vocab.gz"]
    assert (tmp_path / "stated.pt").read_bytes() == DATA
    (tmp_path / "stated.pt").write_bytes(b"mine")
    fetch(tmp_path, *files)
    assert (tmp_path / "stated.pt").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "sha256", "reason"),
    [
        ("cut.pt", None, "(only 1,000 of 1,280,000 bytes came|IncompleteRead|retrieval incomplete)"),
        ("other.gz", "0" * 64, f"its SHA-256 is {SHA256} and not 0000"),
        ("wrong.pt", None, "its MD5 is not the one that the server states"),
        ("gone.pt", None, "404"),
    ],
)
def test_another_content_is_not_kept_and_the_address_and_the_folder_are_named(
    server, tmp_path, name, sha256, reason
):
    with pytest.raises(CheckpointError, match=reason) as caught:
        fetch(tmp_path / "cache", PublishedFile(f"{server}/{name}", sha256))
    assert f"{server}/{name} could not be downloaded" in str(caught.value)
    assert str(tmp_path / "cache") in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_openais_vocabulary_is_pinned_by_its_content():
    pinned = {file.name: file.sha256 for file in PUBLISHED["glide"].files if file.sha256}
    assert set(pinned) == {"encoder.json.gz", "vocab.bpe.gz"}
