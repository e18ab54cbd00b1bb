"""What `diffseg30k generators` lists: each checkpoint with size, licence and availability of its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffseg30k import GENERATOR_NAMES
from generation.checkpoints.cache import cache_folder
from generation.checkpoints.checkpoint import Checkpoint, CheckpointError, Place, place_of
from generation.checkpoints.files import (
    cached,
    check_folder,
    explain,
    hf_download,
    locate_files,
    missing_files,
)
from generation.checkpoints.published import ALTERNATIVES
from generation.generators.entries import ALTERNATIVE_ENTRIES, GENERATORS
from generation.generators.lora import LORAS, LoraEntry

HEADINGS = ("generator", "name", "size", "weights", "licence")

HERE, DOWNLOADABLE, GATED, MISSING, UNKNOWN = "here", "downloadable", "gated", "missing", "not here"
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
        state: `here` (on this machine), `downloadable`, `gated`, `missing` or `not here`.
        note: where the weights are, or what is the matter.
        download: commands that download the weights; empty where they are here or no command does.
        alternatives: other checkpoints, as `NAME: CHECKPOINT`; NAME is what `--checkpoint` takes.
    """

    id: str
    name: str
    checkpoint: str
    gigabytes: float | None
    license: str | None
    license_url: str | None
    state: str
    note: str
    download: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()

    def row(self) -> tuple[str, ...]:
        """The cells under HEADINGS."""
        size = f"{self.gigabytes:.1f} GB" if self.gigabytes is not None else ""
        return (self.id, self.name, size, self.state, self.license or "")

    def details(self) -> list[str]:
        """What has no room in the table, in lines; nothing is shortened."""
        lines = [f"{self.id}: {self.checkpoint}"]
        if self.license_url:
            lines.append(f"  licence: {self.license}, {self.license_url}")
        if self.note:
            lines.append(f"  weights: {self.note}")
        lines += [f"  to download: {command}" for command in self.download]
        lines += [f"  or --checkpoint {self.id}={alternative}" for alternative in self.alternatives]
        return lines


@dataclass(frozen=True)
class Listing:
    """All generators and LoRAs.

    Attributes:
        generators: in order of their class ids, LoRAs last.
        hub: why the Hub could not be asked; None where it could, or did not have to be.
    """

    generators: tuple[GeneratorStatus, ...]
    hub: str | None = None

    def details(self) -> list[str]:
        """The lines below the table."""
        lines = [line for status in self.generators for line in status.details()]
        return [*lines, self.hub] if self.hub else lines


def describe(replacements: Mapping[str, str] | None = None, names: Sequence[str] | None = None) -> Listing:
    """Describes generators and LoRAs, in order; asks the Hub about weights that are not on this machine.

    When the Hub does not answer once, it is not asked again.

    Args:
        replacements: generator to what replaces its checkpoint: the name of an alternative, a folder or a Hub
            name.
        names: the ids to describe; None for all.

    Raises:
        ValueError: an id is unknown.
    """
    replaced, known = replacements or {}, (*GENERATORS, *LORAS)
    for name in (*replaced, *(names or ())):
        if name not in known:
            raise ValueError(f"{name!r} is not a generator; there are {', '.join(known)}")
    hub = _Hub()
    chosen = [name for name in known if names is None or name in names]
    return Listing(tuple(_status(name, replaced.get(name), hub) for name in chosen), hub.problem)


class _Hub:
    """Answers whether repositories can be downloaded; after the first failure none is asked about.

    Attributes:
        problem: why it could not be asked; None while it could.
    """

    def __init__(self) -> None:
        self.problem: str | None = None

    def state(self, place: Place, gated: bool) -> tuple[str, str]:
        from huggingface_hub import HfApi, constants
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

        ask = f"gated: ask for access at {constants.ENDPOINT}/{place.source}, then log in with `hf auth login`"
        if self.problem:
            return UNKNOWN, ask if gated else ""
        api = HfApi()
        try:
            api.model_info(place.source, revision=place.revision, timeout=TIMEOUT)
            api.auth_check(place.source)
        except GatedRepoError:
            return GATED, ask
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            return MISSING, explain(place.source, place.revision, error)
        except Exception as error:
            self.problem = (
                f"the Hub ({constants.ENDPOINT}) does not answer ({type(error).__name__}): whether the weights "
                "that are not here can be downloaded is not known"
            )
            return UNKNOWN, ask if gated else ""
        return DOWNLOADABLE, ""


