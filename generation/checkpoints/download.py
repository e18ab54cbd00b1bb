"""Downloads files that are not on the Hub, checked by size and digest."""

import base64
import hashlib
import os
import urllib.error
import urllib.request
from http.client import HTTPResponse
from pathlib import Path

from builder.encoding.whole_file import whole_file
from generation.checkpoints.checkpoint import PublishedFile

TIMEOUT = 60.0
"""Seconds without a byte after which a download fails."""

_CHUNK = 2**20


def download(file: PublishedFile, folder: Path) -> None:
    """Downloads a file into a folder, where it appears whole or not at all.

    Its size is compared with `Content-Length`, its content with its SHA-256 where one is published and with the
    server's `Content-MD5` where it sends one, as Azure's blob storage does.

    Raises:
        OSError: the server does not answer, or the file is not what it should be.
    """
    from tqdm import tqdm

    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with whole_file(folder / file.name) as unfinished:
        with _opened(file.url) as response, open(unfinished, "wb") as written:
            size, stated_md5 = (
                int(response.headers.get("Content-Length") or 0),
                response.headers.get("Content-MD5"),
            )
            with tqdm(total=size or None, desc=file.name, unit="B", unit_scale=True, leave=False) as bar:
                while chunk := response.read(_CHUNK):
                    written.write(chunk)
                    sha256.update(chunk)
                    md5.update(chunk)
                    bar.update(len(chunk))
        if size and os.path.getsize(unfinished) != size:
            raise OSError(f"only {os.path.getsize(unfinished):,} of {size:,} bytes came")
        if file.sha256 and sha256.hexdigest() != file.sha256:
            raise OSError(f"its SHA-256 is {sha256.hexdigest()} and not {file.sha256}")
        if stated_md5 and base64.b64encode(md5.digest()).decode() != stated_md5:
            raise OSError("its MD5 is not the one that the server states")


def _opened(url: str) -> HTTPResponse:
    try:
        return urllib.request.urlopen(url, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise OSError(f"{error.code} {error.reason}") from None
