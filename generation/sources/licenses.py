"""Recognises licences that forbid publishing an edited photograph."""

import re

_CREATIVE_COMMONS = re.compile(r"creativecommons\.org/licenses/([a-z-]+)", re.IGNORECASE)
_SHORT_NAME = re.compile(r"\bCC[ -]BY(-NC)?-ND\b", re.IGNORECASE)
_LONG_NAME = re.compile(r"\bno[ -]?deriv", re.IGNORECASE)


def forbids_derivatives(license: str) -> bool:
    """Whether a licence, given by URL or name, forbids derivatives."""
    elements = _CREATIVE_COMMONS.search(license)
    if elements and "nd" in elements[1].lower().split("-"):
        return True
    return bool(_SHORT_NAME.search(license) or _LONG_NAME.search(license))
