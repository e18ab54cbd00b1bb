"""Removes secrets from printed text, logs and error messages."""

import re

_SECRETS = re.compile(r"hf_[A-Za-z0-9]{8,}|(?<=://)[^/\s@]+@|(?<=\?)[^\s'\"]*(?:[Ss]ignature|[Tt]oken)=[^\s'\"]*")


def redact(text: str) -> str:
    """A text without tokens, passwords in URLs and signed queries."""
    return _SECRETS.sub("…", text)