def _status(name: str, replacement: str | None, hub: _Hub) -> GeneratorStatus:
    if name in LORAS:
        return _lora(LORAS[name], hub)
    alternatives = tuple(f"{key}: {each.name}" for key, each in ALTERNATIVES.get(name, {}).items())
    if replacement in ALTERNATIVE_ENTRIES.get(name, {}):
        return _published(name, ALTERNATIVES[name][replacement], hub, ())
    if replacement:
        return _replaced(name, replacement, hub)
    return _published(name, GENERATORS[name].checkpoint, hub, alternatives)


def _published(
    generator: str, checkpoint: Checkpoint, hub: _Hub, alternatives: tuple[str, ...]
) -> GeneratorStatus:
    if checkpoint.files:
        state, note = _files_state(checkpoint)
        commands: tuple[str, ...] = ()
    else:
        state, note = _state(checkpoint.places, checkpoint.gated, hub)
        commands = tuple(map(_download_command, checkpoint.places))
    return GeneratorStatus(
        id=generator,
        name=GENERATOR_NAMES[generator],
        checkpoint=checkpoint.name,
        gigabytes=checkpoint.gigabytes,
        license=checkpoint.license,
        license_url=checkpoint.license_url,
        state=state,
        note=note,
        download=() if state == HERE else commands,
        alternatives=alternatives,
    )


def _download_command(place: Place) -> str:
    """The command that downloads what a pipeline loads, and not what else is in its repository."""
    weights = f"'*/*.{place.variant}*safetensors'" if place.variant else "'*/*.safetensors'"
    patterns = ["model_index.json", "'*/*.json'", "'*/*.txt'", "'*/*.model'", weights]
    included = " ".join(f"--include {pattern}" for pattern in patterns)
    excluded = "" if place.variant else " --exclude '*.fp16*'"
    return f"{hf_download(place.source, place.revision)} {included}{excluded}"


def _replaced(generator: str, replacement: str, hub: _Hub) -> GeneratorStatus:
    published, place = GENERATORS[generator].checkpoint, place_of(replacement)
    if published.files and place.folder:
        state, note = _copied_state(published, place.folder)
    else:
        state, note = _state((place,), gated=False, hub=hub)
    name = GENERATOR_NAMES[generator]
    download = (hf_download(place.source, place.revision),) if state in (DOWNLOADABLE, GATED, UNKNOWN) else ()
    return GeneratorStatus(generator, name, replacement, None, None, None, state, note, download)


def _lora(entry: LoraEntry, hub: _Hub) -> GeneratorStatus:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(entry.repository, entry.file, revision=entry.revision)
    if isinstance(found, str):
        state, note = HERE, found
    else:
        state, note = hub.state(Place(entry.repository, entry.revision), gated=False)
    command = f"hf download {entry.repository} {entry.file} --revision {entry.revision}"
    return GeneratorStatus(
        id=entry.id,
        name=f"LoRA for {GENERATOR_NAMES[entry.generator]}",
        checkpoint=entry.name,
        gigabytes=entry.gigabytes,
        license=entry.license,
        license_url=entry.license_url,
        state=state,
        note=note,
        download=() if state == HERE else (command,),
    )


def _state(places: Sequence[Place], gated: bool, hub: _Hub) -> tuple[str, str]:
    """The state and note of weights in several repositories: the least available one decides."""
    for place in places:
        try:
            folder = check_folder(place.folder) if place.folder else _cached(place)
        except CheckpointError as error:
            return MISSING, str(error)
        if folder is None:
            return hub.state(place, gated)
    return HERE, str(places[0].folder or cached(places[0]))


def _cached(place: Place) -> Path | None:
    if not place.on_hub:
        raise CheckpointError(f"{place.source} is neither a folder nor a name on the Hub")
    return cached(place)


def _files_state(checkpoint: Checkpoint) -> tuple[str, str]:
    folder = cache_folder() / checkpoint.folder_name
    missing = missing_files(checkpoint, folder)
    if not missing:
        return HERE, str(folder)
    return UNKNOWN, f"fetched at the first use from {' and '.join(file.url for file in missing)} to {folder}"


def _copied_state(checkpoint: Checkpoint, folder: Path) -> tuple[str, str]:
    try:
        return HERE, str(locate_files(checkpoint, Place(str(folder))))
    except CheckpointError as error:
        return MISSING, str(error)
