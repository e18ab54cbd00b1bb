"""Finds or downloads a checkpoint's files, and checks that they are complete and undamaged."""

import json
import os
from pathlib import Path

from generation.checkpoints.checkpoint import (
    Checkpoint,
    CheckpointError,
    IncompleteCheckpoint,
    Place,
    PublishedFile,
)
from generation.checkpoints.download import download

INDEX = "model_index.json"


def locate(place: Place) -> Path:
    """Returns the folder of a complete diffusers checkpoint; downloads it if it is not in the cache.

    A cached revision is used without a request to the Hub: newer commits of a branch are not looked up.

    Raises:
        CheckpointError: the checkpoint is missing, gated or damaged.
    """
    if folder := place.folder:
        return check_folder(folder)
    if not place.on_hub:
        raise CheckpointError(f"{place.source} is neither a folder nor a name on the Hub such as NAMESPACE/NAME")
    return cached(place) or check_folder(_download(place))


def cached(place: Place) -> Path | None:
    """The folder of a checkpoint in the Hub's cache; None if it is missing or incomplete.

    Raises:
        CheckpointError: it is damaged.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = snapshot_download(place.source, revision=place.revision, local_files_only=True)
        return check_folder(Path(folder))
    except (LocalEntryNotFoundError, IncompleteCheckpoint):
        return None


def _download(place: Place) -> Path:
    from diffusers import DiffusionPipeline
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(place.source, revision=place.revision)
        return Path(
            DiffusionPipeline.download(
                place.source, revision=place.revision, variant=place.variant, use_safetensors=True
            )
        )
    except Exception as error:
        raise CheckpointError(explain(place.source, place.revision, error)) from error


def explain(repository: str, revision: str | None, error: Exception) -> str:
    """One line for people: why a download from the Hub failed, and what to do."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    name = f"{repository}@{revision}" if revision else repository
    if isinstance(error, GatedRepoError):
        return (
            f"{name} is gated: ask for access at {constants.ENDPOINT}/{repository} and log in with `hf auth login`"
        )
    if isinstance(error, RepositoryNotFoundError):
        return f"{repository} is not on the Hub ({constants.ENDPOINT}), or is private; was it renamed?"
    if isinstance(error, RevisionNotFoundError):
        return f"{repository} has no revision {revision} on the Hub ({constants.ENDPOINT})"
    reason = " ".join(str(error).split())[:200]
    return (
        f"{name} is not in {constants.HF_HUB_CACHE} and could not be downloaded from {constants.ENDPOINT} "
        f"({type(error).__name__}: {reason}); where there is a network, `{hf_download(repository, revision)}` "
        "fetches it"
    )


def hf_download(repository: str, revision: str | None) -> str:
    """The command that downloads a repository of the Hub into its cache."""
    return f"hf download {repository}" + (f" --revision {revision}" if revision else "")


# ── Files that are not on the Hub ─────────────────────────────────────────────────────────────────


def fetch_files(checkpoint: Checkpoint, folder: Path) -> Path:
    """Downloads those of a checkpoint's files that a folder lacks.

    Raises:
        CheckpointError: a file could not be downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in missing_files(checkpoint, folder):
        try:
            download(file, folder)
        except OSError as error:
            raise CheckpointError(
                f"{file.url} could not be downloaded ({error}); download it yourself and put it into {folder}"
            ) from error
    return folder


def locate_files(checkpoint: Checkpoint, place: Place) -> Path:
    """Returns a folder with copies of a checkpoint's files: a local one, or a Hub repository, which is downloaded.

    Raises:
        CheckpointError: a file is missing.
    """
    folder = place.folder or _download_files(checkpoint, place)
    if missing := missing_files(checkpoint, folder):
        names, urls = ", ".join(file.name for file in missing), " and ".join(file.url for file in missing)
        raise IncompleteCheckpoint(f"{folder} lacks {names}; there is {urls}")
    return folder


def _download_files(checkpoint: Checkpoint, place: Place) -> Path:
    from huggingface_hub import snapshot_download

    if not place.on_hub:
        raise CheckpointError(f"{place.source} is neither a folder nor a name on the Hub such as NAMESPACE/NAME")
    names = [file.name for file in checkpoint.files]
    names += [str(Path(name).with_suffix(".safetensors")) for name in names if name.endswith(".pt")]
    try:
        return Path(snapshot_download(place.source, revision=place.revision, allow_patterns=names))
    except Exception as error:
        raise CheckpointError(explain(place.source, place.revision, error)) from error


def missing_files(checkpoint: Checkpoint, folder: Path) -> list[PublishedFile]:
    """Those of a checkpoint's files that are not in a folder."""
    return [file for file in checkpoint.files if not _is_there(folder / file.name)]


def _is_there(file: Path) -> bool:
    """Whether a file exists, or a .safetensors file of the same name."""
    return file.is_file() or file.with_suffix(".safetensors").is_file()


# ── Checking a folder ─────────────────────────────────────────────────────────────────────────────


def check_folder(folder: Path) -> Path:
    """Returns the folder of a diffusers checkpoint after checking that no part is missing and no file truncated.

    Raises:
        IncompleteCheckpoint: a file is missing.
        CheckpointError: a file is damaged.
    """
    index = _read_json(folder / INDEX)
    for part, kind in index.items():
        if part.startswith("_") or not isinstance(kind, list) or kind[0] is None:
            continue
        if not (folder / part).is_dir():
            raise IncompleteCheckpoint(f"{folder} lacks {part}/, which its {INDEX} names; download it again")
        _check_part(folder / part, kind[1])
    return folder


def _check_part(part: Path, kind: str) -> None:
    files = {file.name for file in part.glob("*.safetensors")}
    for index in part.glob("*.safetensors.index*.json"):
        named = set(_read_json(index)["weight_map"].values())
        if (
            named & files and named - files
        ):  # an index of a variant that was not downloaded names only missing files
            raise IncompleteCheckpoint(f"{part} lacks {min(named - files)}; download it again")
    has_weights = not any(word in kind for word in ("Tokenizer", "Scheduler", "Processor", "Extractor"))
    if has_weights and not files:
        raise IncompleteCheckpoint(f"{part} holds no .safetensors file; download it again")
    for name in sorted(files):
        check_safetensors(part / name)


def check_safetensors(file: Path) -> None:
    """Checks that a safetensors file is as long as its header says.

    Raises:
        CheckpointError: it is not.
    """
    actual = os.path.getsize(file)
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = json.loads(opened.read(length)) if 2 <= length < actual else None
    except ValueError:
        header = None
    if header is None:
        raise CheckpointError(f"{file} is damaged: its header cannot be read; delete it and download it again")
    ends = (entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    expected = 8 + length + max(ends, default=0)
    if actual != expected:
        raise CheckpointError(
            f"{file} is damaged: it has {actual:,} bytes of {expected:,}; delete it and download it again"
        )


def _read_json(file: Path) -> dict:
    try:
        return json.loads(file.read_text())
    except FileNotFoundError as error:
        raise IncompleteCheckpoint(
            f"{file} is missing: this is not a diffusers checkpoint, or not all of it"
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{file} is damaged ({error}); delete it and download it again") from error
