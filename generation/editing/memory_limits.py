"""Remembers in the run directory what memory allowed: the placement and the batch with which a model fits.

    memory/GENERATOR.KEY.json   a `Placement`; KEY is a digest of the checkpoint, the LoRA and the kind of device

Every worker on the same kind of device begins with it, in this wave and in later ones.
"""

import dataclasses
import hashlib
from typing import Any

from builder.encoding.json_document import DamagedDocument, JsonDocument
from builder.run.directory import RunDirectory
from generation.generators.pipelines.memory import PLACEMENTS, Placement


def read_limit(
    run: RunDirectory, generator: str, model: tuple[str | None, ...], device_name: str
) -> Placement | None:
    """The placement that a worker found; None where none had to look for one, or the file is damaged."""
    path = _path(generator, model, device_name)
    try:
        return _LIMIT.load(run.read(path), path)
    except (FileNotFoundError, DamagedDocument):
        return None


def write_limit(
    run: RunDirectory, generator: str, model: tuple[str | None, ...], device_name: str, placement: Placement
) -> None:
    """Remembers a placement.

    Args:
        run: the run directory.
        generator: its short id.
        model: checkpoint and LoRA.
        device_name: the kind of device, as `memory.device_name` says it.
        placement: with which a call fits, as far as is known.
    """
    run.write(_path(generator, model, device_name), _LIMIT.dump(dataclasses.asdict(placement)))


def _path(generator: str, model: tuple[str | None, ...], device_name: str) -> str:
    key = hashlib.blake2b(repr((model, device_name)).encode(), digest_size=6).hexdigest()
    return f"memory/{generator}.{key}.json"


def _parse(fields: dict[str, Any]) -> Placement:
    placement = Placement(str(fields["weights"]), bool(fields["tiled"]), int(fields["batch"]))
    if placement.weights not in PLACEMENTS or placement.batch < 1:
        raise ValueError(f"{placement} is no placement")
    return placement


_LIMIT = JsonDocument("what memory allowed", 1, _parse, "delete it")
