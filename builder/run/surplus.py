"""Reads and writes `surplus.json` of a run: accepted images beyond the wanted number, which `pack` leaves out."""

from collections.abc import Iterable
from typing import Any

from builder.encoding.json_document import JsonDocument
from builder.run.directory import RunDirectory

SURPLUS = "surplus.json"


def read_surplus(run: RunDirectory) -> frozenset[str]:
    """The names of the images; none where the run has no such file.

    Raises:
        ValueError: the file is damaged.
    """
    if not run.exists(SURPLUS):
        return frozenset()
    return _SURPLUS.load(run.read(SURPLUS), f"{run.url}/{SURPLUS}")


def write_surplus(run: RunDirectory, images: Iterable[str]) -> None:
    run.write(SURPLUS, _SURPLUS.dump({"images": sorted(images)}))


def _names(fields: dict[str, Any]) -> frozenset[str]:
    if not all(isinstance(name, str) for name in fields["images"]):
        raise TypeError("its images are not names")
    return frozenset(fields["images"])


_SURPLUS = JsonDocument("a list of surplus images", 1, _names, "give the build command again")
