"""Removes secrets from URLs in printed text, logs, error messages and stored files."""

import re
from collections.abc import Callable

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"]+")
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{8,}")
_SIGNING = re.compile(
    r"sig|sign|signature|token|key|secret|password|credential|auth|policy|x-amz-.*|x-goog-.*|.*[-_]?(token|key|secret)",
    re.IGNORECASE,
)
REMOVED = "…"


def redact(text: str) -> str:
    """A text without tokens, and without user names, passwords and the values of queries in URLs."""
    return _TOKEN.sub(REMOVED, _URL.sub(lambda found: _plain(found[0], lambda _: True), text))


def without_signature(url: str) -> str:
    """A URL without user name, password and the values that sign it; others, such as a photograph's id, stay."""
    return _URL.sub(lambda found: _plain(found[0], lambda key: _SIGNING.fullmatch(key) is not None), url)


def _plain(url: str, removes: Callable[[str], bool]) -> str:
    base, fragment_mark, fragment = url.partition("#")
    base, query_mark, query = base.partition("?")
    scheme, _, rest = base.partition("://")
    authority, slash, path = rest.partition("/")
    _, at, host = authority.rpartition("@")
    place = f"{scheme}://{REMOVED if at else ''}{host}{slash}{path}"
    return (
        f"{place}{query_mark}{_values(query, removes)}{fragment_mark}{_values(fragment, removes, '=' in fragment)}"
    )


def _values(query: str, removes: Callable[[str], bool], has_values: bool = True) -> str:
    """A query or fragment without the values of the keys that `removes` names."""
    if not has_values:
        return query
    parts = re.split(r"([&;])", query)
    return "".join(part if part in ("&", ";", "") else _value(part, removes) for part in parts)


def _value(part: str, removes: Callable[[str], bool]) -> str:
    key, mark, value = part.partition("=")
    if not mark:
        return REMOVED if removes("") else part
    return f"{key}={REMOVED}" if value and removes(key) else part
