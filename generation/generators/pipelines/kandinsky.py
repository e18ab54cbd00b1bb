"""Loads Kandinsky 2.2 from its decoder and its prior, which are published as two checkpoints."""

from pathlib import Path
from typing import Any

from generation.checkpoints.checkpoint import CheckpointError
from generation.checkpoints.files import locate
from generation.checkpoints.published import KANDINSKY_PRIOR
from generation.generators.pipelines.load import LoadOptions, load_pipeline


def load(folder: Path, options: LoadOptions) -> Any:
    """Loads KandinskyV22InpaintCombinedPipeline from a decoder's folder and its prior.

    The prior is the folder `prior` inside the decoder's folder, or `kandinsky-2-2-prior` next to it, or on the Hub
    for a decoder from there.
    """
    from diffusers import KandinskyV22InpaintCombinedPipeline

    decoder = load_pipeline("KandinskyV22InpaintPipeline", folder, options)
    prior = load_pipeline("KandinskyV22PriorPipeline", prior_folder(folder), options)
    combined: Any = KandinskyV22InpaintCombinedPipeline(
        **decoder.components, **{f"prior_{name}": part for name, part in prior.components.items()}
    )
    combined.set_progress_bar_config(disable=True)
    return combined


def prior_folder(decoder: Path) -> Path:
    """The folder of a decoder's prior.

    Raises:
        CheckpointError: it is not on this machine and cannot be downloaded.
    """
    places = (decoder / "prior", decoder.parent / "kandinsky-2-2-prior")
    for place in places:
        if (place / "model_index.json").is_file():
            return place
    try:
        return locate(KANDINSKY_PRIOR)
    except CheckpointError as error:
        looked = " and ".join(str(place) for place in places)
        raise CheckpointError(f"its prior is not in {looked}, and {error}") from error
