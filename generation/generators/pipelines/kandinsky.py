"""Kandinsky 2.2: its two halves, which are published apart, put together."""

from pathlib import Path
from typing import Any

from generation.checkpoints.checkpoint import CheckpointError
from generation.checkpoints.files import locate
from generation.checkpoints.published import KANDINSKY_PRIOR
from generation.generators.pipelines.load import load_pipeline


def load(folder: Path, dtype: str) -> Any:
    """KandinskyV22InpaintCombinedPipeline from a decoder's folder and the prior that belongs to it.

    The prior is the folder `prior` in the decoder's or `kandinsky-2-2-prior` beside it; a decoder that the Hub
    gave has its prior there too.
    """
    from diffusers import KandinskyV22InpaintCombinedPipeline

    decoder = load_pipeline("KandinskyV22InpaintPipeline", folder, dtype, {})
    prior = load_pipeline("KandinskyV22PriorPipeline", prior_folder(folder), dtype, {})
    combined: Any = KandinskyV22InpaintCombinedPipeline(
        **decoder.components, **{f"prior_{name}": part for name, part in prior.components.items()}
    )
    combined.set_progress_bar_config(disable=True)
    return combined


def prior_folder(decoder: Path) -> Path:
    """Where the prior is.

    Raises:
        CheckpointError: it is neither here nor can be had.
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
