"""Names of licences, and their identifiers on the Hub."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from builder.encoding.secrets import redact
from cards.markup import escaped, link
from generation.checkpoints.checkpoint import FOLDER_PREFIX, TINY_PREFIX
from generation.checkpoints.published import checkpoints_of

HUB_IDS = frozenset(
    {
        "apache-2.0",
        "cc0-1.0",
        "mit",
        *(f"cc-by-{version}" for version in ("2.0", "2.5", "3.0", "4.0")),
        *(f"cc-by-sa-{version}" for version in ("3.0", "4.0")),
        *(f"cc-by-nc-{version}" for version in ("2.0", "3.0", "4.0")),
        *(f"cc-by-nc-sa-{version}" for version in ("2.0", "3.0", "4.0")),
        *(f"cc-by-nc-nd-{version}" for version in ("3.0", "4.0")),
        "cc-by-nd-4.0",
    }
)
"""The Hub's identifiers of the licences of photographs and checkpoints."""

_CREATIVE_COMMONS = re.compile(r"creativecommons\.org/licenses/([a-z-]+)/([0-9.]+)")
_NAMES = {
    "creativecommons.org/publicdomain/zero/1.0": "CC0 1.0",
    "creativecommons.org/publicdomain/mark/1.0": "Public domain",
    "flickr.com/commons/usage": "No known copyright restrictions",
    "www.usa.gov/copyright.shtml": "United States government work",
    "vision.middlebury.edu/stereo/data": "Middlebury Stereo Datasets: free to use and publish, please cite",
}
_MANY = "per-image"


@dataclass(frozen=True)
class License:
    """A licence as shown in a card; as text it is Markdown.

    Attributes:
        name: such as `CC BY 2.0`, or any text of a user's file.
        url: URL of its text, or None.
        hub_id: its identifier on the Hub, or None if the Hub has none.
    """

    name: str
    url: str | None = None
    hub_id: str | None = None

    def __str__(self) -> str:
        return link(self.name, self.url) if self.url else escaped(self.name)


NOT_STATED = License("not stated")


def license_of(text: str | None) -> License:
    """The licence for a base image's `license` field: a URL, a name, or None."""
    if not text:
        return NOT_STATED
    url = text if re.match(r"https?://", text) else None
    if found := _CREATIVE_COMMONS.search(text):
        name = f"CC {found[1].upper()} {found[2]}"
    else:
        place = re.sub(r"^https?://", "", redact(text)).partition("?")[0].rstrip("/")
        name = _NAMES.get(place, place if url else text)
    return License(name, url, _hub_id(name))


def checkpoint_license(generator: str, checkpoint: str) -> License | None:
    """The licence of the weights that made an edit; None for tiny ones, which are this project's."""
    if checkpoint.startswith(TINY_PREFIX):
        return None
    if checkpoint.startswith(FOLDER_PREFIX):
        return NOT_STATED
    repository = checkpoint.partition("@")[0]
    published = next((one for one in checkpoints_of(generator) if one.repository == repository), None)
    if published is not None:
        return License(published.license, published.license_url, _hub_id(published.license))
    return License("as its page says", f"https://huggingface.co/{repository}")


def hub_metadata(licenses: Iterable[License]) -> dict[str, str]:
    """The licence fields of the card's metadata: the common licence, or a note that images have different ones."""
    ids = {license.hub_id for license in licenses}
    only = ids.pop() if len(ids) == 1 else None
    return {"license": only} if only else {"license": "other", "license_name": _MANY}


def _hub_id(name: str) -> str | None:
    candidate = "cc0-1.0" if name == "CC0 1.0" else name.lower().replace(" ", "-")
    return candidate if candidate in HUB_IDS else None
