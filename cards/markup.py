"""Makes text that comes from users' files safe and short in Markdown."""

import re
import unicodedata
from urllib.parse import quote

from builder.encoding.secrets import REMOVED, redact

LONGEST = 80
"""Characters of a name that a card shows."""

_MARKED = re.compile(r"([\\`*_{}\[\]<>#!|&~^$@])")
_URL_SAFE = "/:?&=%#@+,;~-._!$*'"


def plain(text: str, longest: int = LONGEST) -> str:
    """A text on one line without control and formatting characters, shortened with an ellipsis."""
    shown = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    line = " ".join(shown.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def escaped(text: str, longest: int = LONGEST) -> str:
    """A text that Markdown shows as it is, also in a table: no markup, HTML or link comes of it."""
    line = _MARKED.sub(r"\\\1", plain(text, longest))
    return line.replace("://", r"\://").replace("www.", r"www\.")


def code(text: str, longest: int = LONGEST) -> str:
    """A text as inline code, also in a table; backticks become apostrophes."""
    return "`" + plain(text, longest).replace("`", "'").replace("|", r"\|") + "`"


def is_web_page(url: str) -> bool:
    """Whether a link may lead to a URL: a web page's, and not one that runs a script."""
    return re.match(r"https?://[^/\s]", url) is not None


def link(text: str, url: str) -> str:
    """A link to a web page, without secrets in its URL; the text alone if the URL is no web page's."""
    label = escaped(text)
    if not is_web_page(url):
        return label
    return f"[{label}]({redact(quote(url, safe=_URL_SAFE)).replace(REMOVED, '')})"
