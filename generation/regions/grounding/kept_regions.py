"""Reads and writes the regions found on a photograph, as `regions/IMAGE.json` in the run directory."""

import dataclasses
import json

from builder.run.directory import RunDirectory
from generation.regions.annotations import Region, Regions


def read_regions(run: RunDirectory, image: str, fingerprint: str) -> Regions | None:
    """Reads the regions of a photograph if they have this fingerprint of models and photograph; else None.

    Raises:
        ValueError: the file does not hold regions; the message names it.
    """
    try:
        content = json.loads(run.read(_path(image)))
        found = Regions(tuple(Region(**one) for one in content["regions"]), tuple(content["dropped"]))
        return found if content["fingerprint"] == fingerprint else None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{run.url}/{_path(image)} does not hold regions ({error!r}); delete it to find them again"
        ) from error


def write_regions(run: RunDirectory, image: str, fingerprint: str, regions: Regions) -> None:
    content = {"fingerprint": fingerprint, **dataclasses.asdict(regions)}
    run.write(_path(image), json.dumps(content, indent=1).encode())


def _path(image: str) -> str:
    return f"regions/{image}.json"
