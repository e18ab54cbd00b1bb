"""Reads and writes the regions found on a photograph, as `regions/IMAGE.json` in the run directory."""

import dataclasses
from typing import Any

from builder.encoding.json_document import JsonDocument
from builder.run.directory import RunDirectory
from generation.regions.annotations import Region, Regions


def read_regions(run: RunDirectory, image: str, fingerprint: str) -> Regions | None:
    """Reads the regions of a photograph if they have this fingerprint of models and photograph; else None.

    Raises:
        ValueError: the file does not hold regions; the message names it.
    """
    try:
        data = run.read(_path(image))
    except FileNotFoundError:
        return None
    found_by, regions = _REGIONS.load(data, f"{run.url}/{_path(image)}")
    return regions if found_by == fingerprint else None


def write_regions(run: RunDirectory, image: str, fingerprint: str, regions: Regions) -> None:
    run.write(_path(image), _REGIONS.dump({"fingerprint": fingerprint, **dataclasses.asdict(regions)}))


def _parse(fields: dict[str, Any]) -> tuple[str, Regions]:
    regions = Regions(tuple(Region(**one) for one in fields["regions"]), tuple(fields["dropped"]))
    return fields["fingerprint"], regions


_REGIONS = JsonDocument("a list of regions", 1, _parse, "delete it to look for them again")


def _path(image: str) -> str:
    return f"regions/{image}.json"
