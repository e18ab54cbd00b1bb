"""Moves finished shards from the staging folder into a dataset, and those that they replace out of it.

What is to be moved is written down first, so that the next pack finishes a switch that was cut off before it looks
at the dataset: half of a switch would look like a dataset that has grown.
"""

import dataclasses
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from builder.dataset.manifest import Manifest, load_manifest, manifest_fields, write_manifest
from builder.encoding.json_document import JsonDocument
from builder.encoding.whole_file import move_whole, write_whole
from builder.run.file_digest import FileDigest, digest_file

STAGING = ".packing"
_JOURNAL = "switch.json"


@dataclass(frozen=True)
class Switch:
    """What becomes of a dataset's shards.

    Attributes:
        new: path, relative to the dataset, to digest, of shards that are finished in the staging folder.
        stale: paths of shards that go.
        manifest: what the manifest is to say then.
    """

    new: Mapping[str, FileDigest]
    stale: tuple[str, ...]
    manifest: Manifest


def switch(out: str, new: Mapping[str, FileDigest], stale: Iterable[str], manifest: Manifest) -> None:
    """Carries a switch out, and removes the staging folder."""
    planned = Switch(new, tuple(sorted(stale)), manifest)
    if planned.new or planned.stale:
        files = {path: dataclasses.asdict(digest) for path, digest in sorted(new.items())}
        fields = {"new": files, "stale": planned.stale, "manifest": manifest_fields(manifest)}
        write_whole(os.path.join(out, STAGING, _JOURNAL), _SWITCH.dump(fields))
    _carry_out(out, planned)


def finish_switch(out: str) -> None:
    """Finishes a switch that was cut off, if there is one.

    If a shard in the staging folder is damaged by now, the dataset is left as it was before the switch.

    Raises:
        ValueError: what it was to do cannot be read.
    """
    journal = os.path.join(out, STAGING, _JOURNAL)
    try:
        with open(journal, "rb") as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return
    planned = _SWITCH.load(data, journal)
    if all(_is_whole(out, path, digest) for path, digest in planned.new.items()):
        _carry_out(out, planned)
    else:
        _take_back(out, planned)


def _is_whole(out: str, path: str, digest: FileDigest) -> bool:
    """Whether a new shard has been moved already, or can be."""
    staged = os.path.join(out, STAGING, path)
    if not os.path.exists(staged):
        return os.path.exists(os.path.join(out, path))
    return digest_file(staged) == digest


def _take_back(out: str, planned: Switch) -> None:
    """Removes the new shards that were moved. No stale one is gone: these go once all new ones are moved."""
    for path in planned.new:
        place = os.path.join(out, path)
        if os.path.exists(place):
            os.remove(place)
    shutil.rmtree(os.path.join(out, STAGING))


def _carry_out(out: str, planned: Switch) -> None:
    for path in planned.new:
        staged = os.path.join(out, STAGING, path)
        if os.path.exists(staged):
            move_whole(staged, os.path.join(out, path))
    for path in planned.stale:
        place = os.path.join(out, path)
        if os.path.exists(place):
            os.remove(place)
            if not os.listdir(os.path.dirname(place)):
                os.rmdir(os.path.dirname(place))
    write_manifest(out, planned.manifest)
    shutil.rmtree(os.path.join(out, STAGING), ignore_errors=True)


def _switch(content: dict[str, Any]) -> Switch:
    new = {path: FileDigest(digest["size"], digest["sha256"]) for path, digest in content["new"].items()}
    return Switch(new, tuple(content["stale"]), load_manifest(content["manifest"]))


_SWITCH = JsonDocument("a plan of shards to move", 2, _switch, "delete it to pack anew")
