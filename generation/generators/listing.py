"""The rows of `diffseg30k generators`: each checkpoint with size, licence and availability of its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffseg30k import GENERATOR_NAMES
from generation.checkpoints.cache import cache_folder
from generation.checkpoints.checkpoint import Checkpoint, CheckpointError, Place, place_of
from generation.checkpoints.files import cached, check_folder, explain, locate_files, missing_files
from generation.generators.entries import GENERATORS
from generation.generators.lora import LORAS, LoraEntry

HEADINGS = ("generator", "name", "checkpoint", "size", "licence", "weights")

HERE, DOWNLOADABLE, GATED, MISSING, UNKNOWN = "here", "downloadable", "gated", "missing", "unknown"
TIMEOUT = 5.0
"""Timeout of a request to the Hub, in seconds."""


@dataclass(frozen=True)
class GeneratorStatus:
    """One generator or LoRA and the availability of its weights.

    Attributes:
        id: its short id.
        name: its full name.
        checkpoint: name of its weights, or of their replacement.
        gigabytes: size of the download, about; None where it is not known.
        license: the licence's name; None where it is not known.
        license_url: where the licence can be read.
        state: `here` (on this machine), `downloadable`, `gated`, `missing` or `unknown`.
        note: where the weights are, or what to do.
    """

    id: str
    name: str
    checkpoint: str
    gigabytes: float | None
    license: str | None
    license_url: str | None
    state: str
    note: str

    def row(self) -> tuple[str, ...]:
        """The cells under HEADINGS."""
        size = f"{self.gigabytes:.1f} GB" if self.gigabytes is not None else ""
        weights = f"{self.state}: {self.note}" if self.note else self.state
        return (self.id, self.name, self.checkpoint, size, self.license or "", weights)


def describe(replacements: Mapping[str, str] | None = None) -> list[GeneratorStatus]:
    """Describes all generators and LoRAs, in order; asks the Hub about weights that are not on this machine.

    Args:
        replacements: generator to the folder or Hub name that replaces its checkpoint.

    Raises:
        ValueError: a generator's id is unknown.
    """
    replaced = replacements or {}
    for name in replaced:
        if name not in GENERATORS and name not in LORAS:
            raise ValueError(f"{name!r} is not a generator; there are {', '.join(GENERATORS)}")
    rows = [
        _replaced(name, replaced[name]) if name in replaced else _published(name, entry.checkpoint)
        for name, entry in GENERATORS.items()
    ]
    return rows + [_lora(entry) for entry in LORAS.values()]


def rows(statuses: Sequence[GeneratorStatus]) -> list[tuple[str, ...]]:
    """The cells of the table, one row per status."""
    return [status.row() for status in statuses]


def _published(generator: str, checkpoint: Checkpoint) -> GeneratorStatus:
    state, note = _files_state(checkpoint) if checkpoint.files else _state(checkpoint.places, checkpoint.gated)
    return GeneratorStatus(
        id=generator,
        name=GENERATOR_NAMES[generator],
        checkpoint=checkpoint.name,
        gigabytes=checkpoint.gigabytes,
        license=checkpoint.license,
        license_url=checkpoint.license_url,
        state=state,
        note=note,
    )


def _replaced(generator: str, replacement: str) -> GeneratorStatus:
    published, place = GENERATORS[generator].checkpoint, place_of(replacement)
    if published.files and place.folder:
        state, note = _copied_state(published, place.folder)
    else:
        state, note = _state((place,), gated=False)
    name = GENERATOR_NAMES[generator]
    return GeneratorStatus(generator, name, replacement, None, None, None, state, note)


def _lora(entry: LoraEntry) -> GeneratorStatus:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(entry.repository, entry.file, revision=entry.revision)
    if isinstance(found, str):
        state, note = HERE, found
    else:
        state, note = _on_hub(Place(entry.repository, entry.revision), gated=False)
    name = f"LoRA for {GENERATOR_NAMES[entry.generator]}"
    return GeneratorStatus(
        entry.id, name, entry.name, entry.gigabytes, entry.license, entry.license_url, state, note
    )


def _state(places: Sequence[Place], gated: bool) -> tuple[str, str]:
    """The state and note of weights in several repositories: the least available one decides."""
    for place in places:
        try:
            folder = check_folder(place.folder) if place.folder else _cached(place)
        except CheckpointError as error:
            return MISSING, str(error)
        if folder is None:
            return _on_hub(place, gated)
    return HERE, str(places[0].folder or cached(places[0]))


def _cached(place: Place) -> Path | None:
    if not place.on_hub:
        raise CheckpointError(f"{place.source} is neither a folder nor a name on the Hub")
    return cached(place)


def _on_hub(place: Place, gated: bool) -> tuple[str, str]:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    api = HfApi()
    ask = f"ask for access at {constants.ENDPOINT}/{place.source}, then log in with `hf auth login`"
    try:
        api.model_info(place.source, revision=place.revision, timeout=TIMEOUT)
        api.auth_check(place.source)
    except GatedRepoError:
        return GATED, ask
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        return MISSING, explain(place.source, place.revision, error)
    except Exception as error:
        reason = f"not here, and the Hub ({constants.ENDPOINT}) does not answer ({type(error).__name__})"
        return UNKNOWN, f"{reason}; it is gated: {ask}" if gated else reason
    return DOWNLOADABLE, ""


def _files_state(checkpoint: Checkpoint) -> tuple[str, str]:
    folder = cache_folder() / checkpoint.folder_name
    missing = missing_files(checkpoint, folder)
    if not missing:
        return HERE, str(folder)
    return UNKNOWN, f"not here; fetched at the first use from {missing[0]}"


def _copied_state(checkpoint: Checkpoint, folder: Path) -> tuple[str, str]:
    try:
        return HERE, str(locate_files(checkpoint, Place(str(folder))))
    except CheckpointError as error:
        return MISSING, str(error)
