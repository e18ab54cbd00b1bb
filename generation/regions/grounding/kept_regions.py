"""The regions that were found on a photograph, kept in the run directory: `regions/IMAGE.json`."""

import dataclasses
import json

from builder.run.directory import RunDirectory
from generation.regions.annotations import Region, Regions


def read_regions(run: RunDirectory, image: str, fingerprint: str) -> Regions | None:
    """What was found on a photograph by the models that the fingerprint names; None where they have not looked.

    Raises:
        ValueError: the file is not one of ours; it says which.
    """
    try:
        content = json.loads(run.read(_path(image)))
        found = Regions(tuple(Region(**one) for one in content["regions"]), tuple(content["dropped"]))
        return found if content["fingerprint"] == fingerprint else None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{run.url}/{_path(image)} does not hold regions ({error!r}); delete it to look for them again"
        ) from error


def write_regions(run: RunDirectory, image: str, fingerprint: str, regions: Regions) -> None:
    content = {"fingerprint": fingerprint, **dataclasses.asdict(regions)}
    run.write(_path(image), json.dumps(content, indent=1).encode())


def _path(image: str) -> str:
    return f"regions/{image}.json"
